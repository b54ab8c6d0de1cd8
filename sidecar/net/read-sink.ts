import type { OnReadOpts } from 'node:net';
import { Loan, lend } from './loan.ts';

const memoryBytes = 65_536;
/** Reads of at least so many bytes are worth memory that is lent instead of copied from. */
const lendBytes = 16_384;
/** Memory that came back, of all sockets: at most 4 MiB. */
const spare: Buffer[] = [];
const maxSpare = 64;

const takeMemory = (): Buffer => spare.pop() ?? Buffer.allocUnsafeSlow(memoryBytes);
const giveBack = (memory: Buffer): void => {
  if (spare.length < maxSpare) spare.push(memory);
};

/** All sockets with little to read do so into the same memory: one callback is over before the next begins. */
const shared = Buffer.allocUnsafeSlow(memoryBytes);

/**
 * The receiving end of a client socket that reads without a stream in between (Node's `onread`), which saves a slab of
 * 64 KiB and a tick for each read. Pass {@link options} when the socket is made.
 *
 * Bulk is read into memory of the socket's own, which is lent: see {@link Loan}. (Measured against a copy of each
 * read: half the CPU time for each byte, most of it garbage collection of the copies.)
 */
export class ReadSink {
  #receiver: ((chunk: Buffer) => void) | undefined;
  #early: Buffer[] | undefined;
  /** What the next read goes into when it is not the shared memory. */
  #own: Buffer | undefined;

  readonly options: OnReadOpts = {
    // Asked for when the socket is made, and after each callback for the next read.
    buffer: () => this.#own ?? shared,
    callback: (bytes) => {
      const own = this.#own;
      const bulk = bytes >= lendBytes;
      // More is waiting when a read fills its memory. Otherwise the connection may be idle soon, and holds nothing.
      this.#own = bytes === memoryBytes ? takeMemory() : undefined;
      if (own !== undefined) lend(new Loan(own, bytes, giveBack), bytes, this.#deliver);
      else if (bulk) this.#copy(bytes);
      else this.#deliver(Buffer.from(shared.subarray(0, bytes)));
      return true;
    },
  };

  /** Delivers to `receiver` from now on, beginning with what has come already. */
  attach(receiver: (chunk: Buffer) => void): void {
    this.#receiver = receiver;
    const early = this.#early;
    this.#early = undefined;
    if (early !== undefined) for (const chunk of early) receiver(chunk);
  }

  /** Ends the delivery, and keeps what comes, after `chunks`, for who is attached next. */
  detach(chunks: Buffer[] = []): void {
    this.#receiver = undefined;
    this.#early = chunks.length === 0 ? undefined : chunks;
  }

  /** Out of the shared memory, which the next socket reads into. */
  #copy(bytes: number): void {
    const memory = takeMemory();
    memory.set(shared.subarray(0, bytes));
    lend(new Loan(memory, bytes, giveBack), bytes, this.#deliver);
  }

  readonly #deliver = (chunk: Buffer): void => {
    if (this.#receiver !== undefined) this.#receiver(chunk);
    else {
      this.#early ??= [];
      this.#early.push(chunk);
    }
  };
}
