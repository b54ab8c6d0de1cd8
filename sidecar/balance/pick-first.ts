import type { Random } from '../../lib/random.ts';
import type { BalancedEndpoint, Balancer } from './balancer.ts';
import { isEligible } from './eligible.ts';

/** The first endpoint of the list that may be used, until it may not: for services of which only one is active. */
export class PickFirstBalancer<E extends BalancedEndpoint> implements Balancer<E> {
  readonly #shuffle: boolean;
  readonly #random: Random;
  /** Where each endpoint stands in a shuffled list; kept, so that an update does not move the traffic. */
  readonly #places = new WeakMap<E, number>();
  #endpoints: readonly E[] = [];
  #panic = false;

  constructor(shuffle: boolean, random: Random) {
    this.#shuffle = shuffle;
    this.#random = random;
  }

  update(endpoints: readonly E[]): void {
    this.#endpoints = this.#shuffle ? [...endpoints].sort((a, b) => this.#place(a) - this.#place(b)) : endpoints;
  }

  setPanic(panic: boolean): void {
    this.#panic = panic;
  }

  pick(tried: readonly E[]): E | undefined {
    for (const strictness of [2, 1, 0] as const) {
      for (const endpoint of this.#endpoints) {
        if (isEligible(endpoint, tried, this.#panic, strictness)) return endpoint;
      }
    }
    return undefined;
  }

  onResult(): void {}

  #place(endpoint: E): number {
    const known = this.#places.get(endpoint);
    if (known !== undefined) return known;
    const place = this.#random();
    this.#places.set(endpoint, place);
    return place;
  }
}
