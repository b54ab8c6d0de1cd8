/**
 * Turns monotonic times into wall-clock times finer than a millisecond. Wall clocks are read in whole milliseconds,
 * cut off; the greatest difference to the monotonic clock seen is therefore the truest.
 */
export class WallOffset {
  #offsetMs = Number.NEGATIVE_INFINITY;

  /** Both clocks read at the same moment, in milliseconds. */
  observe(monotonicMs: number, wallMs: number): void {
    const difference = wallMs - monotonicMs;
    // A difference smaller by more than cutting off explains means that the wall clock was set back.
    if (difference > this.#offsetMs || this.#offsetMs - difference > 1) this.#offsetMs = difference;
  }

  /** Milliseconds since the epoch. */
  toWall(monotonicMs: number): number {
    return monotonicMs + this.#offsetMs;
  }
}

let lastSecond = -1;
let secondText = '';

/** Milliseconds since the epoch as whole nanoseconds, in decimal; a double could not hold them. */
export function unixNano(wallMs: number): string {
  const second = Math.floor(wallMs / 1_000);
  if (second !== lastSecond) {
    lastSecond = second;
    secondText = String(second);
  }
  return secondText + String(1e9 + Math.floor((wallMs - second * 1_000) * 1e6)).slice(1);
}
