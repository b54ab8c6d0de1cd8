import type { BalancerConfig, EndpointConfig } from '../cluster/cluster-config.ts';

/** An endpoint as a balancer sees it. The pool keeps `activeRequests`; the balancer keeps the rest to itself. */
export interface BalancedEndpoint {
  readonly config: EndpointConfig;
  activeRequests: number;
  /** Not ejected and not reported unhealthy. */
  available: boolean;
}

/**
 * Chooses an endpoint for each request. Synchronous; touches no socket. One per cluster, kept across
 * endpoint updates so that what it learned stays.
 */
export interface Balancer<E extends BalancedEndpoint> {
  /** The endpoints from now on; those that stay are the same objects as before. */
  update(endpoints: readonly E[]): void;
  /** An available endpoint, other than those in `tried` while there is another; `undefined` when none is available. */
  pick(tried: readonly E[]): E | undefined;
  /** How a request went. `failed` is a connection error, a reset, a time-out or a 5xx. */
  onResult(endpoint: E, latencyMs: number, failed: boolean): void;
}

export type { BalancerConfig };
