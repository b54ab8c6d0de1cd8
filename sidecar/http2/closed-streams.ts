const remembered = 128;

/**
 * The streams of a connection that ended last, so that a late frame is told from a wrong one: what was in flight when
 * we reset a stream is to be passed over (RFC 9113 §5.4.2), what comes behind an orderly end is an error (§5.1).
 */
export class ClosedStreams {
  readonly #ids = new Int32Array(remembered);
  #next = 0;

  /** `reset`: we have reset it. */
  add(id: number, reset: boolean): void {
    this.#ids[this.#next] = reset ? -id : id;
    this.#next = (this.#next + 1) % remembered;
  }

  wasReset(id: number): boolean {
    return this.#ids.includes(-id);
  }

  has(id: number): boolean {
    return this.#ids.includes(id) || this.#ids.includes(-id);
  }
}
