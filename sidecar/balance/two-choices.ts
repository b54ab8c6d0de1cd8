import type { Random } from '../../lib/random.ts';
import type { BalancedEndpoint } from './balancer.ts';
import { eligible, isEligible } from './eligible.ts';
import type { SlowStart } from './slow-start.ts';
import { WeightedDraw } from './weighted-draw.ts';

/** So often an endpoint that may not be taken is drawn before the exact, slower way decides. */
const maxRedraws = 8;

/**
 * Draws `choices` endpoints by weight and takes the better one ("power of two choices"), the first drawn when
 * neither is; so that endpoints which do equally well get their weights' shares. Choosing among all of them
 * instead would send every proxy of the mesh to the same best endpoint at once.
 */
export class TwoChoices<E extends BalancedEndpoint> {
  readonly #random: Random;
  readonly #choices: number;
  readonly #isBetter: (challenger: E, holder: E) => boolean;
  readonly #slowStart: SlowStart<E> | undefined;
  #all: WeightedDraw<E>;
  #panic = false;

  constructor(
    random: Random,
    choices: number,
    isBetter: (challenger: E, holder: E) => boolean,
    slowStart?: SlowStart<E>,
  ) {
    this.#random = random;
    this.#choices = Math.max(1, choices);
    this.#isBetter = isBetter;
    this.#slowStart = slowStart;
    this.#all = new WeightedDraw<E>([], random);
  }

  update(endpoints: readonly E[]): void {
    this.#all = new WeightedDraw([...endpoints], this.#random);
    this.#slowStart?.update(endpoints);
  }

  setPanic(panic: boolean): void {
    this.#panic = panic;
  }

  pick(tried: readonly E[]): E | undefined {
    const { endpoints } = this.#all;
    if (endpoints.length === 0) return undefined;
    const slow = this.#slowStart?.active === true;
    for (let i = 0; i < maxRedraws; i++) {
      const picked = this.#draw(this.#all, tried);
      if (picked !== undefined && (!slow || this.#isAccepted(picked))) return picked;
    }
    const left = eligible(endpoints, tried, this.#panic);
    // Whether these were tried or asked to be avoided was looked at already.
    return left.length === 0 ? undefined : this.#among(new WeightedDraw(left, this.#random));
  }

  /** `undefined` when one that was drawn may not be taken. */
  #draw(from: WeightedDraw<E>, tried: readonly E[]): E | undefined {
    const { endpoints } = from;
    const first = from.one();
    let best = endpoints[first] as E;
    if (!isEligible(best, tried, this.#panic)) return undefined;
    const choices = Math.min(this.#choices, endpoints.length);
    for (let i = 1; i < choices; i++) {
      const challenger = endpoints[from.another(first)] as E;
      if (!isEligible(challenger, tried, this.#panic)) return undefined;
      if (this.#isBetter(challenger, best)) best = challenger;
    }
    return best;
  }

  #among(from: WeightedDraw<E>): E {
    const first = from.one();
    let best = from.endpoints[first] as E;
    const choices = Math.min(this.#choices, from.endpoints.length);
    for (let i = 1; i < choices; i++) {
      const challenger = from.endpoints[from.another(first)] as E;
      if (this.#isBetter(challenger, best)) best = challenger;
    }
    return best;
  }

  /** A new endpoint is passed over in proportion to what it lacks to its full share. */
  #isAccepted(endpoint: E): boolean {
    const factor = (this.#slowStart as SlowStart<E>).factor(endpoint);
    return factor >= 1 || this.#random() < factor;
  }
}
