import type { Headers } from './headers.ts';

/** An event of a message that waits at a filter; `seen` when that filter has had it already. */
export type HeldEvent<Head> =
  | { kind: 'head'; head: Head; end: boolean; seen: boolean }
  | { kind: 'data'; chunk: Buffer; end: boolean; seen: boolean }
  | { kind: 'trailers'; trailers: Headers; seen: boolean };

/** What one filter holds of one direction of a stream. */
export class FilterGate<Head> {
  readonly queue: HeldEvent<Head>[] = [];
  holding = false;
  /** While holding: the filter goes on seeing what comes. */
  showing = false;
  /** The queue is being let go; what comes meanwhile must not overtake it. */
  draining = false;
  /** The sender of the message was paused because of this gate. */
  paused = false;

  /** Whether an event that arrives now waits unseen. */
  get shut(): boolean {
    return this.draining || (this.holding && !this.showing);
  }

  hold(status: 'stop' | 'buffer', event: HeldEvent<Head>): void {
    this.holding = true;
    this.showing = status === 'buffer';
    // One that is held again while the queue is let go is the oldest of it.
    if (this.draining) this.queue.unshift(event);
    else this.queue.push(event);
  }

  /** Takes `maxBytes` off the front of the data that is held; `undefined` when that would be all, or it is no data. */
  split(maxBytes: number): Buffer | undefined {
    const first = this.queue[0];
    if (first?.kind !== 'data' || first.chunk.length <= maxBytes) return undefined;
    const part = first.chunk.subarray(0, maxBytes);
    first.chunk = first.chunk.subarray(maxBytes);
    return part;
  }
}
