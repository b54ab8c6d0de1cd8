import type { ServerNameMatch } from '../tls/server-name-match.ts';
import type { DnsConfig } from './dns/dns-config.ts';
import type { HealthCheckConfig } from './health-check/health-check-config.ts';
import type { UpstreamHttpConfig } from './upstream-http.ts';

/** A group of endpoints that do the same (`envoy.config.cluster.v3.Cluster`). */
export interface ClusterConfig {
  /** `outbound|<port>|<subset>|<name>.<namespace>.svc.cluster.local` or `inbound|<port>`. */
  name: string;
  /** Where endpoints come from: EDS under `endpointsName`, the list here, or host names that are looked up. */
  discovery:
    | { kind: 'eds'; endpointsName: string }
    | { kind: 'static'; endpoints: readonly EndpointConfig[] }
    | { kind: 'dns'; dns: DnsConfig };
  /** `auto` lets endpoints with TLS choose by ALPN; `downstream` speaks to the endpoint what the client spoke. */
  protocol: 'http1' | 'http2' | 'auto' | 'downstream' | 'tcp';
  /** Absent: `defaultUpstreamHttp`. */
  http?: UpstreamHttpConfig;
  /** TCP connect and TLS handshake together, in milliseconds. Default 1,000. */
  connectTimeoutMs: number;
  /** An idle pooled connection lives so long, in milliseconds, or shorter where the endpoint was seen to close earlier. Default 4,000 (HTTP/1); to a proxy of the mesh and with HTTP/2 at least 60,000. */
  idleTimeoutMs: number;
  balancer: BalancerConfig;
  /** Priorities, localities, panic and subsets; without, {@link defaultSpread}. */
  spread?: SpreadConfig;
  /** Which endpoints are taken out of service; without, {@link defaultOutlier}. */
  outlier?: OutlierConfig;
  /** How endpoints are checked; without, what discovery says of their health holds. */
  healthCheck?: HealthCheckConfig;
  /** TLS for endpoints whose `tls` is true. */
  tls: UpstreamTlsConfig | undefined;
  /** Begin connections with a PROXY header of this version. Requests share connections, so theirs names no client. */
  proxyProtocol?: 1 | 2;
  /** The kernel asks idle connections for a sign of life; absent, it does not. */
  tcpKeepalive?: TcpKeepaliveConfig;
  breakers: BreakerConfig;
  /** The service behind it, for metrics, logs and errors: `<name>.<namespace>` and port. */
  service: string;
  servicePort: number;
}

export type BalancerConfig =
  | { kind: 'round-robin'; slowStart?: SlowStartConfig }
  /** Milliseconds both. Defaults 10,000 and 30. */
  | { kind: 'peak-ewma'; decayMs: number; defaultRttMs: number; slowStart?: SlowStartConfig }
  /** `choices` endpoints are drawn (default 2; `all` compares every one). The bias is of `active_request_bias`, default 1. */
  | { kind: 'least-request'; choices: number | 'all'; activeRequestBias?: number; slowStart?: SlowStartConfig }
  | { kind: 'random' }
  | ({ kind: 'ring-hash'; minRingSize: number; maxRingSize: number; hash: 'xx-hash' | 'murmur-hash-2' } & HashConfig)
  /** The size is a prime; default 65,537. */
  | ({ kind: 'maglev'; tableSize: number } & HashConfig)
  /** The first of the list that is available; with `shuffle` each proxy has an order of its own. */
  | { kind: 'pick-first'; shuffle: boolean }
  /** Round robin by the load that endpoints report (gRFC A58). Milliseconds; defaults 10,000, 180,000 and 1,000; penalty 1. */
  | { kind: 'client-side-weighted'; blackoutMs: number; expirationMs: number; updateMs: number; errorPenalty: number };

/** How requests are spread before the balancer chooses (`common_lb_config`, `lb_subset_config`). */
export interface SpreadConfig {
  /** With fewer endpoints of a priority available than this, all of them are used, available or not. 0 never. Default 50. */
  panicThresholdPercent: number;
  /** In panic requests fail instead. */
  failTrafficOnPanic: boolean;
  locality:
    | { kind: 'none' }
    /** Each locality has the share of its weight. */
    | { kind: 'weighted' }
    /** Our own locality is preferred, for so many percent of requests, where there are so many endpoints. Default 100 and 6. */
    | { kind: 'zone-aware'; routingPercent: number; minClusterSize: number };
  /** Connections are made anew when endpoints come or go, so that they follow a changed hash. */
  closeConnectionsOnHostSetChange: boolean;
  subsets: SubsetConfig | undefined;
}

export const defaultSpread: SpreadConfig = {
  panicThresholdPercent: 50,
  failTrafficOnPanic: false,
  locality: { kind: 'zone-aware', routingPercent: 100, minClusterSize: 6 },
  closeConnectionsOnHostSetChange: false,
  subsets: undefined,
};

/** When an endpoint is taken out of service for what it answers (`OutlierDetection`). Times in milliseconds. */
export interface OutlierConfig {
  /** Failures in a row of every kind; of 502 to 504 and those without an answer; of those without an answer. 0 for off. */
  consecutive5xx: number;
  consecutiveGatewayFailure: number;
  /** Counts only when the next is true. */
  consecutiveLocalOriginFailure: number;
  /** Connection failures, resets and time-outs are told apart from what an endpoint answers. */
  splitLocalOrigin: boolean;
  /** Of those found, so many percent are taken out. */
  enforcing5xx: number;
  enforcingGatewayFailure: number;
  enforcingLocalOriginFailure: number;
  /** So often success is compared. */
  intervalMs: number;
  /** An endpoint stays out so long, times the ejections it had lately, up to the maximum; and up to the jitter more. */
  baseEjectionMs: number;
  maxEjectionMs: number;
  maxEjectionJitterMs: number;
  /** At most this share of the endpoints is out at one time, but one may be, and the last never is. */
  maxEjectionPercent: number;
  /** Compares each with the mean of all: out below `mean - factor * deviation`. */
  successRate: StatisticsConfig & { stdevFactor: number };
  /** Out at or above `threshold` percent of failures. */
  failurePercentage: StatisticsConfig & { threshold: number };
  /** An endpoint that is out comes back when its health check passes. */
  checkReturns: boolean;
}

export interface StatisticsConfig {
  /** So many endpoints must have had so many requests in the interval. */
  minimumHosts: number;
  requestVolume: number;
  /** In percent; 0 for off. The second is for failures of local origin, where these are told apart. */
  enforcing: number;
  enforcingLocalOrigin: number;
}

/** What holds for a cluster that says nothing (security.md L-65): five failures in a row, at most half of the endpoints. */
export const defaultOutlier: OutlierConfig = {
  consecutive5xx: 5,
  consecutiveGatewayFailure: 0,
  consecutiveLocalOriginFailure: 0,
  splitLocalOrigin: false,
  enforcing5xx: 100,
  enforcingGatewayFailure: 0,
  enforcingLocalOriginFailure: 0,
  intervalMs: 10_000,
  baseEjectionMs: 30_000,
  maxEjectionMs: 300_000,
  maxEjectionJitterMs: 0,
  maxEjectionPercent: 50,
  successRate: { minimumHosts: 5, requestVolume: 100, enforcing: 0, enforcingLocalOrigin: 0, stdevFactor: 1.9 },
  failurePercentage: { minimumHosts: 5, requestVolume: 50, enforcing: 0, enforcingLocalOrigin: 0, threshold: 85 },
  checkReturns: false,
};

/** Endpoints are found by their metadata `envoy.lb` (`LbSubsetConfig`). */
export interface SubsetConfig {
  selectors: readonly SubsetSelector[];
  fallback: SubsetFallback;
  defaultSubset: readonly MetadataEntry[];
  /** An endpoint whose value is a list belongs to the subset of each element. */
  listAsAny: boolean;
  /** A subset in panic gives way to all endpoints. */
  panicModeAny: boolean;
}

export interface SubsetSelector {
  /** Sorted. */
  keys: readonly string[];
  /** Where a request finds nothing by these keys; `undefined` for the cluster's own. */
  fallback: SubsetFallback | { keys: readonly string[] } | undefined;
}

export type SubsetFallback = 'none' | 'any' | 'default';

/** A name and the JSON of its value. */
export type MetadataEntry = readonly [key: string, value: string];

export interface HashConfig {
  /** Endpoints stand on the ring by their host names and not by their addresses. */
  byHostname: boolean;
  /** An endpoint takes at most this percentage of the mean of active requests; 0 for no limit. */
  balanceFactor: number;
  /** The weights of localities count. */
  localityWeighted: boolean;
}

/** A new endpoint gets its full share only after a while (`SlowStartConfig`). */
export interface SlowStartConfig {
  windowMs: number;
  /** 1 is linear; above, the share grows faster at first. */
  aggression: number;
  /** Share at the beginning, in percent of the full one. Default 10. */
  minWeightPercent: number;
}

export interface UpstreamTlsConfig {
  /** Server name sent; empty for none. */
  sni: string;
  /** The peer must prove one of these SPIFFE ids; empty refuses everyone. */
  expectedIds: readonly string[];
  /** Secret with our certificate (`default`), empty for none; and secret with the roots (`ROOTCA`). */
  certificateSecret: string;
  validationSecret: string;
  /** Offered by ALPN, best first, unless the cluster's protocol is `auto`. Absent or empty: what the protocol calls for. */
  alpnProtocols?: readonly string[];
  /** Set for servers outside the mesh, which prove a name in place of a SPIFFE id: the certificate must have one of these. */
  serverNames?: readonly ServerNameMatch[];
  /** Absent: TLS 1.3 in the mesh, 1.2 at least outside. */
  versions?: TlsVersions;
  /** Suites of OpenSSL, joined by colons. Absent: those with forward secrecy and authenticated encryption. */
  ciphers?: string;
}

export interface TlsVersions {
  readonly min: 'TLSv1.2' | 'TLSv1.3';
  readonly max: 'TLSv1.2' | 'TLSv1.3';
}

export interface BreakerConfig extends BreakerThresholds {
  /** Connections to one endpoint, whatever the others have. Absent: as many as the cluster may have. */
  maxConnectionsPerHost?: number;
  /** Of routes whose priority is high. Absent: the defaults. */
  high?: BreakerThresholds;
}

/** The circuit breakers of one routing priority. */
export interface BreakerThresholds {
  /** Defaults 1,024 each. */
  maxConnections: number;
  maxPendingRequests: number;
  maxRequests: number;
  /** Retries at one time: this share of active requests (default 20) but at least `minRetryConcurrency` (default 3). */
  retryBudgetPercent: number;
  minRetryConcurrency: number;
  /** Retries at one time, whatever the load is. Absent: as many as the budget has. */
  maxRetries?: number;
}

export const defaultBreakers: BreakerThresholds = {
  maxConnections: 1_024,
  maxPendingRequests: 1_024,
  maxRequests: 1_024,
  retryBudgetPercent: 20,
  minRetryConcurrency: 3,
};

export interface EndpointConfig {
  /** IP address. */
  address: string;
  port: number;
  /** At least 1. */
  weight: number;
  healthy: boolean;
  /** Whether the cluster's TLS applies (metadata `tlsMode: heddle`). */
  tls: boolean;
  workload: string;
  /** The name under which it is known, where discovery told one; `auto_host_rewrite` sends it as the host. */
  hostname?: string;
  /** What discovery says of its health, where that is more than healthy or not. */
  health?: 'degraded' | 'draining' | 'timeout';
  /** Where it stands, shared by all endpoints of that place; without, priority 0 and no locality. */
  group?: EndpointGroup;
  /** Stands for it on hash rings in place of its address (metadata `envoy.lb`, `hash_key`). */
  hashKey?: string;
  /** What subsets are made of (metadata `envoy.lb`). */
  metadata?: Readonly<Record<string, unknown>>;
  /** How its health check differs from that of the others. */
  check?: EndpointCheckConfig;
}

/** Keep-alive of TCP (`envoy.config.core.v3.TcpKeepalive`). */
export interface TcpKeepaliveConfig {
  /** Idle time before the first question, and time between questions, in milliseconds. Default 7,200,000 and 75,000. */
  timeMs: number;
  intervalMs: number;
  /** Questions without an answer, after which the connection is dead. Default 9. */
  probes: number;
}

/** Where and how one endpoint is checked (`Endpoint.HealthCheckConfig`). */
export interface EndpointCheckConfig {
  /** In place of its own. */
  address?: string;
  port?: number;
  hostname?: string;
  /** It is not checked. */
  disabled: boolean;
}

/** A place in the network (`envoy.config.core.v3.Locality`). */
export interface Locality {
  region: string;
  zone: string;
  subZone: string;
}

/** What endpoints of one `LocalityLbEndpoints` have in common. */
export interface EndpointGroup extends Locality {
  /** Share of the locality where localities are weighted; 0 for none. */
  weight: number;
  /** 0 is used first. */
  priority: number;
  /** A level of endpoints counts as whole while so many percent of what is available would do. Default 140. */
  overprovisioningFactor: number;
}
