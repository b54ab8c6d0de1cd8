import type { Timer, TimerWheel } from '../../lib/timer-wheel.ts';

/** What a {@link ConnectionTimer} is waiting for. */
export const Waiting = {
  nothing: 0,
  /** The next request. */
  idle: 1,
  /** The rest of a head. */
  headers: 2,
  /** The rest of a body, at its minimum rate. */
  body: 3,
  /** The peer to read what is buffered for it. */
  flush: 4,
  /** The peer's FIN after ours. */
  linger: 5,
} as const;

/** How often the rate of a body is looked at, after its first time. */
const RATE_WINDOW_MS = 5_000;

/** What a {@link ConnectionTimer} must know of the limits of its connection. */
export interface BodyRateLimits {
  /** A body that comes slower than this is given up; 0 for never. */
  readonly minBodyBytesPerSecond: number;
  /** How long a body may be slower than that at its start. */
  readonly bodyGraceMs: number;
}

/** The one timer of a server connection: a connection waits for one thing at a time. */
export class ConnectionTimer {
  readonly #timer: Timer;
  readonly #limits: BodyRateLimits;
  readonly #onTimeout: (waiting: number) => void;
  #waiting: number = Waiting.nothing;
  #windowMs = 0;
  /** Body bytes that have come in this window. */
  bodyBytes = 0;
  /** The owner has stopped the body itself, or the peer is right to wait: no rate is asked for. */
  bodyPaused = false;

  constructor(wheel: TimerWheel, limits: BodyRateLimits, onTimeout: (waiting: number) => void) {
    this.#limits = limits;
    this.#onTimeout = onTimeout;
    this.#timer = wheel.timer(() => this.#fire());
  }

  get waiting(): number {
    return this.#waiting;
  }

  stop(): void {
    if (this.#waiting === Waiting.nothing) return;
    this.#waiting = Waiting.nothing;
    this.#timer.stop();
  }

  /** Waits for `delayMs`; 0 means for ever. */
  start(waiting: number, delayMs: number): void {
    if (delayMs <= 0) {
      this.stop();
      return;
    }
    this.#waiting = waiting;
    this.#timer.start(delayMs);
  }

  startBody(): void {
    if (this.#limits.minBodyBytesPerSecond <= 0) return;
    this.#windowMs = this.#limits.bodyGraceMs;
    this.bodyBytes = 0;
    this.start(Waiting.body, this.#windowMs);
  }

  #fire(): void {
    const waiting = this.#waiting;
    if (waiting === Waiting.body) {
      const enough = this.bodyPaused || this.bodyBytes * 1_000 >= this.#limits.minBodyBytesPerSecond * this.#windowMs;
      if (enough) {
        this.bodyBytes = 0;
        this.#windowMs = RATE_WINDOW_MS;
        this.#timer.start(RATE_WINDOW_MS);
        return;
      }
    }
    this.#waiting = Waiting.nothing;
    this.#onTimeout(waiting);
  }
}
