import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { LabelledValues } from './labelled-values.ts';
import { LineLimit } from './line-limit.ts';

/** Counts what was refused, and logs it so sparingly that an attacker cannot fill a disk with it. */
export class Refusals {
  readonly counter: LabelledValues;
  readonly #log: Log;
  readonly #limit: LineLimit;

  constructor(clock: Clock, log: Log, maxSeries: number) {
    this.#log = log;
    this.#limit = new LineLimit(clock);
    this.counter = new LabelledValues(
      'heddle_refused_total',
      'counter',
      'Refused or broken off outside a stream, by reason',
      Math.min(maxSeries, 1_000),
    );
  }

  record(listener: string, reason: string, detail: string, peerAddress: string): void {
    this.counter.add({ listener, reason }, 1);
    const suppressed = this.#limit.take(reason);
    if (suppressed === undefined) return;
    this.#log.warn('refused', { listener, reason, detail: printable(detail), peer: peerAddress, ...suppressed });
  }
}

const maxDetailLength = 512;

/** Printable ASCII, the rest as `\uXXXX`: a peer may have chosen these characters (security.md P-69). */
export function printable(text: string): string {
  return text
    .slice(0, maxDetailLength)
    .replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
