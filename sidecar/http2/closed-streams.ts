const rememberedEnds = 128;
const rememberedResets = 1_024;

/**
 * The streams of a connection that ended last, so that a late frame is told from a wrong one: what was in flight when
 * we reset a stream is to be passed over (RFC 9113 §5.4.2), what comes behind an orderly end is an error (§5.1). Of
 * what is too long ago nobody can tell.
 */
export class ClosedStreams {
  readonly #ends = new Int32Array(rememberedEnds);
  #nextEnd = 0;
  /** Only made for a connection that needs it. */
  #resets: Int32Array | undefined;
  #nextReset = 0;

  /** `reset`: we have reset it. */
  add(id: number, reset: boolean): void {
    if (!reset) {
      this.#ends[this.#nextEnd++ % rememberedEnds] = id;
      return;
    }
    this.#resets ??= new Int32Array(rememberedResets);
    this.#resets[this.#nextReset++ % rememberedResets] = id;
  }

  wasReset(id: number): boolean {
    return this.#resets?.includes(id) === true;
  }

  /** Whether it is known to have ended in order, or by the peer's reset. */
  hasEnded(id: number): boolean {
    return this.#ends.includes(id);
  }
}
