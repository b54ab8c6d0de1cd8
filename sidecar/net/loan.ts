/**
 * Memory that a read was delivered in. When a socket has given all of its bytes to the kernel the memory goes back,
 * and is read into again; otherwise whoever has the rest keeps it, as BodyReceiver promises.
 */
export class Loan {
  readonly memory: Buffer;
  readonly #giveBack: (memory: Buffer) => void;
  #bytesOut: number;

  constructor(memory: Buffer, bytes: number, giveBack: (memory: Buffer) => void) {
    this.memory = memory;
    this.#bytesOut = bytes;
    this.#giveBack = giveBack;
  }

  /** So many bytes of it are with the kernel, and nobody else has them. */
  written(bytes: number): void {
    this.#bytesOut -= bytes;
    if (this.#bytesOut === 0) this.#giveBack(this.memory);
  }
}

let current: Loan | undefined;

/** Calls `deliver` with what was read; there is one read at a time. */
export function lend(loan: Loan, bytes: number, deliver: (chunk: Buffer) => void): void {
  current = loan;
  deliver(loan.memory.subarray(0, bytes));
  current = undefined;
}

/** The loan that `piece` is of, while it is being delivered: by then nobody but the caller has the piece. */
export function loanOf(piece: Buffer): Loan | undefined {
  return current !== undefined && piece.buffer === current.memory.buffer ? current : undefined;
}
