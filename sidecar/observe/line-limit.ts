import type { Clock } from '../../lib/clock.ts';

const linesPerSecond = 10;
const maxSubjects = 1_000;

interface Window {
  start: number;
  lines: number;
  suppressed: number;
}

/** Lets ten lines a second on each subject into a log, so that a peer cannot fill a disk with it. */
export class LineLimit {
  readonly #clock: Clock;
  readonly #windows = new Map<string, Window>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `undefined` where the line must not be written; else a field with the lines left out before it, if any were. */
  take(subject: string): { suppressed?: number } | undefined {
    const window = this.#window(subject, this.#clock.now());
    if (window.lines >= linesPerSecond) {
      window.suppressed++;
      return undefined;
    }
    window.lines++;
    const { suppressed } = window;
    window.suppressed = 0;
    return suppressed === 0 ? {} : { suppressed };
  }

  #window(subject: string, now: number): Window {
    let window = this.#windows.get(subject);
    if (window === undefined) {
      if (this.#windows.size >= maxSubjects) this.#windows.clear();
      window = { start: now, lines: 0, suppressed: 0 };
      this.#windows.set(subject, window);
    } else if (now - window.start >= 1_000) {
      window.start = now;
      window.lines = 0;
    }
    return window;
  }
}
