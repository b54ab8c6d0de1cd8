import { z } from 'zod';
import { metadata, status } from './metadata.ts';
import { dnsLabel, labels, portNumber, refuseDuplicates } from './names.ts';

const port = z.strictObject({
  name: dnsLabel.optional(),
  port: portNumber,
  /** A number, or the name of a workload's port. Default: the same number as `port`. */
  targetPort: z.union([portNumber, dnsLabel], { error: 'must be a port number or the name of a port' }).optional(),
  protocol: z.literal('TCP', { error: 'only TCP is supported' }).optional(),
  appProtocol: z.string().max(253).optional(),
  nodePort: portNumber.optional(),
});

/** Core `Service` (v1). What concerns kube-proxy alone (`clusterIP`, `type`, node ports) is accepted and not used. */
export const serviceSchema = z.strictObject({
  apiVersion: z.literal('v1'),
  kind: z.literal('Service'),
  metadata: metadata(dnsLabel),
  spec: z
    .strictObject({
      /** Labels of the workloads behind it; without a selector it has no endpoints. */
      selector: labels.optional(),
      ports: z.array(port).min(1, 'at least one port').max(100, 'at most 100 ports'),
      type: z.enum(['ClusterIP', 'NodePort', 'LoadBalancer']).optional(),
      clusterIP: z.string().optional(),
      clusterIPs: z.array(z.string()).optional(),
      ipFamilies: z.array(z.enum(['IPv4', 'IPv6'])).optional(),
      ipFamilyPolicy: z.string().optional(),
      internalTrafficPolicy: z.literal('Cluster').optional(),
      sessionAffinity: z.literal('None', { error: 'only None is supported' }).optional(),
    })
    .superRefine((spec, ctx) => {
      refuseDuplicates(
        spec.ports,
        (item) => String(item.port),
        (index, key) =>
          ctx.addIssue({ code: 'custom', path: ['ports', index, 'port'], message: `port ${key} appears twice` }),
      );
      refuseDuplicates(
        spec.ports,
        (item) => item.name,
        (index, key) =>
          ctx.addIssue({ code: 'custom', path: ['ports', index, 'name'], message: `port name ${key} appears twice` }),
      );
      spec.ports.forEach((item, index) => {
        if (spec.ports.length > 1 && item.name === undefined) {
          ctx.addIssue({ code: 'custom', path: ['ports', index], message: 'several ports need a name each' });
        }
      });
    }),
  status,
});

export type Service = z.infer<typeof serviceSchema>;

const tcpWords = ['tcp', 'tls', 'redis', 'mysql', 'mongo', 'postgres', 'postgresql', 'kafka', 'amqp', 'smtp'];
const http2Words = ['http2', 'h2c', 'grpc'];
const httpWords = ['http', 'http2', 'https', 'h2c', 'grpc', 'grpc-web', 'ws', 'wss'];

/**
 * The protocol of a port: `appProtocol` decides (`http`, `grpc`, `tcp`, `redis`, `kubernetes.io/h2c`,
 * `kubernetes.io/ws` ...; an unknown one is TCP, which is always right if not always the best), then the port's name
 * or its part before the first `-` (`tcp-metrics`, `redis`, `http-api`), then HTTP.
 */
export function portProtocol(item: { name?: string | undefined; appProtocol?: string | undefined }): 'http' | 'tcp' {
  if (item.appProtocol !== undefined) {
    return httpWords.includes(item.appProtocol.toLowerCase().replace(/^kubernetes\.io\//, '')) ? 'http' : 'tcp';
  }
  const prefix = item.name?.split('-')[0] ?? '';
  return tcpWords.includes(prefix) ? 'tcp' : 'http';
}

/**
 * Whether the application behind a port takes HTTP/2 with prior knowledge: `appProtocol` (`grpc`, `http2`,
 * `kubernetes.io/h2c`) decides, then the port's name or its part before the first `-`. gRPC-Web is HTTP/1.
 */
export function speaksHttp2(item: { name?: string | undefined; appProtocol?: string | undefined }): boolean {
  if (item.appProtocol !== undefined) {
    return http2Words.includes(item.appProtocol.toLowerCase().replace(/^kubernetes\.io\//, ''));
  }
  const name = item.name ?? '';
  return http2Words.includes(name.split('-')[0] ?? '') && !/^grpc-web(-|$)/.test(name);
}
