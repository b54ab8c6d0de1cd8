import type { Clock } from '../../lib/clock.ts';

/**
 * A clock that is read once for each callback of a socket: what happens in one callback happens at one time. A
 * request asks for the time about ten times, and reading it costs as much as parsing a header field.
 */
export class TurnClock implements Clock {
  readonly #clock: Clock;
  #held = false;
  #now = 0;
  #wallTime = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#held ? this.#now : this.#clock.now();
  }

  wallTime(): number {
    if (!this.#held) return this.#clock.wallTime();
    if (this.#wallTime === 0) this.#wallTime = this.#clock.wallTime();
    return this.#wallTime;
  }

  hold(): void {
    this.#held = true;
    this.#now = this.#clock.now();
    this.#wallTime = 0;
  }

  release(): void {
    this.#held = false;
  }
}
