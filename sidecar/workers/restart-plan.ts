/** A worker that lived so long was well, and its end is no sign of a loop. Milliseconds. */
const wellMs = 5_000;
const longestMs = 30_000;
const firstMs = 1_000;
/** So many quick ends in a row are a loop. */
const loopAt = 3;

/**
 * When a worker that ended is started again: at once, and after quick ends in a row later and later, 1 to 30 s
 * (security.md P-59).
 */
export class RestartPlan {
  #quickEnds = 0;

  /** Whether it ends as quickly as it begins. */
  get looping(): boolean {
    return this.#quickEnds >= loopAt;
  }

  /** Milliseconds until the next start, after an end that came `livedMs` after the worker was ready. */
  delayAfter(livedMs: number): number {
    this.#quickEnds = livedMs >= wellMs ? 0 : this.#quickEnds + 1;
    return this.#quickEnds <= 1 ? 0 : Math.min(longestMs, firstMs * 2 ** (this.#quickEnds - 2));
  }
}
