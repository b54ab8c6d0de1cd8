import type { Cluster } from './cluster/cluster.ts';
import type { Listener } from './net/listener.ts';
import type { ClusterDescription, ListenerDescription } from './proxy-description.ts';

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
    endpoints: cluster.endpoints.map((endpoint) => ({
      address: endpoint.config.address,
      port: endpoint.config.port,
      workload: endpoint.config.workload,
      weight: endpoint.config.weight,
      tls: endpoint.config.tls,
      healthy: endpoint.config.healthy,
      ejected: cluster.selector.isEjected(endpoint),
      activeRequests: endpoint.activeRequests,
      connections: endpoint.pools?.size ?? 0,
      requests: endpoint.requests,
      failures: endpoint.failures,
    })),
  };
}
