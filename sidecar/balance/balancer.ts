import type { BalancerConfig, EndpointConfig, MetadataEntry } from '../cluster/cluster-config.ts';
import type { EndpointSignals } from './endpoint-signals.ts';
import type { Hash64 } from './hash64.ts';

/** An endpoint as a balancer sees it. The pool keeps `activeRequests`. */
export interface BalancedEndpoint {
  readonly config: EndpointConfig;
  activeRequests: number;
  /** Healthy or degraded by discovery, by its health checks and by its answers. */
  available: boolean;
  readonly signals: EndpointSignals;
}

/** What a request says about where it wants to go. */
export interface PickContext {
  /** Requests with one hash go to one endpoint, in balancers that hash. */
  hash: Hash64 | undefined;
  /** The metadata that its endpoint must have, where the cluster has subsets. */
  subset: MetadataMatch | undefined;
  /** `address:port` of the endpoint that it is bound to, while that one is there. */
  override: string | undefined;
  /** Nothing else will do when that one is gone or out of service. */
  strict: boolean;
}

/** Metadata to match (`metadata_match` of a route), made ready for look-ups when configuration changes. */
export interface MetadataMatch {
  /** Sorted by key. */
  readonly entries: readonly MetadataEntry[];
  /** The keys, and the values, as one string each. */
  readonly keys: string;
  readonly values: string;
}

/** Chooses an endpoint for each request. Synchronous; touches no socket. */
export interface Balancer<E extends BalancedEndpoint> {
  /** The endpoints from now on; those that stay are the same objects as before. */
  update(endpoints: readonly E[]): void;
  /** With true, endpoints are taken whether they are available or not: too few are, and these would break down. */
  setPanic(panic: boolean): void;
  /** An available endpoint, other than those in `tried` while there is another; `undefined` when none is available. */
  pick(tried: readonly E[], context?: PickContext): E | undefined;
  /** How a request to any endpoint of the cluster went. `failed` is a connection error, a reset, a time-out or a 5xx. */
  onResult(endpoint: E, latencyMs: number, failed: boolean): void;
}

export type { BalancerConfig };
