/**
 * Bounds the retries that run at one time by a share of the active requests, so that retries cannot multiply
 * the load on a service that is in trouble. A small number is always allowed, or a quiet service had none.
 */
export class RetryBudget {
  readonly #percent: number;
  readonly #minConcurrency: number;
  #active = 0;

  /** Defaults of the mesh: 20 percent, 3. */
  constructor(percent: number, minConcurrency: number) {
    this.#percent = percent;
    this.#minConcurrency = minConcurrency;
  }

  /** Retries that hold a share now. */
  get active(): number {
    return this.#active;
  }

  /** Takes a share if there is one; give it back with {@link release} when the retry is over. */
  tryAcquire(activeRequests: number): boolean {
    const allowed = Math.max(this.#minConcurrency, Math.floor((activeRequests * this.#percent) / 100));
    if (this.#active >= allowed) return false;
    this.#active++;
    return true;
  }

  release(): void {
    if (this.#active > 0) this.#active--;
  }
}
