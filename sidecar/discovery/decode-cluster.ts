import { Cluster, Cluster_DiscoveryType } from '../../proto/gen/envoy/config/cluster/v3/cluster.ts';
import type { ClusterConfig, EndpointConfig, UpstreamTlsConfig } from '../cluster/cluster-config.ts';
import { decodeBalancer } from './decode-balancer.ts';
import { decodeBreakers } from './decode-breakers.ts';
import { decodeConnectionOptions } from './decode-connection-options.ts';
import type { DecodeContext } from './decode-context.ts';
import { decodeDns } from './decode-dns.ts';
import { type EndpointsResource, type MatchableEndpoint, readEndpoints } from './decode-endpoints.ts';
import { decodeHealthChecks } from './decode-health-check.ts';
import { decodeOutlier } from './decode-outlier.ts';
import { decodeProxyTransport } from './decode-proxy-transport.ts';
import { checkSource } from './decode-source.ts';
import { decodeUpstreamTls } from './decode-tls.ts';
import { decodeUpstreamHttp } from './decode-upstream-http.ts';
import { fieldsOf } from './message-fields.ts';
import { type Decoded, Reader } from './reader.ts';

export const clusterFields = fieldsOf(Cluster, {
  supported: [
    'name',
    'clusterDiscoveryType.type',
    'edsClusterConfig',
    'connectTimeout',
    'lbPolicy',
    'lbConfig.roundRobinLbConfig',
    'lbConfig.leastRequestLbConfig',
    'lbConfig.ringHashLbConfig',
    'lbConfig.maglevLbConfig',
    'commonLbConfig',
    'lbSubsetConfig',
    'outlierDetection',
    'healthChecks',
    'upstreamConnectionOptions',
    'loadBalancingPolicy',
    'loadAssignment',
    'dnsRefreshRate',
    'dnsFailureRefreshRate',
    'respectDnsTtl',
    'dnsLookupFamily',
    'circuitBreakers',
    'typedExtensionProtocolOptions',
    'transportSocket',
    'transportSocketMatches',
    'metadata',
  ],
  ignored: {
    altStatName: 'metrics are named by the service',
    perConnectionBufferLimitBytes: 'buffers are bounded by the watermarks of each connection',
    trackTimeoutBudgets: 'statistics only',
    trackClusterStats: 'statistics only',
    ignoreHealthOnHostRemoval: 'an endpoint that is taken out gets no new request, healthy or not',
  },
});

/** A Cluster, and how it chooses TLS for an endpoint. */
export interface ClusterResource {
  readonly config: ClusterConfig;
  /** Tried in order; an endpoint fits when its metadata has all these values. */
  readonly socketMatches: readonly { match: Readonly<Record<string, unknown>>; tls: boolean }[];
}

/** The endpoints of an assignment as the cluster sees them. */
export function endpointsOf(cluster: ClusterResource, assignment: EndpointsResource): EndpointConfig[] {
  return assignment.endpoints.map((endpoint) => withTls(cluster.socketMatches, endpoint));
}

export function decodeCluster(message: Cluster, context?: DecodeContext): Decoded<ClusterResource> {
  const reader = new Reader(context);
  reader.only('', message, clusterFields);
  const name = reader.required('name', message.name);
  const sockets = decodeSockets(reader, message);
  const options = decodeUpstreamHttp(reader, message);
  const service = describeService(message);
  const config: ClusterConfig = {
    name,
    discovery: decodeDiscovery(reader, message, sockets.matches),
    protocol: service.protocol === 'tcp' ? 'tcp' : options.protocol,
    connectTimeoutMs: reader.positiveDuration('connect_timeout', message.connectTimeout, 1_000),
    idleTimeoutMs: options.idleTimeoutMs,
    http: options.http,
    ...decodeBalancer(reader, message),
    ...decodeOutlier(reader, message.outlierDetection),
    ...decodeHealthChecks(reader, message.healthChecks),
    ...decodeConnectionOptions(reader, message.upstreamConnectionOptions),
    tls: sockets.tls,
    ...(sockets.proxyProtocol === undefined ? {} : { proxyProtocol: sockets.proxyProtocol }),
    breakers: decodeBreakers(reader, 'circuit_breakers', message.circuitBreakers),
    service: service.name,
    servicePort: service.port,
  };
  return reader.finish({ config, socketMatches: sockets.matches });
}

type SocketMatches = ClusterResource['socketMatches'];

function decodeSockets(
  reader: Reader,
  message: Cluster,
): { tls: UpstreamTlsConfig | undefined; matches: SocketMatches; proxyProtocol?: 1 | 2 } {
  const contexts: UpstreamTlsConfig[] = [];
  const read = (path: string, socket: Cluster['transportSocket']): boolean => {
    const tls = decodeUpstreamTls(reader, path, socket);
    if (tls !== undefined) contexts.push(tls);
    return tls !== undefined;
  };
  const matches = message.transportSocketMatches.map(({ match, transportSocket }, index) => ({
    match: match ?? {},
    tls: read(`transport_socket_matches[${index}].transport_socket`, transportSocket),
  }));
  const outer = decodeProxyTransport(reader, 'transport_socket', message.transportSocket);
  matches.push({ match: {}, tls: read(outer.path, outer.socket) });
  if (contexts.length > 1) reader.problem('transport_socket_matches', 'more than one TLS context is not supported');
  return { tls: contexts[0], matches, ...(outer.version === undefined ? {} : { proxyProtocol: outer.version }) };
}

function withTls(matches: SocketMatches, { match, ...endpoint }: MatchableEndpoint): EndpointConfig {
  const fitting = matches.find((one) => Object.entries(one.match).every(([key, value]) => match[key] === value));
  return { ...endpoint, tls: fitting?.tls ?? false };
}

function decodeDiscovery(reader: Reader, message: Cluster, matches: SocketMatches): ClusterConfig['discovery'] {
  const type = message.clusterDiscoveryType;
  const kind = type?.$case === 'type' ? type.value : Cluster_DiscoveryType.STATIC;
  if (kind === Cluster_DiscoveryType.EDS) {
    checkSource(reader, 'eds_cluster_config.eds_config', message.edsClusterConfig?.edsConfig, 'endpoint');
    return { kind: 'eds', endpointsName: message.edsClusterConfig?.serviceName || message.name };
  }
  const { STATIC, STRICT_DNS, LOGICAL_DNS } = Cluster_DiscoveryType;
  const byName = kind === STRICT_DNS || kind === LOGICAL_DNS;
  if (kind !== STATIC && !byName) {
    reader.problem('type', 'only EDS, STATIC, STRICT_DNS and LOGICAL_DNS are supported');
  }
  const assignment = message.loadAssignment;
  const found = assignment === undefined ? [] : readEndpoints(reader, 'load_assignment', assignment, byName);
  const endpoints = found.map((endpoint) => withTls(matches, endpoint));
  if (byName) return { kind: 'dns', dns: decodeDns(reader, message, kind === LOGICAL_DNS, endpoints) };
  return { kind: 'static', endpoints };
}

/** From our metadata, or from an Istio-style name, or the cluster's name itself. */
function describeService(message: Cluster): { name: string; port: number; protocol: string } {
  const own = message.metadata?.filterMetadata['heddle.dev'] ?? {};
  const [, direction, port, fqdn] = /^(outbound|inbound)\|(\d+)(?:\|[^|]*\|(.*))?$/.exec(message.name) ?? [];
  const named = direction === 'outbound' ? fqdn?.replace(/\.svc\..*$/, '') : undefined;
  return {
    name: typeof own.service === 'string' ? own.service : (named ?? message.name),
    port: typeof own.port === 'number' ? own.port : Number(port ?? 0),
    protocol: typeof own.protocol === 'string' ? own.protocol : 'http',
  };
}
