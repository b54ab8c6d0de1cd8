import type { Clock } from '../../lib/clock.ts';
import type { Random } from '../../lib/random.ts';
import type { BalancedEndpoint, Balancer } from './balancer.ts';
import { TwoChoices } from './two-choices.ts';

/** Latency as remembered at `stamp`; it fades from there. */
interface Estimate {
  latencyMs: number;
  stamp: number;
}

/** Costs closer than this count as equal, so that noise does not overrule weights. */
const noise = 0.9;
/** A failure counts as an answer that took this many times as long as expected … */
const failurePenalty = 4;
/** … but as no more than this, in milliseconds. */
const maxPenaltyMs = 5_000;

/**
 * Of two endpoints drawn by weight, the one where a request is expected to be done first: a moving average of
 * latency that follows a rise at once and a fall over `decayMs` (Finagle's Peak-EWMA), times the requests that
 * are there already. An endpoint that is not asked fades towards free, so that it is tried again. Failures
 * raise the estimate: else an endpoint that fails fast would draw all traffic.
 */
export class PeakEwmaBalancer<E extends BalancedEndpoint> implements Balancer<E> {
  readonly #decayMs: number;
  readonly #defaultRttMs: number;
  readonly #clock: Clock;
  readonly #choice: TwoChoices<E>;
  #estimates = new Map<E, Estimate>();
  /** Read once for each pick. */
  #now = 0;

  constructor(decayMs: number, defaultRttMs: number, clock: Clock, random: Random) {
    this.#decayMs = decayMs;
    this.#defaultRttMs = defaultRttMs;
    this.#clock = clock;
    this.#choice = new TwoChoices<E>(
      random,
      2,
      (challenger, holder) => this.#cost(challenger) < noise * this.#cost(holder),
    );
  }

  update(endpoints: readonly E[]): void {
    const now = this.#clock.now();
    const before = this.#estimates;
    this.#estimates = new Map(
      endpoints.map((endpoint) => [endpoint, before.get(endpoint) ?? { latencyMs: this.#defaultRttMs, stamp: now }]),
    );
    this.#choice.update(endpoints);
  }

  pick(tried: readonly E[]): E | undefined {
    this.#now = this.#clock.now();
    return this.#choice.pick(tried);
  }

  onResult(endpoint: E, latencyMs: number, failed: boolean): void {
    const estimate = this.#estimates.get(endpoint);
    if (estimate === undefined) return;
    const now = this.#clock.now();
    const faded = this.#faded(estimate, now);
    const sample = failed
      ? Math.max(latencyMs, Math.min(maxPenaltyMs, failurePenalty * Math.max(faded, this.#defaultRttMs)))
      : latencyMs;
    // What faded away is made up by the sample; a sample above the average replaces it.
    const kept = estimate.latencyMs === 0 ? 0 : faded / estimate.latencyMs;
    estimate.latencyMs = sample > faded ? sample : faded + sample * (1 - kept);
    estimate.stamp = now;
  }

  #cost(endpoint: E): number {
    const estimate = this.#estimates.get(endpoint);
    const latency = estimate === undefined ? this.#defaultRttMs : this.#faded(estimate, this.#now);
    return latency * (endpoint.activeRequests / endpoint.config.weight + 1);
  }

  #faded(estimate: Estimate, now: number): number {
    return estimate.latencyMs * Math.exp((estimate.stamp - now) / this.#decayMs);
  }
}
