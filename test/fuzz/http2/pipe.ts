import type { Transport } from '../../../sidecar/stream/codec.ts';

/** A transport in memory, which also stands for the turn: it is flushed when the driver says so. */
export class Pipe implements Transport {
  bufferedBytes = 0;
  ended = false;
  destroyed = false;
  readonly #pieces: Buffer[] = [];
  #dirty: { flush(): void }[] = [];

  readonly turn = { add: (flushable: { flush(): void }): void => void this.#dirty.push(flushable) };

  get written(): Buffer {
    return Buffer.concat(this.#pieces);
  }
  write(bytes: Buffer | string): void {
    // What comes after the end never reaches a socket.
    if (!this.ended && !this.destroyed)
      this.#pieces.push(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : Buffer.from(bytes));
  }
  /** What was written since the last call. */
  take(): Buffer {
    const all = this.written;
    this.#pieces.length = 0;
    return all;
  }
  flush(): void {
    while (this.#dirty.length > 0) {
      const dirty = this.#dirty;
      this.#dirty = [];
      for (const flushable of dirty) flushable.flush();
    }
  }
  pause(): void {}
  resume(): void {}
  end(): void {
    this.ended = true;
  }
  destroy(): void {
    this.destroyed = true;
  }
}
