const bucketMs = 1_000;

/** Requests and successes of the last `windowMs`, by seconds. */
export class SuccessWindow {
  readonly #requests: Float64Array;
  readonly #successes: Float64Array;
  /** Of the second that is counted into now. */
  #second: number;
  #allRequests = 0;
  #allSuccesses = 0;

  constructor(windowMs: number, now: number) {
    const seconds = Math.max(1, Math.ceil(windowMs / bucketMs));
    this.#requests = new Float64Array(seconds);
    this.#successes = new Float64Array(seconds);
    this.#second = Math.floor(now / bucketMs);
  }

  get requests(): number {
    return this.#allRequests;
  }

  get successes(): number {
    return this.#allSuccesses;
  }

  get seconds(): number {
    return this.#requests.length;
  }

  record(success: boolean, now: number): void {
    this.forget(now);
    const place = this.#second % this.seconds;
    this.#requests[place] = (this.#requests[place] as number) + 1;
    this.#allRequests++;
    if (!success) return;
    this.#successes[place] = (this.#successes[place] as number) + 1;
    this.#allSuccesses++;
  }

  /** Drops what is older than the window. */
  forget(now: number): void {
    const second = Math.floor(now / bucketMs);
    const steps = Math.min(second - this.#second, this.seconds);
    for (let i = 1; i <= steps; i++) {
      const place = (this.#second + i) % this.seconds;
      this.#allRequests -= this.#requests[place] as number;
      this.#allSuccesses -= this.#successes[place] as number;
      this.#requests[place] = 0;
      this.#successes[place] = 0;
    }
    if (steps > 0) this.#second = second;
  }
}
