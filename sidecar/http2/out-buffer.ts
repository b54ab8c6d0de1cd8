const firstSize = 1_024;
const maxSize = 65_536;

/**
 * Memory that frames are encoded into, one behind the other. What is taken from it is never written again, so it can
 * be given to a socket as it is; the rest of the memory serves the next turn.
 */
export class OutBuffer {
  bytes: Buffer = Buffer.alloc(0);
  /** Where the next byte goes. */
  at = 0;
  #start = 0;
  #size = firstSize;

  /** Bytes that wait to be taken. */
  get pending(): number {
    return this.at - this.#start;
  }

  /** Makes room for `count` bytes at `at`; `bytes` and `at` may be others afterwards. */
  ensure(count: number): void {
    if (this.at + count > this.bytes.length) this.#grow(count);
  }

  /** What has been written since the last call. Only when `pending` is above 0. */
  take(): Buffer {
    const taken = this.bytes.subarray(this.#start, this.at);
    this.#start = this.at;
    return taken;
  }

  /** Takes back what was written last, from offset `at` on. */
  rewind(at: number): void {
    this.at = at;
  }

  /** Lets go of the memory: an idle connection should hold nothing. */
  release(): void {
    if (this.pending > 0) return;
    this.bytes = Buffer.alloc(0);
    this.at = 0;
    this.#start = 0;
    this.#size = firstSize;
  }

  #grow(count: number): void {
    const pending = this.pending;
    const needed = pending + count;
    // What one turn needed, the next will need too.
    while (this.#size < maxSize && this.#size < needed * 2) this.#size *= 2;
    const next = Buffer.allocUnsafeSlow(Math.max(this.#size, needed));
    if (pending > 0) this.bytes.copy(next, 0, this.#start, this.at);
    this.bytes = next;
    this.at = pending;
    this.#start = 0;
  }
}
