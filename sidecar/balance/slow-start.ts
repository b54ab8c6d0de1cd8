import type { Clock } from '../../lib/clock.ts';
import type { SlowStartConfig } from '../cluster/cluster-config.ts';
import type { BalancedEndpoint } from './balancer.ts';
import type { TurnWeights } from './round-robin.ts';

/**
 * Lets the share of a new endpoint grow over a window of time, so that a cold cache or a JIT compiler is not met
 * with the full load (Envoy's slow start). Costs a comparison while no endpoint is new.
 */
export class SlowStart<E extends BalancedEndpoint> implements TurnWeights<E> {
  readonly #config: SlowStartConfig;
  readonly #clock: Clock;
  /** When the last of the endpoints has its full share. */
  #over = Number.NEGATIVE_INFINITY;
  largest = 1;

  constructor(config: SlowStartConfig, clock: Clock) {
    this.#config = config;
    this.#clock = clock;
  }

  /** Call when the endpoints change, or one of them begins to serve. */
  update(endpoints: readonly E[]): void {
    const { windowMs } = this.#config;
    this.largest = endpoints.reduce((most, { config }) => Math.max(most, config.weight), 1);
    this.#over = endpoints.reduce(
      (latest, { signals }) => Math.max(latest, signals.servingSince + windowMs),
      Number.NEGATIVE_INFINITY,
    );
  }

  /** Whether any endpoint has less than its full share. */
  get active(): boolean {
    return this.#over !== Number.NEGATIVE_INFINITY && this.#clock.now() < this.#over;
  }

  weight(endpoint: E): number {
    return endpoint.config.weight * this.factor(endpoint);
  }

  /** The share of the endpoint's weight that counts now, above 0 up to 1. */
  factor(endpoint: E): number {
    const { windowMs, aggression, minWeightPercent } = this.#config;
    const served = this.#clock.now() - endpoint.signals.servingSince;
    if (!(served < windowMs)) return 1;
    const timeFactor = Math.max(served, 1) / windowMs;
    return Math.max(minWeightPercent / 100, timeFactor ** (1 / aggression), 0.001);
  }
}
