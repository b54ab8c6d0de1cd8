/** Something with bytes queued that must leave before the turn of the event loop is over. */
export interface Flushable {
  flush(): void;
}

/**
 * Gathers what is written during one turn of the event loop, so that each socket sees one write. A socket's read
 * callback calls {@link enter} and {@link leave}: what it caused leaves at once when it returns. Bytes written
 * elsewhere (a timer, a connection that became ready) leave in a microtask.
 */
export class WriteTurn {
  #dirty: Flushable[] = [];
  #spare: Flushable[] = [];
  #depth = 0;
  #scheduled = false;
  readonly #flush = (): void => this.#flushScheduled();

  enter(): void {
    this.#depth++;
  }

  leave(): void {
    if (--this.#depth === 0 && this.#dirty.length > 0) this.#flushAll();
  }

  /** `flushable` has bytes queued; called once for each time its queue goes from empty to not empty. */
  add(flushable: Flushable): void {
    this.#dirty.push(flushable);
    if (this.#depth === 0 && !this.#scheduled) {
      this.#scheduled = true;
      queueMicrotask(this.#flush);
    }
  }

  #flushScheduled(): void {
    this.#scheduled = false;
    this.#flushAll();
  }

  /** A flush may report room and so cause more writes; they go into the other list, and leave in the next round. */
  #flushAll(): void {
    this.#depth++;
    while (this.#dirty.length > 0) {
      const batch = this.#dirty;
      this.#dirty = this.#spare;
      for (let i = 0; i < batch.length; i++) (batch[i] as Flushable).flush();
      batch.length = 0;
      this.#spare = batch;
    }
    this.#depth--;
  }
}
