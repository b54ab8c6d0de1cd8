/** How the endpoints of a cluster are checked actively (`envoy.config.core.v3.HealthCheck`). Times in milliseconds. */
export interface HealthCheckConfig {
  probe: HttpProbeConfig | GrpcProbeConfig | TcpProbeConfig;
  /** For one check, with its connection. Default 2,000 (security.md L-71). */
  timeoutMs: number;
  /** Between the end of a check and the next. Default 5,000. */
  intervalMs: number;
  /** While no request has been sent to the cluster. Default 60,000; and for endpoints that are healthy then. */
  noTrafficIntervalMs: number;
  noTrafficHealthyIntervalMs: number;
  /** While an endpoint is unhealthy; and right after it became so, or became healthy. Default: the interval. */
  unhealthyIntervalMs: number;
  unhealthyEdgeIntervalMs: number;
  healthyEdgeIntervalMs: number;
  /** Before the first check, up to so long; by chance. */
  initialJitterMs: number;
  /** Added to each interval, up to so long and so many percent of it, by chance. Default 0 and 10. */
  intervalJitterMs: number;
  intervalJitterPercent: number;
  /** Checks in a row that change the verdict. Defaults 3 and 2; the first check alone decides. */
  unhealthyThreshold: number;
  healthyThreshold: number;
  /** In place of the endpoint's own port. */
  port: number | undefined;
  /** Whether a connection serves several checks. */
  reuseConnection: boolean;
  /** Each check that fails is logged, and not only changes. */
  logFailures: boolean;
}

export interface HttpProbeConfig {
  kind: 'http';
  protocol: 'http1' | 'http2';
  method: string;
  /** Empty for the name of the cluster. */
  host: string;
  path: string;
  body: Buffer | undefined;
  /** Texts that the body must contain, in this order, within the first `maxBodyBytes`. */
  receive: readonly Buffer[];
  maxBodyBytes: number;
  headers: readonly { name: string; value: string }[];
  /** Lower-case names of fields that are not sent. */
  withoutHeaders: readonly string[];
  /** From the first to below the second. Others are a verdict at once; the retriable ones count as one failure. */
  expectedStatuses: readonly StatusRange[];
  retriableStatuses: readonly StatusRange[];
}

export type StatusRange = readonly [start: number, end: number];

export interface GrpcProbeConfig {
  kind: 'grpc';
  /** What is asked for; empty for the server as a whole. */
  serviceName: string;
  /** Empty for the name of the cluster. */
  authority: string;
  headers: readonly { name: string; value: string }[];
}

export interface TcpProbeConfig {
  kind: 'tcp';
  send: Buffer;
  /** What must come, in this order; with none, a connection is enough. */
  receive: readonly Buffer[];
}
