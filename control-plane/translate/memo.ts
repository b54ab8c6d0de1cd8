/**
 * Remembers results by name, each with the parts that it was made from. Asked again with the same parts (`===`), it
 * answers the same object, so that nothing is encoded twice and the consumer sees by identity what did not change.
 * Translation stays a function of its inputs: the memo changes when work is done, never what comes out.
 */
export class Memo {
  readonly #entries = new Map<string, Entry>();
  #generation = 0;

  /** The value made from `parts` under `key`. A key has one type of value; say so in its first word. */
  get<T>(key: string, parts: readonly unknown[], make: () => T): T {
    const known = this.#entries.get(key);
    if (known !== undefined && sameParts(known.parts, parts)) {
      known.generation = this.#generation;
      return known.value as T;
    }
    const value = make();
    this.#entries.set(key, { parts, value, generation: this.#generation });
    return value;
  }

  /** Forgets what was not asked for since the call before. */
  sweep(): void {
    for (const [key, entry] of this.#entries) {
      if (entry.generation < this.#generation) this.#entries.delete(key);
    }
    this.#generation++;
  }

  get size(): number {
    return this.#entries.size;
  }
}

interface Entry {
  readonly parts: readonly unknown[];
  readonly value: unknown;
  generation: number;
}

function sameParts(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((part, index) => part === b[index]);
}
