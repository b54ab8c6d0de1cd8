const firstSize = 1_024;
/** Up to this size memory is cut from what Node has at hand, which costs next to nothing. */
const pooledSize = 2_048;
const maxSize = 65_536;
const nothing = Buffer.alloc(0);

/**
 * Memory that frames are encoded into, one behind the other. What is taken from it is never written again, so it can
 * be given to a socket as it is; the rest of the memory serves the next turn.
 */
export class OutBuffer {
  bytes: Buffer = nothing;
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
    this.bytes = nothing;
    this.at = 0;
    this.#start = 0;
    // The next turn may need what this one did, if less and less likely.
    if (this.#size > firstSize) this.#size /= 2;
  }

  #grow(count: number): void {
    const pending = this.pending;
    const needed = pending + count;
    // What one turn needed, the next will need too.
    while (this.#size < maxSize && this.#size < needed * 2) this.#size *= 2;
    const size = Math.max(this.#size, needed);
    const next = size <= pooledSize ? Buffer.allocUnsafe(size) : Buffer.allocUnsafeSlow(size);
    if (pending > 0) this.bytes.copy(next, 0, this.#start, this.at);
    this.bytes = next;
    this.at = pending;
    this.#start = 0;
  }
}
