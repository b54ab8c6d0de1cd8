import type { Clock } from '../../lib/clock.ts';

/** The `date` line of responses, made once a second. */
export class DateHeader {
  readonly #clock: Clock;
  #second = -1;
  #line = '';

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  line(): string {
    const second = Math.floor(this.#clock.wallTime() / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#line = `date: ${new Date(second * 1_000).toUTCString()}\r\n`;
    }
    return this.#line;
  }
}
