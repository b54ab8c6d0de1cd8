import type { Timer, TimerWheel } from '../../lib/timer-wheel.ts';

/** How a silent peer is asked for a sign of life (security.md L-41). */
export interface KeepAliveOptions {
  /** After so long without a byte of the peer a PING is sent. 0 for never. */
  readonly intervalMs: number;
  /** Without a byte of the peer for so long after it, the connection is given up. */
  readonly timeoutMs: number;
}

/** Notices that a peer is gone though its connection stands. Costs a store for each read. */
export class KeepAlive {
  readonly #options: KeepAliveOptions;
  readonly #timer: Timer;
  readonly #ping: () => void;
  readonly #onDead: () => void;
  #asked = false;
  /** To be set whenever bytes of the peer have come. */
  heard = false;

  /** `ping` sends one; `onDead` ends the connection. */
  constructor(options: KeepAliveOptions, wheel: TimerWheel, ping: () => void, onDead: () => void) {
    this.#options = options;
    this.#timer = wheel.timer(() => this.#check());
    this.#ping = ping;
    this.#onDead = onDead;
    this.#timer.start(options.intervalMs);
  }

  stop(): void {
    this.#timer.stop();
  }

  #check(): void {
    if (this.heard) {
      this.heard = false;
      this.#asked = false;
      this.#timer.start(this.#options.intervalMs);
    } else if (this.#asked) this.#onDead();
    else {
      this.#asked = true;
      this.#ping();
      this.#timer.start(this.#options.timeoutMs);
    }
  }
}
