import { isDegraded } from './balance/endpoint-health.ts';
import type { Cluster } from './cluster/cluster.ts';
import type { EndpointConfig } from './cluster/cluster-config.ts';
import type { Listener } from './net/listener.ts';
import type { ClusterDescription, EndpointDescription, ListenerDescription } from './proxy-description.ts';

export function describeListener(listener: Listener): ListenerDescription {
  const { name, direction, address, chains } = listener.config;
  return {
    name,
    direction,
    address,
    port: listener.port,
    chains: chains.map((chain) => ({
      name: chain.name,
      kind: chain.protocol.kind,
      tls: chain.tls !== undefined,
      serverNames: chain.serverNames,
    })),
    connections: listener.connections,
  };
}

export function describeCluster(cluster: Cluster): ClusterDescription {
  const { name, service, servicePort, protocol } = cluster.config;
  return {
    name,
    service,
    servicePort,
    discovery: cluster.config.discovery.kind,
    protocol,
    activeRequests: cluster.activeRequests,
    pendingRequests: cluster.pendingRequests,
    connections: cluster.connections,
    room: {
      default: cluster.loads.default.room(cluster.connections),
      high: cluster.loads.high.room(cluster.connections),
    },
    panicPicks: cluster.selector.panicPicks,
    endpoints: cluster.endpoints.map((endpoint) => ({
      address: endpoint.config.address,
      port: endpoint.config.port,
      workload: endpoint.config.workload,
      weight: endpoint.config.weight,
      tls: endpoint.config.tls,
      healthy: endpoint.config.healthy,
      ejected: cluster.selector.isEjected(endpoint),
      checkFailed: endpoint.signals.checkFailed,
      degraded: isDegraded(endpoint),
      avoided: endpoint.signals.avoided,
      available: endpoint.available,
      edsHealth: edsHealth(endpoint.config),
      region: endpoint.config.group?.region ?? '',
      zone: endpoint.config.group?.zone ?? '',
      subZone: endpoint.config.group?.subZone ?? '',
      priority: endpoint.config.group?.priority ?? 0,
      hostname: endpoint.config.hostname ?? '',
      successRate: cluster.selector.successRateOf(endpoint),
      activeRequests: endpoint.activeRequests,
      connections: endpoint.pools?.size ?? 0,
      http2Connections: endpoint.pools?.sharedSize ?? 0,
      requests: endpoint.requests,
      failures: endpoint.failures,
    })),
  };
}

function edsHealth({ healthy, health }: EndpointConfig): EndpointDescription['edsHealth'] {
  if (health === 'degraded') return 'DEGRADED';
  if (health === 'draining') return 'DRAINING';
  if (health === 'timeout') return 'TIMEOUT';
  return healthy ? 'HEALTHY' : 'UNHEALTHY';
}
