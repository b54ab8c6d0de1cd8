import type { Random } from '../../lib/random.ts';
import { defaultOutlier, type OutlierConfig } from '../cluster/cluster-config.ts';
import type { BalancedEndpoint } from './balancer.ts';
import { healthOf } from './endpoint-health.ts';
import type { RequestResult } from './request-result.ts';
import { compareTallies, count, newTally, type Tally } from './success-statistics.ts';

/**
 * - `serving`: takes requests.
 * - `ejected`: takes none until its time is over.
 * - `half-open`: takes one request, which decides.
 * - `probing`: that request is on its way.
 */
export type OutlierState = 'serving' | 'ejected' | 'half-open' | 'probing';

/** What found an endpoint wanting. */
export type OutlierReason =
  | 'consecutive-5xx'
  | 'consecutive-gateway-failure'
  | 'consecutive-local-origin-failure'
  | 'success-rate'
  | 'failure-percentage'
  | 'probe-failed';

export interface OutlierEvents<E> {
  /** `signals.ejected` of an endpoint changed. */
  onAvailability(endpoint: E): void;
  onEjected(endpoint: E, reason: OutlierReason, detail: string): void;
  /** It serves again. */
  onReturned(endpoint: E): void;
}

interface Host {
  state: OutlierState;
  /** In a row: of any kind, at the gateway, without an answer. */
  failures: number;
  gatewayFailures: number;
  localFailures: number;
  /** Lowered by one for each base time in service. */
  ejections: number;
  /** When the state began; for `ejected` and `probing`, when it ends. */
  until: number;
  servingSince: number;
}

/**
 * Passive health checking: takes an endpoint out of service for a while when its answers fail. It owns
 * `signals.ejected`. Times are of the monotonic clock in milliseconds.
 *
 * Around each request: {@link refresh}, pick, {@link onStart}, then {@link onResult} or {@link onCancel}.
 */
export class OutlierDetector<E extends BalancedEndpoint> {
  readonly #random: Random;
  readonly #events: OutlierEvents<E>;
  #config: OutlierConfig = defaultOutlier;
  #hosts = new Map<E, Host>();
  #ejected = 0;
  /** When the next endpoint changes by time alone, or the next comparison is due. */
  #nextChange = Number.POSITIVE_INFINITY;
  /** Of the interval, by endpoint; `undefined` where nothing is compared. */
  #tallies: Map<E, Tally> | undefined;
  #comparison = 0;
  /** Of the interval before. */
  #compared: ReadonlyMap<E, Tally> = new Map();

  constructor(random: Random, events: OutlierEvents<E>) {
    this.#random = random;
    this.#events = events;
  }

  /** Endpoints out of service now, those that wait for their probe included. */
  get ejected(): number {
    return this.#ejected;
  }

  stateOf(endpoint: E): OutlierState {
    return this.#hosts.get(endpoint)?.state ?? 'serving';
  }

  /** Percent of its answers that were no failure in the interval before; -1 where there were too few to compare. */
  successRateOf(endpoint: E): number {
    const tally = this.#compared.get(endpoint);
    if (tally === undefined || tally.answered < Math.max(1, this.#config.successRate.requestVolume)) return -1;
    return (tally.succeeded * 100) / tally.answered;
  }

  configure(config: OutlierConfig, now: number): void {
    this.#config = config;
    const { successRate, failurePercentage } = config;
    const compares = [successRate, failurePercentage].some(
      ({ enforcing, enforcingLocalOrigin }) => enforcing > 0 || (config.splitLocalOrigin && enforcingLocalOrigin > 0),
    );
    this.#tallies = compares ? new Map() : undefined;
    this.#comparison = now + config.intervalMs;
    this.#schedule();
  }

  /** The endpoints from now on; call also when their health changed for other reasons. */
  update(endpoints: readonly E[], now: number): void {
    const before = this.#hosts;
    this.#hosts = new Map(endpoints.map((endpoint) => [endpoint, before.get(endpoint) ?? newHost(now)]));
    this.#ejected = 0;
    for (const host of this.#hosts.values()) if (host.state !== 'serving') this.#ejected++;
    // Endpoints that went may leave too few in service: those that would return first do so now.
    const out = [...this.#hosts]
      .filter(([, host]) => host.state !== 'serving')
      .sort(([, a], [, b]) => a.until - b.until);
    for (const [endpoint, host] of out) {
      if (this.#ejected <= this.#maxEjected() && this.#hasOther()) break;
      this.#serve(endpoint, host, now);
    }
    this.#schedule();
  }

  /** Lets endpoints whose time is over take their probe. Cheap when nothing is due; call before a pick. */
  refresh(now: number): void {
    if (now < this.#nextChange) return;
    for (const [endpoint, host] of this.#hosts) {
      // A probe without an answer is given up after its time, or the endpoint would stay out for ever.
      if ((host.state !== 'ejected' && host.state !== 'probing') || host.until > now) continue;
      host.state = 'half-open';
      this.#setEjected(endpoint, false);
    }
    if (this.#tallies !== undefined && now >= this.#comparison) this.#compare(this.#tallies, now);
    this.#schedule();
  }

  /** A request goes to the endpoint. */
  onStart(endpoint: E, now: number): void {
    const host = this.#hosts.get(endpoint);
    if (host?.state !== 'half-open') return;
    host.state = 'probing';
    host.until = now + this.#config.baseEjectionMs;
    this.#setEjected(endpoint, true);
    this.#schedule();
  }

  /** How the request went. Says whether the endpoint was ejected by it. */
  onResult(endpoint: E, result: RequestResult, now: number): boolean {
    const host = this.#hosts.get(endpoint);
    if (host === undefined || host.state === 'ejected') return false;
    if (this.#tallies !== undefined)
      count(this.#tallyOf(this.#tallies, endpoint), result, this.#config.splitLocalOrigin);
    if (result === 'success') {
      host.failures = 0;
      host.gatewayFailures = 0;
      host.localFailures = 0;
      if (host.state !== 'serving') this.#serve(endpoint, host, now);
      return false;
    }
    if (host.state !== 'serving') {
      this.#eject(endpoint, host, 'probe-failed', 'the one request that it was given failed', now);
      return true;
    }
    const reason = this.#countFailure(host, result);
    if (reason === undefined || !this.#mayEject(endpoint)) return false;
    this.#eject(endpoint, host, reason, `failures in a row: ${Math.max(host.failures, host.localFailures)}`, now);
    return true;
  }

  /** The request ended without telling anything of the endpoint, for example because the client went away. */
  onCancel(endpoint: E): void {
    const host = this.#hosts.get(endpoint);
    if (host?.state !== 'probing') return;
    host.state = 'half-open';
    this.#setEjected(endpoint, false);
  }

  /** Its active health check passed. */
  onCheckPassed(endpoint: E, now: number): void {
    const host = this.#hosts.get(endpoint);
    if (host !== undefined && host.state !== 'serving' && this.#config.checkReturns) this.#serve(endpoint, host, now);
  }

  /** Says what the failure is one too many of, if it is, and if that is enforced. */
  #countFailure(host: Host, result: RequestResult): OutlierReason | undefined {
    const config = this.#config;
    if (result === 'local-origin' && config.splitLocalOrigin) {
      host.localFailures++;
      const due = isDue(host.localFailures, config.consecutiveLocalOriginFailure);
      return due && this.#chance(config.enforcingLocalOriginFailure) ? 'consecutive-local-origin-failure' : undefined;
    }
    host.failures++;
    host.localFailures = 0;
    host.gatewayFailures = result === 'server-error' ? 0 : host.gatewayFailures + 1;
    if (isDue(host.gatewayFailures, config.consecutiveGatewayFailure) && this.#chance(config.enforcingGatewayFailure)) {
      return 'consecutive-gateway-failure';
    }
    return isDue(host.failures, config.consecutive5xx) && this.#chance(config.enforcing5xx)
      ? 'consecutive-5xx'
      : undefined;
  }

  #compare(tallies: Map<E, Tally>, now: number): void {
    this.#comparison = now + this.#config.intervalMs;
    this.#tallies = new Map();
    this.#compared = tallies;
    for (const { key, detector, enforcing, detail } of compareTallies(tallies, this.#config)) {
      const host = this.#hosts.get(key);
      if (host?.state !== 'serving' || !this.#mayEject(key) || !this.#chance(enforcing)) continue;
      this.#eject(key, host, detector, detail, now);
    }
  }

  #tallyOf(tallies: Map<E, Tally>, endpoint: E): Tally {
    let tally = tallies.get(endpoint);
    if (tally === undefined) {
      tally = newTally();
      tallies.set(endpoint, tally);
    }
    return tally;
  }

  #chance(percent: number): boolean {
    return percent >= 100 || this.#random() * 100 < percent;
  }

  #mayEject(endpoint: E): boolean {
    return this.#ejected < this.#maxEjected() && this.#hasOther(endpoint);
  }

  #maxEjected(): number {
    const { maxEjectionPercent } = this.#config;
    return maxEjectionPercent === 0 ? 0 : Math.max(1, Math.floor((this.#hosts.size * maxEjectionPercent) / 100));
  }

  /** Whether there is an endpoint in service, other than `excluded`. */
  #hasOther(excluded?: E): boolean {
    for (const endpoint of this.#hosts.keys()) {
      if (endpoint !== excluded && healthOf(endpoint) !== 'unhealthy') return true;
    }
    return false;
  }

  #eject(endpoint: E, host: Host, reason: OutlierReason, detail: string, now: number): void {
    const { baseEjectionMs, maxEjectionMs, maxEjectionJitterMs } = this.#config;
    if (host.state === 'serving') {
      this.#ejected++;
      host.ejections = Math.max(0, host.ejections - Math.floor((now - host.servingSince) / baseEjectionMs));
    }
    host.state = 'ejected';
    host.failures = 0;
    host.gatewayFailures = 0;
    host.localFailures = 0;
    host.ejections++;
    const jitter = maxEjectionJitterMs === 0 ? 0 : this.#random() * maxEjectionJitterMs;
    host.until = now + Math.min(Math.max(maxEjectionMs, baseEjectionMs), baseEjectionMs * host.ejections) + jitter;
    this.#setEjected(endpoint, true);
    this.#events.onEjected(endpoint, reason, detail);
    this.#schedule();
  }

  #serve(endpoint: E, host: Host, now: number): void {
    this.#ejected--;
    host.state = 'serving';
    host.failures = 0;
    host.servingSince = now;
    this.#setEjected(endpoint, false);
    this.#events.onReturned(endpoint);
  }

  #setEjected(endpoint: E, ejected: boolean): void {
    if (endpoint.signals.ejected === ejected) return;
    endpoint.signals.ejected = ejected;
    this.#events.onAvailability(endpoint);
  }

  #schedule(): void {
    this.#nextChange = this.#tallies === undefined ? Number.POSITIVE_INFINITY : this.#comparison;
    if (this.#ejected === 0) return;
    for (const { state, until } of this.#hosts.values()) {
      if (state === 'ejected' || state === 'probing') this.#nextChange = Math.min(this.#nextChange, until);
    }
  }
}

function newHost(now: number): Host {
  return {
    state: 'serving',
    failures: 0,
    gatewayFailures: 0,
    localFailures: 0,
    ejections: 0,
    until: 0,
    servingSince: now,
  };
}

/** Every time that the limit is reached counts: the first may not have been enforced. */
function isDue(failures: number, limit: number): boolean {
  return limit > 0 && failures >= limit;
}
