import {
  TcpProxy,
  TcpProxy_WeightedCluster,
  TcpProxy_WeightedCluster_ClusterWeight,
} from '../../proto/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.ts';
import type { TcpChainConfig } from '../net/listener-config.ts';
import { fieldsOf } from './message-fields.ts';
import { join, type Reader } from './reader.ts';

export const tcpProxyFields = fieldsOf(TcpProxy, {
  supported: [
    'clusterSpecifier.cluster',
    'clusterSpecifier.weightedClusters',
    'idleTimeout',
    'maxConnectAttempts',
    'maxDownstreamConnectionDuration',
  ],
  ignored: {
    statPrefix: 'metrics are named by the listener',
    accessLog: 'the log is set by flags',
    accessLogOptions: 'the log is set by flags',
    accessLogFlushInterval: 'the log is set by flags',
    flushAccessLogOnConnected: 'the log is set by flags',
  },
});

export const tcpWeightedFields = fieldsOf(TcpProxy_WeightedCluster, { supported: ['clusters'] });
export const tcpClusterWeightFields = fieldsOf(TcpProxy_WeightedCluster_ClusterWeight, {
  supported: ['name', 'weight'],
});

const maxAttempts = 100;

/** Reads `tcp_proxy`. */
export function decodeTcpProxy(reader: Reader, path: string, message: TcpProxy): TcpChainConfig {
  reader.only(path, message, tcpProxyFields);
  const { maxConnectAttempts, maxDownstreamConnectionDuration } = message;
  if (maxConnectAttempts !== undefined && (maxConnectAttempts < 1 || maxConnectAttempts > maxAttempts)) {
    reader.problem(join(path, 'max_connect_attempts'), `must be between 1 and ${maxAttempts}`);
  }
  const durationPath = join(path, 'max_downstream_connection_duration');
  return {
    kind: 'tcp',
    ...decodeTarget(reader, path, message),
    idleTimeoutMs: reader.duration(join(path, 'idle_timeout'), message.idleTimeout, 3_600_000),
    ...(maxConnectAttempts === undefined ? {} : { maxConnectAttempts }),
    ...(maxDownstreamConnectionDuration === undefined
      ? {}
      : { maxConnectionDurationMs: reader.positiveDuration(durationPath, maxDownstreamConnectionDuration, 0) }),
  };
}

function decodeTarget(
  reader: Reader,
  path: string,
  message: TcpProxy,
): Pick<TcpChainConfig, 'cluster' | 'weightedClusters'> {
  const specifier = message.clusterSpecifier;
  if (specifier?.$case === 'cluster') return { cluster: reader.required(join(path, 'cluster'), specifier.value) };
  if (specifier?.$case !== 'weightedClusters') {
    reader.problem(path, 'one of cluster and weighted_clusters must be set');
    return { cluster: '' };
  }
  const at = join(path, 'weighted_clusters');
  reader.only(at, specifier.value, tcpWeightedFields);
  const weightedClusters = specifier.value.clusters.map((cluster, index) => {
    const clusterPath = join(at, `clusters[${index}]`);
    reader.only(clusterPath, cluster, tcpClusterWeightFields);
    if (cluster.weight < 1) reader.problem(join(clusterPath, 'weight'), 'must be at least 1');
    return { name: reader.required(join(clusterPath, 'name'), cluster.name), weight: cluster.weight };
  });
  const last = weightedClusters.at(-1);
  if (last === undefined) reader.problem(join(at, 'clusters'), 'missing');
  return { cluster: last?.name ?? '', weightedClusters };
}
