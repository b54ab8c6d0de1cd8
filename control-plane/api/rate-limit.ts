import type { Clock } from '../../lib/clock.ts';
import { HttpError } from './http-error.ts';

/** A token bucket: `ratePerSecond` on average, `burst` at once. */
export class RateLimit {
  readonly #ratePerSecond: number;
  readonly #burst: number;
  readonly #clock: Clock;
  #tokens: number;
  #filledAt: number;

  constructor(ratePerSecond: number, burst: number, clock: Clock) {
    this.#ratePerSecond = ratePerSecond;
    this.#burst = burst;
    this.#clock = clock;
    this.#tokens = burst;
    this.#filledAt = clock.now();
  }

  /** Throws 429 when the bucket is empty. */
  take(): void {
    const now = this.#clock.now();
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#filledAt) / 1_000) * this.#ratePerSecond);
    this.#filledAt = now;
    if (this.#tokens < 1) {
      const message = `more than ${this.#ratePerSecond} changes a second; try again in a second`;
      throw new HttpError(429, 'too-many-requests', message, { headers: { 'retry-after': '1' } });
    }
    this.#tokens--;
  }
}
