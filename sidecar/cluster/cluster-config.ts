import type { UpstreamHttpConfig } from './upstream-http.ts';

/** A group of endpoints that do the same (`envoy.config.cluster.v3.Cluster`). */
export interface ClusterConfig {
  /** `outbound|<port>|<subset>|<name>.<namespace>.svc.cluster.local` or `inbound|<port>`. */
  name: string;
  /** Where endpoints come from: EDS under `endpointsName`, or the list here. */
  discovery: { kind: 'eds'; endpointsName: string } | { kind: 'static'; endpoints: readonly EndpointConfig[] };
  /** `auto` lets endpoints with TLS choose by ALPN; `downstream` speaks to the endpoint what the client spoke. */
  protocol: 'http1' | 'http2' | 'auto' | 'downstream' | 'tcp';
  /** Absent: `defaultUpstreamHttp`. */
  http?: UpstreamHttpConfig;
  /** TCP connect and TLS handshake together, in milliseconds. Default 1,000. */
  connectTimeoutMs: number;
  /** An idle pooled connection lives so long, in milliseconds, or shorter where the endpoint was seen to close earlier. Default 4,000 (HTTP/1); to a proxy of the mesh and with HTTP/2 at least 60,000. */
  idleTimeoutMs: number;
  balancer: BalancerConfig;
  /** TLS for endpoints whose `tls` is true. */
  tls: UpstreamTlsConfig | undefined;
  breakers: BreakerConfig;
  /** The service behind it, for metrics, logs and errors: `<name>.<namespace>` and port. */
  service: string;
  servicePort: number;
}

export type BalancerConfig =
  | { kind: 'round-robin' }
  /** Milliseconds both. Defaults 10,000 and 30. */
  | { kind: 'peak-ewma'; decayMs: number; defaultRttMs: number }
  | { kind: 'least-request'; choices: number }
  | { kind: 'random' };

export interface UpstreamTlsConfig {
  /** Server name sent; empty for none. */
  sni: string;
  /** The peer must prove one of these SPIFFE ids; empty refuses everyone. */
  expectedIds: readonly string[];
  /** Secret with our certificate (`default`), and secret with the roots (`ROOTCA`). */
  certificateSecret: string;
  validationSecret: string;
  /** Offered by ALPN, best first, unless the cluster's protocol is `auto`. Absent or empty: what the protocol calls for. */
  alpnProtocols?: readonly string[];
}

export interface BreakerConfig {
  /** Defaults 1,024 each. */
  maxConnections: number;
  maxPendingRequests: number;
  maxRequests: number;
  /** Connections to one endpoint, whatever the others have. Absent: as many as the cluster may have. */
  maxConnectionsPerHost?: number;
  /** Retries at one time: this share of active requests (default 20) but at least `minRetryConcurrency` (default 3). */
  retryBudgetPercent: number;
  minRetryConcurrency: number;
}

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
}
