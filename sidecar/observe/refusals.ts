import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { LabelledValues } from './labelled-values.ts';

const linesPerSecond = 10;
const maxReasons = 1_000;

interface Window {
  start: number;
  lines: number;
  suppressed: number;
}

/** Counts what was refused, and logs it so sparingly that an attacker cannot fill a disk with it. */
export class Refusals {
  readonly counter: LabelledValues;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #windows = new Map<string, Window>();

  constructor(clock: Clock, log: Log, maxSeries: number) {
    this.#clock = clock;
    this.#log = log;
    this.counter = new LabelledValues(
      'heddle_refused_total',
      'counter',
      'Refused or broken off outside a stream, by reason',
      Math.min(maxSeries, maxReasons),
    );
  }

  record(listener: string, reason: string, detail: string, peerAddress: string): void {
    this.counter.add({ listener, reason }, 1);
    const now = this.#clock.now();
    const window = this.#window(reason, now);
    if (window.lines >= linesPerSecond) {
      window.suppressed++;
      return;
    }
    window.lines++;
    const suppressed = window.suppressed === 0 ? undefined : window.suppressed;
    window.suppressed = 0;
    this.#log.warn('refused', { listener, reason, detail: printable(detail), peer: peerAddress, suppressed });
  }

  #window(reason: string, now: number): Window {
    let window = this.#windows.get(reason);
    if (window === undefined) {
      if (this.#windows.size >= maxReasons) this.#windows.clear();
      window = { start: now, lines: 0, suppressed: 0 };
      this.#windows.set(reason, window);
    } else if (now - window.start >= 1_000) {
      window.start = now;
      window.lines = 0;
    }
    return window;
  }
}

const maxDetailLength = 512;

/** Printable ASCII, the rest as `\uXXXX`: a peer may have chosen these characters (security.md P-69). */
function printable(text: string): string {
  return text
    .slice(0, maxDetailLength)
    .replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
