import { type Random, systemRandom } from './random.ts';

/** Exponential back-off with full jitter: each delay is uniform between 0 and a doubling ceiling. */
export class Backoff {
  readonly #baseMs: number;
  readonly #maxMs: number;
  readonly #random: Random;
  #attempt = 0;

  constructor(baseMs: number, maxMs: number, random: Random = systemRandom) {
    this.#baseMs = baseMs;
    this.#maxMs = maxMs;
    this.#random = random;
  }

  /** Delay in milliseconds before the next attempt; never 0, so that a loop cannot spin. */
  next(): number {
    const ceiling = Math.min(this.#maxMs, this.#baseMs * 2 ** this.#attempt);
    this.#attempt = Math.min(this.#attempt + 1, 30);
    return Math.max(1, Math.round(this.#random() * ceiling));
  }

  reset(): void {
    this.#attempt = 0;
  }
}
