import type { Random } from '../../lib/random.ts';
import type { BalancedEndpoint, Balancer } from './balancer.ts';
import { isEligible } from './eligible.ts';
import type { SlowStart } from './slow-start.ts';
import { TwoChoices } from './two-choices.ts';

export interface LeastRequestOptions<E extends BalancedEndpoint> {
  /** How many are drawn, or all of them. */
  choices: number | 'all';
  /** How much active requests count: 1 fully, 0 not at all, so that weights alone decide. */
  activeRequestBias: number;
  random: Random;
  slowStart: SlowStart<E> | undefined;
}

/** Of `choices` endpoints drawn by weight, the one with the fewest active requests for its weight. */
export class LeastRequestBalancer<E extends BalancedEndpoint> implements Balancer<E> {
  readonly #choice: TwoChoices<E>;
  readonly #choices: number;
  readonly #compareAll: boolean;
  readonly #bias: number;
  readonly #random: Random;
  #endpoints: readonly E[] = [];
  #panic = false;

  constructor({ choices, activeRequestBias, random, slowStart }: LeastRequestOptions<E>) {
    this.#random = random;
    this.#compareAll = choices === 'all';
    this.#choices = choices === 'all' ? 2 : choices;
    this.#bias = activeRequestBias;
    const draws = activeRequestBias === 1 ? this.#choices : 1;
    this.#choice = new TwoChoices<E>(random, draws, (challenger, holder) => load(challenger) < load(holder), slowStart);
  }

  update(endpoints: readonly E[]): void {
    this.#endpoints = endpoints;
    this.#choice.update(endpoints);
  }

  setPanic(panic: boolean): void {
    this.#panic = panic;
    this.#choice.setPanic(panic);
  }

  pick(tried: readonly E[]): E | undefined {
    if (this.#compareAll) return this.#leastOfAll(tried) ?? this.#choice.pick(tried);
    return this.#bias === 1 ? this.#choice.pick(tried) : this.#pickBiased(tried);
  }

  onResult(): void {}

  /** Among equals, any. */
  #leastOfAll(tried: readonly E[]): E | undefined {
    let best: E | undefined;
    let equals = 0;
    for (const endpoint of this.#endpoints) {
      if (!isEligible(endpoint, tried, this.#panic)) continue;
      const difference = best === undefined ? -1 : load(endpoint) - load(best);
      if (difference > 0) continue;
      equals = difference < 0 ? 1 : equals + 1;
      if (difference < 0 || this.#random() * equals < 1) best = endpoint;
    }
    return best;
  }

  /** Of those drawn by weight, each has the chance that its active requests leave it: `1 / (active + 1) ^ bias`. */
  #pickBiased(tried: readonly E[]): E | undefined {
    let best: E | undefined;
    let total = 0;
    for (let i = 0; i < this.#choices; i++) {
      const drawn = this.#choice.pick(tried);
      if (drawn === undefined) return undefined;
      const chance = (drawn.activeRequests + 1) ** -this.#bias;
      total += chance;
      if (this.#random() * total < chance) best = drawn;
    }
    return best;
  }
}

function load(endpoint: BalancedEndpoint): number {
  return endpoint.activeRequests / endpoint.config.weight;
}
