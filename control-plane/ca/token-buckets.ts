import type { Clock } from '../../lib/clock.ts';

interface Bucket {
  tokens: number;
  /** When `tokens` was right, in milliseconds on the clock's scale. */
  at: number;
}

/** Rate limits by key: each key may burst, and then goes on at a steady rate. */
export class TokenBuckets {
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #clock: Clock;
  readonly #maxKeys: number;
  readonly #buckets = new Map<string, Bucket>();

  /** `maxKeys` bounds the memory; above it the key that was quiet for longest is forgotten. */
  constructor(perSecond: number, burst: number, clock: Clock, maxKeys = 10_000) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#clock = clock;
    this.#maxKeys = maxKeys;
  }

  /** Whether a token is there; it is not taken. */
  has(key: string): boolean {
    return this.#level(key) >= 1;
  }

  /** Takes a token; false when there is none. */
  take(key: string): boolean {
    const level = this.#level(key);
    const taken = level >= 1;
    // Put at the end, so that the map is ordered by use.
    this.#buckets.delete(key);
    this.#buckets.set(key, { tokens: taken ? level - 1 : level, at: this.#clock.now() });
    if (this.#buckets.size > this.#maxKeys) {
      for (const oldest of this.#buckets.keys()) {
        this.#buckets.delete(oldest);
        break;
      }
    }
    return taken;
  }

  #level(key: string): number {
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) return this.#burst;
    const seconds = (this.#clock.now() - bucket.at) / 1_000;
    return Math.min(this.#burst, bucket.tokens + seconds * this.#perSecond);
  }
}
