import type { Socket } from 'node:net';
import { loanOf } from './loan.ts';

/** As `socket.write`, and gives memory that `piece` is lent from back when the kernel has its bytes. */
export function writeLent(socket: Socket, piece: Buffer, done: ((error?: Error | null) => void) | undefined): boolean {
  const loan = loanOf(piece);
  if (loan === undefined) return socket.write(piece, done);
  return socket.write(piece, (error) => {
    // After an error a write may still be under way, and its memory is left to the collector.
    if (!error) loan.written(piece.length);
    done?.(error);
  });
}
