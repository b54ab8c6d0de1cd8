import type { Transport } from '../stream/codec.ts';
import { type ConnectionTimer, Waiting } from './connection-timer.ts';

/** How patient a {@link DelayedClose} is. */
export interface CloseLimits {
  /** For the peer's FIN. */
  readonly delayedCloseMs: number;
  /** For a peer that takes nothing of what is left for it. */
  readonly flushTimeoutMs: number;
}

/**
 * The end of a connection that we end first: FIN, then a little patience for the peer's, so that a reset does not
 * overtake the last response (security.md L-15). What the peer has not read yet gets the flush time-out.
 */
export class DelayedClose {
  readonly #transport: Transport;
  readonly #timer: ConnectionTimer;
  readonly #limits: CloseLimits;
  #unsent = 0;
  /** For how long the kernel has taken nothing. */
  #stalledMs = 0;

  constructor(transport: Transport, timer: ConnectionTimer, limits: CloseLimits) {
    this.#transport = transport;
    this.#timer = timer;
    this.#limits = limits;
  }

  start(): void {
    this.#transport.end();
    this.#unsent = this.#transport.bufferedBytes;
    this.#stalledMs = 0;
    this.#timer.start(Waiting.linger, this.#limits.delayedCloseMs);
  }

  /** The timer has fired. Returns whether the patience is over; otherwise the timer runs again. */
  isOver(): boolean {
    const before = this.#unsent;
    this.#unsent = this.#transport.bufferedBytes;
    this.#stalledMs = this.#unsent < before ? 0 : this.#stalledMs + this.#limits.delayedCloseMs;
    if (before === 0 || this.#stalledMs >= this.#limits.flushTimeoutMs) return true;
    this.#timer.start(Waiting.linger, this.#limits.delayedCloseMs);
    return false;
  }
}
