import type { Random } from '../../lib/random.ts';
import type { BalancedEndpoint, Balancer } from './balancer.ts';
import { isEligible } from './eligible.ts';

interface Turn<E> {
  endpoint: E;
  /** Grows by the weight with each pick and falls by the total when taken (nginx's smooth weighted round robin). */
  credit: number;
}

/** In turn; with weights interleaved, so that weights 5, 1, 1 give `a a b a c a a` and not `a a a a a b c`. */
export class RoundRobinBalancer<E extends BalancedEndpoint> implements Balancer<E> {
  readonly #random: Random;
  #turns: Turn<E>[] = [];
  #equal = true;
  #next = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  update(endpoints: readonly E[]): void {
    const credits = new Map(this.#turns.map(({ endpoint, credit }) => [endpoint, credit]));
    this.#turns = endpoints.map((endpoint) => ({ endpoint, credit: credits.get(endpoint) ?? 0 }));
    this.#equal = endpoints.every((endpoint) => endpoint.config.weight === endpoints[0]?.config.weight);
    // Starts anywhere: else all proxies that learn of a change together begin with the same endpoint.
    this.#next = Math.floor(this.#random() * endpoints.length);
  }

  pick(tried: readonly E[]): E | undefined {
    return this.#take(tried, isEligible) ?? this.#take(tried, (endpoint) => endpoint.available);
  }

  onResult(): void {}

  #take(tried: readonly E[], allowed: (endpoint: E, tried: readonly E[]) => boolean): E | undefined {
    return this.#equal ? this.#nextInTurn(tried, allowed) : this.#richest(tried, allowed);
  }

  #nextInTurn(tried: readonly E[], allowed: (endpoint: E, tried: readonly E[]) => boolean): E | undefined {
    for (let i = 0; i < this.#turns.length; i++) {
      const index = (this.#next + i) % this.#turns.length;
      const { endpoint } = this.#turns[index] as Turn<E>;
      if (!allowed(endpoint, tried)) continue;
      this.#next = index + 1;
      return endpoint;
    }
    return undefined;
  }

  #richest(tried: readonly E[], allowed: (endpoint: E, tried: readonly E[]) => boolean): E | undefined {
    let total = 0;
    let best: Turn<E> | undefined;
    for (const turn of this.#turns) {
      if (!allowed(turn.endpoint, tried)) continue;
      total += turn.endpoint.config.weight;
      turn.credit += turn.endpoint.config.weight;
      if (best === undefined || turn.credit > best.credit) best = turn;
    }
    if (best !== undefined) best.credit -= total;
    return best?.endpoint;
  }
}
