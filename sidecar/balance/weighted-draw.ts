import type { Random } from '../../lib/random.ts';
import type { BalancedEndpoint } from './balancer.ts';

/** Draws endpoints at random, each with the chance of its weight; without search when all weights are equal. */
export class WeightedDraw<E extends BalancedEndpoint> {
  readonly endpoints: readonly E[];
  readonly #random: Random;
  /** Running sums of the weights; empty when all are equal. */
  readonly #sums: readonly number[];

  constructor(endpoints: readonly E[], random: Random) {
    this.endpoints = endpoints;
    this.#random = random;
    const weight = endpoints[0]?.config.weight;
    this.#sums = endpoints.every((endpoint) => endpoint.config.weight === weight) ? [] : runningSums(endpoints);
  }

  /** An index; the list must not be empty. */
  one(): number {
    const { length } = this.endpoints;
    if (this.#sums.length === 0) return Math.floor(this.#random() * length);
    return this.#indexAt(this.#random() * (this.#sums[length - 1] as number));
  }

  /** An index other than `first`, with the chances among the rest; the list must have two at least. */
  another(first: number): number {
    const { length } = this.endpoints;
    if (this.#sums.length === 0) {
      const index = Math.floor(this.#random() * (length - 1));
      return index < first ? index : index + 1;
    }
    const before = first === 0 ? 0 : (this.#sums[first - 1] as number);
    const own = (this.#sums[first] as number) - before;
    const point = this.#random() * ((this.#sums[length - 1] as number) - own);
    return this.#indexAt(point < before ? point : point + own);
  }

  /** The first index whose running sum is above `point`. */
  #indexAt(point: number): number {
    let low = 0;
    let high = this.#sums.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#sums[middle] as number) > point) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

function runningSums(endpoints: readonly BalancedEndpoint[]): number[] {
  let sum = 0;
  return endpoints.map((endpoint) => {
    sum += endpoint.config.weight;
    return sum;
  });
}
