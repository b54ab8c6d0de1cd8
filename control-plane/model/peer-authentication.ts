import { z } from 'zod';
import { metadata, status } from './metadata.ts';
import { dnsSubdomain, labels } from './names.ts';

const mtls = z.strictObject({ mode: z.enum(['STRICT', 'PERMISSIVE']) });

/** `PeerAuthentication` (heddle.dev/v1alpha1): whether workloads accept plaintext. In `heddle-system`: for the mesh. */
export const peerAuthenticationSchema = z.strictObject({
  apiVersion: z.literal('heddle.dev/v1alpha1'),
  kind: z.literal('PeerAuthentication'),
  metadata: metadata(dnsSubdomain),
  spec: z
    .strictObject({
      /** Without: every workload of the namespace. */
      selector: z.strictObject({ matchLabels: labels }).optional(),
      mtls: mtls.optional(),
      /** By application port. */
      portLevelMtls: z.record(z.string().regex(/^[1-9][0-9]{0,4}$/, 'must be a port number'), mtls).optional(),
    })
    .superRefine((spec, ctx) => {
      if (spec.mtls === undefined && spec.portLevelMtls === undefined) {
        ctx.addIssue({ code: 'custom', message: 'says nothing: give mtls or portLevelMtls' });
      }
      if (spec.portLevelMtls !== undefined && spec.selector === undefined) {
        ctx.addIssue({ code: 'custom', path: ['portLevelMtls'], message: 'portLevelMtls needs a selector' });
      }
    }),
  status,
});

export type PeerAuthentication = z.infer<typeof peerAuthenticationSchema>;
