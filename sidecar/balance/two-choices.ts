import type { Random } from '../../lib/random.ts';
import type { BalancedEndpoint } from './balancer.ts';
import { eligible, isEligible } from './eligible.ts';
import { WeightedDraw } from './weighted-draw.ts';

/**
 * Draws `choices` endpoints by weight and takes the better one ("power of two choices"), the first drawn when
 * neither is; so that endpoints which do equally well get their weights' shares. Choosing among all of them
 * instead would send every proxy of the mesh to the same best endpoint at once.
 */
export class TwoChoices<E extends BalancedEndpoint> {
  readonly #random: Random;
  readonly #choices: number;
  readonly #isBetter: (challenger: E, holder: E) => boolean;
  #all: WeightedDraw<E>;

  constructor(random: Random, choices: number, isBetter: (challenger: E, holder: E) => boolean) {
    this.#random = random;
    this.#choices = Math.max(1, choices);
    this.#isBetter = isBetter;
    this.#all = new WeightedDraw<E>([], random);
  }

  update(endpoints: readonly E[]): void {
    this.#all = new WeightedDraw([...endpoints], this.#random);
  }

  pick(tried: readonly E[]): E | undefined {
    return this.#draw(this.#all, tried) ?? this.#drawAmongEligible(tried);
  }

  /** `undefined` when one that was drawn may not be taken: then the exact, slower way decides. */
  #draw(from: WeightedDraw<E>, tried: readonly E[]): E | undefined {
    const { endpoints } = from;
    if (endpoints.length === 0) return undefined;
    const first = from.one();
    let best = endpoints[first] as E;
    if (!isEligible(best, tried)) return undefined;
    const choices = Math.min(this.#choices, endpoints.length);
    for (let i = 1; i < choices; i++) {
      const challenger = endpoints[from.another(first)] as E;
      if (!isEligible(challenger, tried)) return undefined;
      if (this.#isBetter(challenger, best)) best = challenger;
    }
    return best;
  }

  #drawAmongEligible(tried: readonly E[]): E | undefined {
    return this.#draw(new WeightedDraw(eligible(this.#all.endpoints, tried), this.#random), []);
  }
}
