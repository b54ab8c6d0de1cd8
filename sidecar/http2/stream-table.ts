/** Room for so many streams to begin with, and again once there is none; twice as many slots. */
const firstSlots = 32;
/** Up to so many slots are kept when the last stream has ended. */
const keptSlots = 256;

/**
 * The open streams of a connection by their id. A `Map` would do but for V8's garbage collector: at each
 * rehashing, which comes after some hundred streams however few are open, the old table keeps what it held and points
 * to the new one. Once such a table is old enough for V8's old generation, every later one lives until the next full
 * collection, with all requests that were under way when it was given up. (Measured: 10 µs more for each request, and
 * collections of 30 ms.)
 */
export class StreamTable<S extends { readonly id: number }> {
  /** Linear probing from a stream's own place on; no gap between that and the stream. */
  #slots: (S | undefined)[] = emptySlots(firstSlots);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: number): S | undefined {
    const slots = this.#slots;
    const mask = slots.length - 1;
    // Ids are odd and grow, and half of one does for a hash.
    for (let at = (id >>> 1) & mask; ; at = (at + 1) & mask) {
      const stream = slots[at];
      if (stream === undefined || stream.id === id) return stream;
    }
  }

  has(id: number): boolean {
    return this.get(id) !== undefined;
  }

  /** Adds a stream whose id is not in the table. */
  add(stream: S): void {
    if ((this.#size + 1) * 2 > this.#slots.length) this.#resize(this.#slots.length * 2);
    this.#put(stream);
    this.#size++;
  }

  delete(id: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let gap = (id >>> 1) & mask;
    for (; ; gap = (gap + 1) & mask) {
      const stream = slots[gap];
      if (stream === undefined) return;
      if (stream.id === id) break;
    }
    slots[gap] = undefined;
    this.#size--;
    if (this.#size === 0 && slots.length > keptSlots) {
      this.#slots = emptySlots(firstSlots);
      return;
    }
    // Whoever stands behind the gap and has its own place at or before it moves up.
    for (let at = (gap + 1) & mask; ; at = (at + 1) & mask) {
      const stream = slots[at];
      if (stream === undefined) return;
      const place = (stream.id >>> 1) & mask;
      if (((at - place) & mask) < ((at - gap) & mask)) continue;
      slots[gap] = stream;
      slots[at] = undefined;
      gap = at;
    }
  }

  /** Those that are open now, from the first on; the list does not change with the table. */
  values(): S[] {
    return this.#slots.filter((stream) => stream !== undefined).sort((a, b) => a.id - b.id);
  }

  #put(stream: S): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let at = (stream.id >>> 1) & mask;
    while (slots[at] !== undefined) at = (at + 1) & mask;
    slots[at] = stream;
  }

  #resize(count: number): void {
    const streams = this.values();
    this.#slots = emptySlots(count);
    for (const stream of streams) this.#put(stream);
  }
}

function emptySlots<S>(count: number): (S | undefined)[] {
  return new Array<S | undefined>(count).fill(undefined);
}
