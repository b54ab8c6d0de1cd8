import type { Clock } from '../../lib/clock.ts';
import type { Random } from '../../lib/random.ts';
import type { BalancedEndpoint, Balancer } from './balancer.ts';
import type { EndpointSignals } from './endpoint-signals.ts';
import type { SlowStart } from './slow-start.ts';
import { TwoChoices } from './two-choices.ts';

/** Costs closer than this count as equal, so that noise does not overrule weights. */
const noise = 0.9;
/** A failure counts as an answer that took this many times as long as expected … */
const failurePenalty = 4;
/** … but as no more than this, in milliseconds. */
const maxPenaltyMs = 5_000;

export interface PeakEwmaOptions<E extends BalancedEndpoint> {
  /** Milliseconds both. */
  decayMs: number;
  defaultRttMs: number;
  clock: Clock;
  random: Random;
  slowStart: SlowStart<E> | undefined;
}

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
  #now = 0;

  constructor({ decayMs, defaultRttMs, clock, random, slowStart }: PeakEwmaOptions<E>) {
    this.#decayMs = decayMs;
    this.#defaultRttMs = defaultRttMs;
    this.#clock = clock;
    this.#choice = new TwoChoices<E>(
      random,
      2,
      (challenger, holder) => this.#cost(challenger) < noise * this.#cost(holder),
      slowStart,
    );
  }

  update(endpoints: readonly E[]): void {
    const now = this.#clock.now();
    for (const { signals } of endpoints) {
      if (signals.latencyMs >= 0) continue;
      signals.latencyMs = this.#defaultRttMs;
      signals.latencyStamp = now;
    }
    this.#choice.update(endpoints);
  }

  setPanic(panic: boolean): void {
    this.#choice.setPanic(panic);
  }

  pick(tried: readonly E[]): E | undefined {
    this.#now = this.#clock.now();
    return this.#choice.pick(tried);
  }

  onResult({ signals }: E, latencyMs: number, failed: boolean): void {
    if (signals.latencyMs < 0) return;
    const now = this.#clock.now();
    const faded = this.#faded(signals, now);
    const sample = failed
      ? Math.max(latencyMs, Math.min(maxPenaltyMs, failurePenalty * Math.max(faded, this.#defaultRttMs)))
      : latencyMs;
    // What faded away is made up by the sample; a sample above the average replaces it.
    const kept = signals.latencyMs === 0 ? 0 : faded / signals.latencyMs;
    signals.latencyMs = sample > faded ? sample : faded + sample * (1 - kept);
    signals.latencyStamp = now;
  }

  #cost(endpoint: E): number {
    return this.#faded(endpoint.signals, this.#now) * (endpoint.activeRequests / endpoint.config.weight + 1);
  }

  #faded(signals: EndpointSignals, now: number): number {
    return signals.latencyMs * Math.exp((signals.latencyStamp - now) / this.#decayMs);
  }
}
