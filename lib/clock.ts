/** Where time comes from. Passed in, so that a test can hold it still. */
export interface Clock {
  /** Milliseconds since an arbitrary start, never going back; for durations and time-outs. */
  now(): number;
  /** Milliseconds since the Unix epoch; for what a person or another machine reads. */
  wallTime(): number;
}

/** The machine's own clocks. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
};

/** A clock that moves only when told to. */
export class FakeClock implements Clock {
  #now = 0;
  #wallTime: number;

  constructor(wallTime = 1_700_000_000_000) {
    this.#wallTime = wallTime;
  }

  now(): number {
    return this.#now;
  }

  wallTime(): number {
    return this.#wallTime;
  }

  advance(ms: number): void {
    this.#now += ms;
    this.#wallTime += ms;
  }
}
