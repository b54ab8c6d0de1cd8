import type { PickContext } from '../balance/balancer.ts';
import type { ResponseHead } from '../stream/head.ts';
import { type ClusterConfig, defaultBreakers, type EndpointConfig } from './cluster-config.ts';
import { Endpoint, endpointKey } from './endpoint.ts';
import { EndpointPools } from './endpoint-pools.ts';
import { EndpointSelector, type SelectionOptions } from './endpoint-selector.ts';
import { HealthChecks } from './health-check/health-checks.ts';
import type { PoolDependencies } from './http-pool.ts';
import { PriorityLoad, type RoutingPriority } from './priority-load.ts';

export interface ClusterDependencies extends PoolDependencies, SelectionOptions {}

/**
 * A cluster at work: its endpoints, what the balancer and the outlier detector learned of them, and the counts
 * that the circuit breakers look at. Configuration and endpoints are exchanged in place, and both change at once
 * for whoever asks next; requests under way keep the endpoint and the connection they have.
 */
export class Cluster {
  config: ClusterConfig;
  /** Requests sent to endpoints and not finished. */
  activeRequests = 0;
  /** Whether requests were ever sent to endpoints. */
  hadRequests = false;
  /** Requests that wait for a connection. */
  pendingRequests = 0;
  /** Connections open or being made. */
  connections = 0;
  /** Of these, what each routing priority has its own circuit breakers for. */
  readonly loads: Readonly<Record<RoutingPriority, PriorityLoad>>;
  readonly #deps: ClusterDependencies;
  /** Chooses among the endpoints, and knows which of them are out of service. */
  readonly selector: EndpointSelector;
  #endpoints: readonly Endpoint[] = [];
  #checks: HealthChecks | undefined;

  constructor(config: ClusterConfig, deps: ClusterDependencies) {
    this.config = config;
    this.#deps = deps;
    this.selector = new EndpointSelector(config, deps);
    const { breakers } = config;
    this.loads = { default: new PriorityLoad(breakers), high: new PriorityLoad(breakers.high ?? defaultBreakers) };
    this.#checks = this.#newChecks();
  }

  get endpoints(): readonly Endpoint[] {
    return this.#endpoints;
  }

  get ejected(): number {
    return this.selector.ejected;
  }

  /** Takes a new configuration; connections are made anew only where it concerns them. */
  setConfig(config: ClusterConfig): void {
    const before = this.config;
    this.config = config;
    this.selector.setConfig(config);
    if (differs(before.breakers, config.breakers)) {
      this.loads.default.setThresholds(config.breakers);
      this.loads.high.setThresholds(config.breakers.high ?? defaultBreakers);
    }
    if (differs(before.healthCheck, config.healthCheck) || differs(before.tls, config.tls)) this.#restartChecks();
    if (
      differs(before.tls, config.tls) ||
      before.protocol !== config.protocol ||
      before.idleTimeoutMs !== config.idleTimeoutMs ||
      differs(before.http, config.http)
    ) {
      for (const endpoint of this.#endpoints) this.#renewPools(endpoint);
    }
  }

  /** The endpoints from now on. Those that stay keep their connections and what is known of them. */
  setEndpoints(configs: readonly EndpointConfig[]): void {
    const before = new Map(this.#endpoints.map((endpoint) => [endpoint.address, endpoint]));
    const beforeCount = before.size;
    const after = new Map<string, Endpoint>();
    for (const config of configs) {
      const key = endpointKey(config);
      if (after.has(key)) continue;
      const known = before.get(key);
      before.delete(key);
      after.set(key, known === undefined ? this.#newEndpoint(config) : this.#keepEndpoint(known, config));
    }
    this.#endpoints = [...after.values()];
    this.#checks?.update(this.#endpoints);
    this.selector.update(this.#endpoints);
    const changed = before.size > 0 || this.#endpoints.length > beforeCount;
    if (changed && beforeCount > 0 && this.config.spread?.closeConnectionsOnHostSetChange === true) {
      for (const endpoint of this.#endpoints) this.#renewPools(endpoint);
    }
    for (const gone of before.values()) gone.pools?.drain();
  }

  /** An endpoint for the next request, other than those in `tried` while there is another; `context` is what it asks for. */
  pick(tried: readonly Endpoint[], now: number, context?: PickContext): Endpoint | undefined {
    return this.selector.pick(tried, now, context);
  }

  /** A request goes to the endpoint. Followed by {@link onResult} or {@link onCancel}. */
  onStart(endpoint: Endpoint, now: number): void {
    this.activeRequests++;
    endpoint.activeRequests++;
    endpoint.requests++;
    this.hadRequests = true;
    this.selector.onStart(endpoint, now);
  }

  /**
   * How it went; `failed` is a connection error, a reset, a time-out or a 5xx. `status` is that of the answer, 0 where
   * none came.
   */
  onResult(endpoint: Endpoint, latencyMs: number, failed: boolean, now: number, status = 0): void {
    this.activeRequests--;
    endpoint.activeRequests--;
    if (failed) endpoint.failures++;
    this.selector.onResult(endpoint, latencyMs, failed, status, now);
  }

  /** It ended without telling anything of the endpoint. */
  onCancel(endpoint: Endpoint): void {
    this.activeRequests--;
    endpoint.activeRequests--;
    this.selector.onCancel(endpoint);
  }

  /** An answer began; its headers may say something of the endpoint itself. */
  onResponseHead(endpoint: Endpoint, head: ResponseHead): void {
    this.selector.onResponseHead(endpoint, head);
  }

  /** Running requests end; then the connections are closed. */
  drain(): void {
    this.#checks?.close();
    for (const endpoint of this.#endpoints) endpoint.pools?.drain();
  }

  destroy(): void {
    this.#checks?.close();
    for (const endpoint of this.#endpoints) endpoint.pools?.destroy();
  }

  #newChecks(): HealthChecks | undefined {
    const { healthCheck } = this.config;
    return healthCheck === undefined ? undefined : new HealthChecks(healthCheck, this, this.#deps);
  }

  #restartChecks(): void {
    this.#checks?.close();
    this.#checks = this.#newChecks();
    if (this.#checks === undefined) {
      for (const { signals } of this.#endpoints) {
        signals.checkFailed = false;
        signals.checkDegraded = false;
      }
    }
    this.#checks?.update(this.#endpoints);
    this.selector.update(this.#endpoints);
  }

  #newEndpoint(config: EndpointConfig): Endpoint {
    const endpoint = new Endpoint(config);
    this.#renewPools(endpoint);
    return endpoint;
  }

  #keepEndpoint(endpoint: Endpoint, config: EndpointConfig): Endpoint {
    const tlsChanged = endpoint.config.tls !== config.tls;
    endpoint.config = config;
    if (tlsChanged) this.#renewPools(endpoint);
    return endpoint;
  }

  #renewPools(endpoint: Endpoint): void {
    endpoint.pools?.drain();
    endpoint.pools = this.config.protocol === 'tcp' ? undefined : new EndpointPools(this, endpoint, this.#deps);
  }
}

/** Configuration is plain data without cycles. */
function differs(before: unknown, after: unknown): boolean {
  return JSON.stringify(before) !== JSON.stringify(after);
}
