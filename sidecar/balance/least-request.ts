import type { Random } from '../../lib/random.ts';
import type { BalancedEndpoint, Balancer } from './balancer.ts';
import { TwoChoices } from './two-choices.ts';

/** Of `choices` endpoints drawn by weight, the one with the fewest active requests for its weight. */
export class LeastRequestBalancer<E extends BalancedEndpoint> implements Balancer<E> {
  readonly #choice: TwoChoices<E>;

  constructor(choices: number, random: Random) {
    this.#choice = new TwoChoices<E>(random, choices, (challenger, holder) => load(challenger) < load(holder));
  }

  update(endpoints: readonly E[]): void {
    this.#choice.update(endpoints);
  }

  pick(tried: readonly E[]): E | undefined {
    return this.#choice.pick(tried);
  }

  onResult(): void {}
}

function load(endpoint: BalancedEndpoint): number {
  return endpoint.activeRequests / endpoint.config.weight;
}
