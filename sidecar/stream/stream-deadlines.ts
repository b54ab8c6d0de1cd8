import type { Clock } from '../../lib/clock.ts';
import type { Timer, TimerWheel } from '../../lib/timer-wheel.ts';

export type Deadline = 'hard' | 'request' | 'try' | 'try-idle' | 'idle' | 'backoff';

const never = Number.POSITIVE_INFINITY;

/**
 * The time-outs of one stream on a single timer. Activity is only noted; the timer looks at it when it fires,
 * so that a busy stream does not touch the wheel.
 */
export class StreamDeadlines {
  readonly #clock: Clock;
  readonly #timer: Timer;
  readonly #onDeadline: (deadline: Deadline) => void;
  #hard = never;
  #request = never;
  #try = never;
  #backoff = never;
  #idleMs = never;
  #tryIdleMs = never;
  #lastActivity = 0;
  /** When the timer fires; `never` while it does not run. */
  #armed = never;
  #stopped = false;

  constructor(wheel: TimerWheel, clock: Clock, onDeadline: (deadline: Deadline) => void) {
    this.#clock = clock;
    this.#onDeadline = onDeadline;
    this.#timer = wheel.timer(() => this.#fire());
  }

  /** In all of these, 0 milliseconds means none. */
  setIdle(ms: number, now: number): void {
    this.#idleMs = ms === 0 ? never : ms;
    this.#lastActivity = now;
    this.#arm(now);
  }

  /** `at` is of the monotonic clock. */
  setHard(at: number, now: number): void {
    this.#hard = at;
    this.#arm(now);
  }

  setRequest(ms: number, now: number): void {
    this.#request = ms === 0 ? never : now + ms;
    this.#arm(now);
  }

  /** For a try as a whole, and for its silences. */
  setTry(ms: number, idleMs: number, now: number): void {
    this.#try = ms === 0 ? never : now + ms;
    this.#tryIdleMs = idleMs === 0 ? never : idleMs;
    if (idleMs > 0) this.#lastActivity = now;
    this.#arm(now);
  }

  setBackoff(ms: number, now: number): void {
    this.#backoff = now + ms;
    this.#arm(now);
  }

  /** A try is over; its silences count as long as it runs. */
  clearTry(): void {
    this.#try = never;
  }

  clearTryIdle(): void {
    this.#tryIdleMs = never;
  }

  clearRequest(): void {
    this.#request = never;
  }

  touch(): void {
    if (this.#idleMs !== never || this.#tryIdleMs !== never) this.#lastActivity = this.#clock.now();
  }

  /** For good. */
  stop(): void {
    this.#stopped = true;
    this.#timer.stop();
  }

  /** When the request as a whole must be answered. */
  get end(): number {
    return Math.min(this.#hard, this.#request);
  }

  #next(): number {
    const idle = this.#lastActivity + Math.min(this.#idleMs, this.#tryIdleMs);
    return Math.min(this.#hard, this.#request, this.#try, this.#backoff, idle);
  }

  #arm(now: number): void {
    const next = this.#next();
    // A timer that fires too early looks again; that is cheaper than moving it with every change.
    if (next >= this.#armed || this.#stopped) return;
    this.#armed = next;
    this.#timer.start(Math.max(0, next - now));
  }

  #fire(): void {
    this.#armed = never;
    const now = this.#clock.now();
    const deadline = this.#due(now);
    if (deadline !== undefined) this.#onDeadline(deadline);
    if (!this.#stopped) this.#arm(now);
  }

  #due(now: number): Deadline | undefined {
    if (now >= this.#hard) {
      this.#hard = never;
      return 'hard';
    }
    if (now >= this.#request) {
      this.#request = never;
      return 'request';
    }
    if (now >= this.#try) {
      this.#try = never;
      return 'try';
    }
    if (now >= this.#backoff) {
      this.#backoff = never;
      return 'backoff';
    }
    if (now >= this.#lastActivity + this.#tryIdleMs) {
      this.#tryIdleMs = never;
      return 'try-idle';
    }
    return now >= this.#lastActivity + this.#idleMs ? 'idle' : undefined;
  }
}
