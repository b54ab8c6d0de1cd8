import { Cluster, Cluster_DiscoveryType as DiscoveryType } from '../../proto/gen/envoy/config/cluster/v3/cluster.ts';
import type { TransportSocket } from '../../proto/gen/envoy/config/core/v3/base.ts';
import { ClusterLoadAssignment } from '../../proto/gen/envoy/config/endpoint/v3/endpoint.ts';
import type { MeshService, MeshWorkload, ServicePort } from '../registry/mesh-snapshot.ts';
import type { XdsResource } from '../xds/resource.ts';
import { encodeResource } from './encode-resource.ts';
import { socketAddress } from './endpoints.ts';
import { loadBalancingPolicy } from './load-balancing.ts';
import type { Memo } from './memo.ts';
import { byName, inboundName, meshServerName, outboundName } from './names.ts';
import { adsSource, durationFromMs } from './proto-values.ts';
import { meshUpstreamSocket, rawBufferSocket } from './tls-contexts.ts';
import { httpOptions, type UpstreamHttp, upstreamHttp } from './upstream-http.ts';

/** The cluster of a port of a service (docs/xds-resources.md, outbound cluster). */
export function outboundCluster(memo: Memo, service: MeshService, port: ServicePort, trustDomain: string): XdsResource {
  const name = outboundName(service.fqdn, port.port);
  const ids = spiffeIdsBehind(memo, name, port);
  // Envoy reads an empty list as "anyone". A service that nobody stands behind trusts nobody: an id never issued.
  const expected = ids === '' ? [`spiffe://${trustDomain}/none`] : ids.split(' ');
  const meshed = port.endpoints.every((endpoint) => endpoint.meshed);
  return memo.get(`cluster ${name}`, [service.policy, port.protocol, port.http2, ids, meshed, trustDomain], () =>
    encodeResource(Cluster, name, outboundMessage(name, service, port, expected)),
  );
}

/** The application beside the sidecar (docs/xds-resources.md, inbound cluster). */
export function inboundClusters(memo: Memo, workload: MeshWorkload): readonly XdsResource[] {
  const [first = ''] = workload.services;
  const service = serviceName(first);
  return memo.get(`inbound-clusters ${workload.namespace}/${workload.name}`, [workload.ports, service], () =>
    workload.ports.map((port) => {
      const name = inboundName(port.appPort);
      const message = Cluster.fromPartial({
        name,
        clusterDiscoveryType: { $case: 'type', value: DiscoveryType.STATIC },
        connectTimeout: durationFromMs(1_000),
        loadAssignment: ClusterLoadAssignment.fromPartial({
          clusterName: name,
          endpoints: [
            {
              lbEndpoints: [
                { hostIdentifier: { $case: 'endpoint', value: { address: socketAddress('127.0.0.1', port.appPort) } } },
              ],
            },
          ],
        }),
        metadata: clusterMetadata(service, port.appPort, port.protocol),
        typedExtensionProtocolOptions:
          port.protocol === 'http' ? httpOptions(port.http2 === true ? 'http2' : 'http1') : {},
      });
      return encodeResource(Cluster, name, message);
    }),
  );
}

function outboundMessage(name: string, service: MeshService, port: ServicePort, spiffeIds: readonly string[]): Cluster {
  const { policy } = service;
  const http = upstreamHttp(port);
  return Cluster.fromPartial({
    name,
    clusterDiscoveryType: { $case: 'type', value: DiscoveryType.EDS },
    edsClusterConfig: { edsConfig: adsSource },
    connectTimeout: durationFromMs(policy.connectTimeoutMs),
    circuitBreakers: {
      thresholds: [
        {
          maxConnections: policy.limits.connections,
          maxPendingRequests: policy.limits.pendingRequests,
          maxRequests: policy.limits.requests,
          retryBudget: {
            budgetPercent: { value: policy.retryBudget.percent },
            minRetryConcurrency: policy.retryBudget.minConcurrency,
          },
        },
      ],
    },
    loadBalancingPolicy: loadBalancingPolicy(policy.balancer),
    ...transportSockets(meshUpstreamSocket(meshServerName(service.fqdn, port.port), spiffeIds, http), http),
    metadata: clusterMetadata(`${service.name}.${service.namespace}`, port.port, port.protocol),
    typedExtensionProtocolOptions: http === undefined ? {} : httpOptions(http),
  });
}

/** The ids of meshed endpoints, sorted, with spaces between; endpoints may come and go without a change of these. */
function spiffeIdsBehind(memo: Memo, name: string, port: ServicePort): string {
  return memo.get(`spiffe-ids ${name}`, [port.endpoints], () => {
    const ids = new Set(port.endpoints.filter((endpoint) => endpoint.meshed).map((endpoint) => endpoint.spiffeId));
    return [...ids].sort(byName).join(' ');
  });
}

function clusterMetadata(service: string, port: number, protocol: 'http' | 'tcp') {
  return { filterMetadata: { 'heddle.dev': { service, port, protocol } } };
}

/**
 * Endpoints without a sidecar are spoken to in plain text. Where there are none, and HTTP/2 is to be agreed on by ALPN,
 * the cluster has TLS alone: Envoy asks that of `auto_config`.
 */
function transportSockets(
  mesh: TransportSocket,
  http: UpstreamHttp | undefined,
): Parameters<typeof Cluster.fromPartial>[0] {
  if (http === 'auto') return { transportSocket: mesh };
  return {
    transportSocketMatches: [
      { name: 'mesh', match: { tlsMode: 'heddle' }, transportSocket: mesh },
      { name: 'plain', match: {}, transportSocket: rawBufferSocket },
    ],
  };
}

/** `<name>.<namespace>` from `<namespace>/<name>`. */
function serviceName(key: string): string {
  const slash = key.indexOf('/');
  return slash < 0 ? key : `${key.slice(slash + 1)}.${key.slice(0, slash)}`;
}
