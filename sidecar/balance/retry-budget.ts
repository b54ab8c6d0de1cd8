/** Requests whose unused share is remembered. */
const remembered = 1_000;
const refillMs = 1_000;
/** Retries in a second that a service with few requests may have; at one time it has no more than its minimum. */
const quietRetries = 10;

/**
 * Bounds retries by a share of the requests, so that they cannot multiply the load on a service that is in trouble:
 * at one time by a share of the active requests, and over time by the same share of all requests, for retries that
 * fail quickly would pass the first bound one after the other. A small number is always allowed, or a quiet service
 * had none.
 */
export class RetryBudget {
  readonly #share: number;
  readonly #minConcurrency: number;
  readonly #maxConcurrency: number;
  #active = 0;
  /** Retries that the requests so far have earned. */
  #credit = 0;
  /** Credit that was given before it was earned. */
  #advance = 0;
  #requestsSinceRefill = 0;
  /** `undefined` before the first retry. */
  #refilled: number | undefined;

  /**
   * Defaults of the mesh: 20 percent, 3. `maxConcurrency` bounds the retries at one time whatever the load is
   * (Envoy's `max_retries`).
   */
  constructor(percent: number, minConcurrency: number, maxConcurrency = Number.POSITIVE_INFINITY) {
    this.#share = percent / 100;
    this.#minConcurrency = minConcurrency;
    this.#maxConcurrency = maxConcurrency;
  }

  /** Retries that hold a share now. */
  get active(): number {
    return this.#active;
  }

  /** How many more could hold one at this load. */
  remaining(activeRequests: number): number {
    return Math.max(0, this.#allowed(activeRequests) - this.#active);
  }

  /** A request begins, which earns its share. */
  onRequest(): void {
    this.#requestsSinceRefill++;
    if (this.#advance > 0) {
      this.#advance -= this.#share;
      return;
    }
    const most = this.#share * remembered;
    if (this.#credit < most) this.#credit = Math.min(most, this.#credit + this.#share);
  }

  /**
   * Takes a share if there is one; give it back with {@link release} when the retry is over. `now` is of the monotonic
   * clock.
   */
  tryAcquire(activeRequests: number, now: number): boolean {
    if (this.#refilled === undefined || now - this.#refilled >= refillMs) this.#refill(now);
    if (this.#active >= this.#allowed(activeRequests) || this.#credit < 1 - 1e-9) return false;
    this.#active++;
    this.#credit--;
    return true;
  }

  release(): void {
    if (this.#active > 0) this.#active--;
  }

  #allowed(activeRequests: number): number {
    const share = Math.floor(activeRequests * this.#share + 1e-9);
    return Math.min(this.#maxConcurrency, Math.max(this.#minConcurrency, share));
  }

  /**
   * Where the requests since the last time earned fewer than a quiet service has, so many are there all the same; what
   * the next requests earn is counted against them.
   */
  #refill(now: number): void {
    const quiet = this.#minConcurrency === 0 ? 0 : Math.max(quietRetries, this.#minConcurrency);
    this.#advance = 0;
    if (this.#requestsSinceRefill * this.#share < quiet && this.#credit < quiet) {
      this.#advance = quiet - this.#credit;
      this.#credit = quiet;
    }
    this.#requestsSinceRefill = 0;
    this.#refilled = now;
  }
}
