import { z } from 'zod';
import { metadata, status } from './metadata.ts';
import { dnsLabel, dnsSubdomain, hostname, portNumber, refuseDuplicates, sectionName } from './names.ts';

/** The class of gateways that Heddle serves; those of another class are someone else's. */
export const gatewayClassName = 'heddle';

const certificateRef = z.strictObject({
  group: z.literal('', { error: 'only core Secrets are supported' }).optional(),
  kind: z.literal('Secret', { error: 'only Secret is supported' }).optional(),
  namespace: dnsLabel.optional(),
  name: dnsSubdomain,
});

const listener = z.strictObject({
  name: sectionName,
  /** Absent for every host. */
  hostname: hostname.optional(),
  port: portNumber,
  protocol: z.enum(['HTTP', 'HTTPS']),
  tls: z
    .strictObject({
      mode: z.literal('Terminate', { error: 'only Terminate is supported' }).optional(),
      certificateRefs: z.array(certificateRef).min(1, 'at least one certificate').max(64),
    })
    .optional(),
  allowedRoutes: z
    .strictObject({
      namespaces: z.strictObject({ from: z.enum(['Same', 'All']).optional() }).optional(),
      kinds: z
        .array(
          z.strictObject({
            group: z.literal('gateway.networking.k8s.io').optional(),
            kind: z.literal('HTTPRoute', { error: 'only HTTPRoute is supported' }),
          }),
        )
        .max(8)
        .optional(),
    })
    .optional(),
});

/** `Gateway` (gateway.networking.k8s.io/v1). */
export const gatewaySchema = z.strictObject({
  apiVersion: z.literal('gateway.networking.k8s.io/v1'),
  kind: z.literal('Gateway'),
  metadata: metadata(dnsSubdomain),
  spec: z
    .strictObject({
      gatewayClassName: dnsSubdomain,
      listeners: z.array(listener).min(1, 'at least one listener').max(64, 'at most 64 listeners'),
    })
    .superRefine((spec, ctx) => {
      const problem = (path: (string | number)[], message: string) => ctx.addIssue({ code: 'custom', path, message });
      refuseDuplicates(
        spec.listeners,
        (item) => item.name,
        (index, key) => problem(['listeners', index, 'name'], `listener ${key} appears twice`),
      );
      refuseDuplicates(
        spec.listeners,
        (item) => `${item.port} ${item.hostname ?? ''}`,
        (index) => problem(['listeners', index], 'another listener has the same port and hostname'),
      );
      const protocols = new Map<number, string>();
      spec.listeners.forEach((item, index) => {
        const other = protocols.get(item.port);
        if (other !== undefined && other !== item.protocol) {
          problem(['listeners', index, 'protocol'], `port ${item.port} is already ${other}`);
        }
        protocols.set(item.port, other ?? item.protocol);
        if (item.protocol === 'HTTPS' && item.tls === undefined) {
          problem(['listeners', index], 'an HTTPS listener needs tls.certificateRefs');
        }
        if (item.protocol === 'HTTP' && item.tls !== undefined) {
          problem(['listeners', index, 'tls'], 'an HTTP listener has no tls; did you mean protocol: HTTPS?');
        }
      });
    }),
  status,
});

export type Gateway = z.infer<typeof gatewaySchema>;
export type GatewayListener = Gateway['spec']['listeners'][number];
