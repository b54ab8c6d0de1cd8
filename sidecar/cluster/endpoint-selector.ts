import type { Clock } from '../../lib/clock.ts';
import type { Random } from '../../lib/random.ts';
import type { PickContext } from '../balance/balancer.ts';
import { healthOf, updateAvailability } from '../balance/endpoint-health.ts';
import { parseLoadReport } from '../balance/load-report.ts';
import { OutlierDetector, type OutlierReason } from '../balance/outlier.ts';
import { PenaltyBox, parseRetryAfter } from '../balance/penalty-box.ts';
import { PrioritySet } from '../balance/priority-set.ts';
import { noteLoadReport } from '../balance/reported-weights.ts';
import { resultOf } from '../balance/request-result.ts';
import { Subsets } from '../balance/subsets.ts';
import type { ResponseHead } from '../stream/head.ts';
import { type ClusterConfig, defaultOutlier, defaultSpread, type Locality } from './cluster-config.ts';
import type { Endpoint } from './endpoint.ts';

/**
 * What happened to an endpoint, or to the cluster as a whole: it was taken out of service by the outlier detector or
 * its health check, came back, missed one check, asked to be left alone, or too few are left.
 */
export type EndpointEvent =
  | 'ejected'
  | 'returned'
  | 'check-failed'
  | 'check-passed'
  | 'check-missed'
  | 'avoided'
  | 'panic-entered'
  | 'panic-left';

export interface SelectionOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Where this proxy stands; without, no locality is preferred. */
  readonly locality?: Locality | undefined;
  /** `address` is empty where it concerns the cluster; `reason` is a stable name for a metric. */
  onEndpointEvent?(cluster: string, event: EndpointEvent, reason: string, address: string, detail: string): void;
}

/** Kinds of balancers that may send a request elsewhere because an endpoint asked for a pause. */
const moveable: ReadonlySet<string> = new Set([
  'peak-ewma',
  'least-request',
  'round-robin',
  'random',
  'client-side-weighted',
]);

/**
 * Chooses the endpoint for each request of a cluster, and learns from how requests went: priorities, localities,
 * subsets and the balancer; ejection; and the pauses that endpoints ask for.
 */
export class EndpointSelector {
  readonly #options: SelectionOptions;
  readonly #outlier: OutlierDetector<Endpoint>;
  readonly #penalties = new PenaltyBox<Endpoint>();
  #config: ClusterConfig;
  #priorities: PrioritySet<Endpoint>;
  #subsets: Subsets<Endpoint> | undefined;
  #endpoints: readonly Endpoint[] = [];
  /** The only endpoint, where there is just one and no subsets: then there is nothing to choose. */
  #single: Endpoint | undefined;
  #panicked = false;
  #byAddress: ReadonlyMap<string, Endpoint> = new Map();
  /** The health of an endpoint changed since shares were reckoned. */
  #stale = false;

  constructor(config: ClusterConfig, options: SelectionOptions) {
    this.#config = config;
    this.#options = options;
    this.#outlier = new OutlierDetector<Endpoint>(options.random, {
      onAvailability: (endpoint) => this.#onHealth(endpoint),
      onEjected: (endpoint, reason, detail) => this.#onEjected(endpoint, reason, detail),
      onReturned: (endpoint) => this.#onReturned(endpoint),
    });
    this.#outlier.configure(config.outlier ?? defaultOutlier, options.clock.now());
    this.#priorities = this.#newPriorities();
    this.#subsets = this.#newSubsets();
  }

  /** Endpoints out of service after failures. */
  get ejected(): number {
    return this.#outlier.ejected;
  }

  isEjected(endpoint: Endpoint): boolean {
    return this.#outlier.stateOf(endpoint) !== 'serving';
  }

  /** Percent in the last interval of outlier detection; -1 where nothing was compared. */
  successRateOf(endpoint: Endpoint): number {
    return this.#outlier.successRateOf(endpoint);
  }

  /** Requests that were sent to any endpoint, or failed, because too few were available. */
  get panicPicks(): number {
    return this.#priorities.panicPicks;
  }

  get inPanic(): boolean {
    return this.#priorities.inPanic;
  }

  setConfig(config: ClusterConfig): void {
    const before = this.#config;
    this.#config = config;
    const now = this.#options.clock.now();
    if (differs(before.outlier, config.outlier)) this.#outlier.configure(config.outlier ?? defaultOutlier, now);
    if (!differs(before.balancer, config.balancer) && !differs(before.spread, config.spread)) return;
    this.#priorities = this.#newPriorities();
    this.#subsets = this.#newSubsets();
    this.#updateSets();
  }

  /** The endpoints from now on; those that stay are the same objects. Call also when their configuration changed. */
  update(endpoints: readonly Endpoint[]): void {
    const now = this.#options.clock.now();
    const known = new Set(this.#endpoints);
    for (const endpoint of endpoints) {
      // Those that a cluster begins with are all new, so that none of them must be spared.
      if (known.size > 0 && !known.has(endpoint)) endpoint.signals.servingSince = now;
      updateAvailability(endpoint);
    }
    this.#endpoints = endpoints;
    this.#byAddress = new Map(endpoints.map((endpoint) => [endpoint.address, endpoint]));
    this.#outlier.update(endpoints, now);
    this.#penalties.update(endpoints);
    this.#updateSets();
  }

  /**
   * An endpoint for the next request, other than those in `tried` while there is another. `context` is what the
   * request asks for, if anything.
   */
  pick(tried: readonly Endpoint[], now: number, context?: PickContext): Endpoint | undefined {
    if (this.#stale) this.#reckonShares();
    if (this.#single?.available === true && context?.strict !== true) return this.#single;
    this.#outlier.refresh(now);
    this.#penalties.refresh(now);
    // Time alone may have let endpoints in again.
    if (this.#stale) this.#reckonShares();
    if (context?.override !== undefined) {
      const bound = this.#byAddress.get(context.override);
      const usable = bound !== undefined && healthOf(bound) !== 'unhealthy';
      // A retry leaves it, unless there must be no other.
      if (usable && (context.strict || !tried.includes(bound))) return bound;
      if (context.strict) return undefined;
    }
    if (this.#subsets !== undefined) return this.#subsets.pick(this.#priorities, tried, context);
    return this.#priorities.pick(tried, context);
  }

  onStart(endpoint: Endpoint, now: number): void {
    if (this.#single === undefined) this.#outlier.onStart(endpoint, now);
  }

  /** `status` is 0 where no answer came. */
  onResult(endpoint: Endpoint, latencyMs: number, failed: boolean, status: number, now: number): void {
    if (this.#single !== undefined) return;
    this.#priorities.onResult(endpoint, latencyMs, failed);
    this.#outlier.onResult(endpoint, resultOf(failed, status), now);
  }

  onCancel(endpoint: Endpoint): void {
    if (this.#single === undefined) this.#outlier.onCancel(endpoint);
  }

  /** An answer began: it may ask for a pause, or tell of the endpoint's load. */
  onResponseHead(endpoint: Endpoint, head: ResponseHead): void {
    if (this.#single !== undefined) return;
    const { balancer } = this.#config;
    if ((head.status === 429 || head.status === 503) && moveable.has(balancer.kind)) {
      const value = head.headers.get('retry-after');
      if (value !== undefined) this.#avoid(endpoint, value, head.status, this.#options.clock.now());
    }
    if (balancer.kind !== 'client-side-weighted') return;
    const value = head.headers.get('endpoint-load-metrics');
    const report = value === undefined ? undefined : parseLoadReport(value);
    if (report !== undefined) noteLoadReport(endpoint, report, balancer.errorPenalty, this.#options.clock.now());
  }

  /** What the active health check of an endpoint found; `detail` says why. Only changes are told here. */
  onCheck(endpoint: Endpoint, result: 'healthy' | 'degraded' | 'unhealthy', reason: string, detail: string): void {
    const { signals } = endpoint;
    const wasFailed = signals.checkFailed;
    signals.checkFailed = result === 'unhealthy';
    signals.checkDegraded = result === 'degraded';
    const now = this.#options.clock.now();
    if (wasFailed && result !== 'unhealthy') {
      signals.servingSince = now;
      this.#outlier.onCheckPassed(endpoint, now);
    }
    this.#onHealth(endpoint);
    if (wasFailed && result !== 'unhealthy') this.#restartSlowStart();
    if (wasFailed === signals.checkFailed) return;
    this.#tell(signals.checkFailed ? 'check-failed' : 'check-passed', reason, endpoint.address, detail);
  }

  /** One check failed, whether or not that changes anything. */
  onCheckMissed(endpoint: Endpoint, reason: string, detail: string): void {
    this.#tell('check-missed', reason, endpoint.address, detail);
  }

  #avoid(endpoint: Endpoint, value: string, status: number, now: number): void {
    const ms = parseRetryAfter(value, this.#options.clock.wallTime());
    if (ms === 0) return;
    const isNew = !endpoint.signals.avoided;
    this.#penalties.avoid(endpoint, ms, now);
    if (isNew) this.#tell('avoided', `status-${status}`, endpoint.address, `for ${Math.ceil(ms / 1_000)} s`);
  }

  #onEjected(endpoint: Endpoint, reason: OutlierReason, detail: string): void {
    this.#tell('ejected', reason, endpoint.address, detail);
  }

  #onReturned(endpoint: Endpoint): void {
    endpoint.signals.servingSince = this.#options.clock.now();
    this.#tell('returned', 'outlier', endpoint.address, '');
    this.#restartSlowStart();
  }

  /** An endpoint serves again: a share that grows slowly begins to do so now. */
  #restartSlowStart(): void {
    if ('slowStart' in this.#config.balancer) this.#updateSets();
  }

  /** Shares are reckoned at the next pick: many endpoints may change together. */
  #onHealth(endpoint: Endpoint): void {
    updateAvailability(endpoint);
    this.#stale = true;
  }

  #reckonShares(): void {
    this.#stale = false;
    this.#priorities.refresh();
    this.#subsets?.refresh();
    this.#notePanic();
  }

  #updateSets(): void {
    this.#single = this.#endpoints.length === 1 && this.#subsets === undefined ? this.#endpoints[0] : undefined;
    this.#priorities.update(this.#endpoints);
    this.#subsets?.update(this.#endpoints);
    // Panic is of interest when there is a request.
    this.#stale = true;
  }

  #notePanic(): void {
    const panic = this.#endpoints.length > 0 && this.#priorities.inPanic;
    if (panic === this.#panicked) return;
    this.#panicked = panic;
    const available = this.#endpoints.filter((endpoint) => endpoint.available).length;
    const detail = `${available} of ${this.#endpoints.length} endpoints are available`;
    this.#tell(panic ? 'panic-entered' : 'panic-left', 'panic', '', detail);
  }

  #tell(event: EndpointEvent, reason: string, address: string, detail: string): void {
    this.#options.onEndpointEvent?.(this.#config.name, event, reason, address, detail);
  }

  #newPriorities(): PrioritySet<Endpoint> {
    const { clock, random, locality } = this.#options;
    const { balancer, spread = defaultSpread } = this.#config;
    return new PrioritySet<Endpoint>(balancer, spread, { clock, random, locality });
  }

  #newSubsets(): Subsets<Endpoint> | undefined {
    const { clock, random, locality } = this.#options;
    const { balancer, spread = defaultSpread } = this.#config;
    const { subsets } = spread;
    return subsets === undefined
      ? undefined
      : new Subsets<Endpoint>(balancer, spread, subsets, { clock, random, locality });
  }
}

/** Configuration is plain data without cycles. */
function differs(before: unknown, after: unknown): boolean {
  return JSON.stringify(before) !== JSON.stringify(after);
}
