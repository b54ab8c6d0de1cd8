import { z } from 'zod';
import { metadata, status } from './metadata.ts';
import { dnsLabel, ipAddress, portNumber, refuseDuplicates } from './names.ts';

const port = z.strictObject({
  name: dnsLabel,
  /** Where the application listens. */
  port: portNumber,
  /** Where its sidecar accepts mTLS; required with `mesh: true`. */
  inboundPort: portNumber.optional(),
  /** `http2`: the application takes HTTP/2 with prior knowledge. Default: by the name, as for a Service's port. */
  protocol: z.enum(['http', 'http2', 'tcp']).optional(),
});

const upstream = z.strictObject({
  service: dnsLabel,
  /** Default: the workload's own. */
  namespace: dnsLabel.optional(),
  /** Default: the service's first port. */
  port: portNumber.optional(),
  /** Bound by the sidecar on 127.0.0.1. */
  localPort: portNumber,
});

/** `Workload` (heddle.dev/v1alpha1): a process outside Kubernetes, with or without a sidecar. */
export const workloadSchema = z.strictObject({
  apiVersion: z.literal('heddle.dev/v1alpha1'),
  kind: z.literal('Workload'),
  metadata: metadata(dnsLabel),
  spec: z
    .strictObject({
      /** Where others reach it: the sidecar's address, or the application's without one. */
      address: ipAddress,
      /** Default `default`. */
      serviceAccount: dnsLabel.optional(),
      ports: z.array(port).max(100, 'at most 100 ports').optional(),
      upstreams: z.array(upstream).max(1_000, 'at most 1,000 upstreams').optional(),
      /** Share of requests in proportion to other workloads. Default 1. */
      weight: z.number().int().min(1).max(10_000).optional(),
      /** Whether a sidecar stands beside it. Default true. */
      mesh: z.boolean().optional(),
    })
    .superRefine((spec, ctx) => {
      const problem = (path: (string | number)[], message: string) => ctx.addIssue({ code: 'custom', path, message });
      const ports = spec.ports ?? [];
      refuseDuplicates(
        ports,
        (item) => item.name,
        (index, key) => problem(['ports', index, 'name'], `port name ${key} appears twice`),
      );
      refuseDuplicates(
        ports,
        (item) => String(item.port),
        (index, key) => problem(['ports', index, 'port'], `port ${key} appears twice`),
      );
      refuseDuplicates(
        spec.upstreams ?? [],
        (item) => String(item.localPort),
        (index, key) => problem(['upstreams', index, 'localPort'], `local port ${key} appears twice`),
      );
      ports.forEach((item, index) => {
        if (spec.mesh !== false && item.inboundPort === undefined) {
          problem(
            ['ports', index],
            'inboundPort is missing: the port on which the sidecar accepts mTLS, or set mesh: false',
          );
        }
      });
    }),
  status,
});

export type Workload = z.infer<typeof workloadSchema>;
