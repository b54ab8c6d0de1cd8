import type { Random } from '../../lib/random.ts';
import type { BalancedEndpoint, Balancer } from './balancer.ts';
import { TwoChoices } from './two-choices.ts';

/** Each endpoint with the chance of its weight. */
export class RandomBalancer<E extends BalancedEndpoint> implements Balancer<E> {
  readonly #choice: TwoChoices<E>;

  constructor(random: Random) {
    this.#choice = new TwoChoices<E>(random, 1, () => false);
  }

  update(endpoints: readonly E[]): void {
    this.#choice.update(endpoints);
  }

  setPanic(panic: boolean): void {
    this.#choice.setPanic(panic);
  }

  pick(tried: readonly E[]): E | undefined {
    return this.#choice.pick(tried);
  }

  onResult(): void {}
}
