import type { Random } from '../../lib/random.ts';
import type { BalancedEndpoint, Balancer } from './balancer.ts';
import { isEligible, type Strictness } from './eligible.ts';

/** Weights that change by themselves, and count while `active`; else those of the configuration do. */
export interface TurnWeights<E extends BalancedEndpoint> {
  update(endpoints: readonly E[]): void;
  readonly active: boolean;
  weight(endpoint: E): number;
  /** No weight is above this. */
  readonly largest: number;
}

/** With more endpoints than this and weights, chance takes the place of an exact interleaving, which looks at all of them. */
const manyEndpoints = 256;

interface Turn<E> {
  endpoint: E;
  /** Grows by the weight with each pick and falls by the total when taken (nginx's smooth weighted round robin). */
  credit: number;
}

/** In turn; with weights interleaved, so that weights 5, 1, 1 give `a a b a c a a` and not `a a a a a b c`. */
export class RoundRobinBalancer<E extends BalancedEndpoint> implements Balancer<E> {
  readonly #random: Random;
  readonly #weights: TurnWeights<E> | undefined;
  #turns: Turn<E>[] = [];
  #equal = true;
  #largest = 1;
  #next = 0;
  #panic = false;

  constructor(random: Random, weights?: TurnWeights<E>) {
    this.#random = random;
    this.#weights = weights;
  }

  update(endpoints: readonly E[]): void {
    const credits = new Map(this.#turns.map(({ endpoint, credit }) => [endpoint, credit]));
    this.#turns = endpoints.map((endpoint) => ({ endpoint, credit: credits.get(endpoint) ?? 0 }));
    this.#equal = endpoints.every((endpoint) => endpoint.config.weight === endpoints[0]?.config.weight);
    this.#largest = endpoints.reduce((most, { config }) => Math.max(most, config.weight), 1);
    // Starts anywhere: else all proxies that learn of a change together begin with the same endpoint.
    this.#next = Math.floor(this.#random() * endpoints.length);
    this.#weights?.update(endpoints);
  }

  setPanic(panic: boolean): void {
    this.#panic = panic;
  }

  pick(tried: readonly E[]): E | undefined {
    const dynamic = this.#weights?.active === true;
    return this.#take(tried, 2, dynamic) ?? this.#take(tried, 1, dynamic) ?? this.#take(tried, 0, dynamic);
  }

  onResult(): void {}

  #take(tried: readonly E[], strictness: Strictness, dynamic: boolean): E | undefined {
    if (this.#equal && !dynamic) return this.#nextInTurn(tried, strictness);
    const chosen = this.#turns.length > manyEndpoints ? this.#nextByChance(tried, strictness, dynamic) : undefined;
    return chosen ?? this.#richest(tried, strictness, dynamic);
  }

  /** In turn, but an endpoint is passed over with the chance that its weight leaves to the largest. */
  #nextByChance(tried: readonly E[], strictness: Strictness, dynamic: boolean): E | undefined {
    const largest = dynamic ? (this.#weights as TurnWeights<E>).largest : this.#largest;
    for (let i = 0; i < manyEndpoints; i++) {
      if (this.#next >= this.#turns.length) this.#next = 0;
      const { endpoint } = this.#turns[this.#next++] as Turn<E>;
      if (!isEligible(endpoint, tried, this.#panic, strictness)) continue;
      if (this.#random() * largest < this.#weight(endpoint, dynamic)) return endpoint;
    }
    return undefined;
  }

  #weight(endpoint: E, dynamic: boolean): number {
    return dynamic ? (this.#weights as TurnWeights<E>).weight(endpoint) : endpoint.config.weight;
  }

  #nextInTurn(tried: readonly E[], strictness: Strictness): E | undefined {
    for (let i = 0; i < this.#turns.length; i++) {
      const index = (this.#next + i) % this.#turns.length;
      const { endpoint } = this.#turns[index] as Turn<E>;
      if (!isEligible(endpoint, tried, this.#panic, strictness)) continue;
      this.#next = index + 1;
      return endpoint;
    }
    return undefined;
  }

  #richest(tried: readonly E[], strictness: Strictness, dynamic: boolean): E | undefined {
    let total = 0;
    let best: Turn<E> | undefined;
    for (const turn of this.#turns) {
      const { endpoint } = turn;
      if (!isEligible(endpoint, tried, this.#panic, strictness)) continue;
      const weight = this.#weight(endpoint, dynamic);
      total += weight;
      turn.credit += weight;
      if (best === undefined || turn.credit > best.credit) best = turn;
    }
    if (best !== undefined) best.credit -= total;
    return best?.endpoint;
  }
}
