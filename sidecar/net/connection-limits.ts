import fs from 'node:fs';

/** Share of the file descriptors that clients may take; the rest is for upstreams and everything else (security.md L-17). */
export const clientShare = 0.4;

/** Counts the connections of clients to all listeners of a process, and says when there are enough. */
export class ConnectionLimits {
  /** Open connections that clients may have, all listeners together. */
  readonly maxConnections: number;
  #open = 0;

  constructor(maxConnections: number) {
    this.maxConnections = maxConnections;
  }

  get open(): number {
    return this.#open;
  }

  /** Takes a place; false when there is none. */
  enter(): boolean {
    if (this.#open >= this.maxConnections) return false;
    this.#open++;
    return true;
  }

  leave(): void {
    this.#open--;
  }
}

/** 40 % of the descriptors this process may have; unlimited where the system does not tell. */
export function connectionsByDescriptors(): number {
  try {
    const limit = /^Max open files\s+(\d+)/m.exec(fs.readFileSync('/proc/self/limits', 'latin1'));
    if (limit !== null) return Math.floor(Number(limit[1]) * clientShare);
  } catch {
    // Only Linux has this file.
  }
  return Number.POSITIVE_INFINITY;
}

/** Counts connections by client address. */
export class ClientCounts {
  readonly #counts = new Map<string, number>();

  /** Takes a place for the address; false when it has `max` already. */
  enter(address: string, max: number): boolean {
    const count = this.#counts.get(address) ?? 0;
    if (count >= max) return false;
    this.#counts.set(address, count + 1);
    return true;
  }

  leave(address: string): void {
    const count = this.#counts.get(address) ?? 0;
    if (count <= 1) this.#counts.delete(address);
    else this.#counts.set(address, count - 1);
  }
}
