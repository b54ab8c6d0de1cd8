import { type Clock, systemClock } from './clock.ts';

/**
 * A time-out of a {@link TimerWheel}: made once by its owner, started and stopped as often as needed.
 * Starting and stopping cost a few nanoseconds and allocate nothing.
 */
export class Timer {
  readonly #wheel: TimerWheel;
  /** @private Links of the wheel's lists; only the wheel touches them. */
  previous: Timer | undefined;
  /** @private */
  next: Timer | undefined;
  /** @private Full turns of the wheel still to wait. */
  rounds = 0;
  /** @private Taken off the wheel to be fired in this turn, and not stopped since. */
  due = false;
  /** @private */
  readonly callback: (() => void) | undefined;

  constructor(wheel: TimerWheel, callback?: () => void) {
    this.#wheel = wheel;
    this.callback = callback;
  }

  get running(): boolean {
    return this.next !== undefined || this.due;
  }

  /** Fires once after at least `delayMs`; a running timer starts anew. */
  start(delayMs: number): void {
    this.stop();
    this.#wheel.insert(this, delayMs);
  }

  /** Does nothing when the timer is not running. */
  stop(): void {
    this.due = false;
    if (this.next === undefined || this.previous === undefined) return;
    this.previous.next = this.next;
    this.next.previous = this.previous;
    this.next = undefined;
    this.previous = undefined;
    this.#wheel.removed();
  }
}

/**
 * A hashed timer wheel: one interval serves every time-out of the process, so that a proxied request
 * never touches Node's own timers. A timer fires late by up to one tick, never early.
 */
export class TimerWheel {
  readonly #tickMs: number;
  readonly #slots: Timer[];
  readonly #clock: Clock;
  #position = 0;
  #lastTick: number;
  #running = 0;
  #interval: NodeJS.Timeout | undefined;

  constructor(tickMs = 20, slots = 512, clock: Clock = systemClock) {
    this.#tickMs = tickMs;
    this.#clock = clock;
    this.#lastTick = clock.now();
    this.#slots = Array.from({ length: slots }, () => {
      const head = new Timer(this);
      head.next = head;
      head.previous = head;
      return head;
    });
  }

  /** Makes a stopped timer. A callback that throws stops the process: it is a bug. */
  timer(callback: () => void): Timer {
    return new Timer(this, callback);
  }

  /** Makes a timer and starts it. */
  start(delayMs: number, callback: () => void): Timer {
    const timer = new Timer(this, callback);
    this.insert(timer, delayMs);
    return timer;
  }

  /** @private Called by {@link Timer.start}. */
  insert(timer: Timer, delayMs: number): void {
    const now = this.#clock.now();
    if (this.#running === 0) this.#lastTick = now;
    // Counted from the last tick, part of which has already passed.
    const ticks = Math.max(1, Math.ceil((delayMs + now - this.#lastTick) / this.#tickMs));
    const size = this.#slots.length;
    const head = this.#slots[(this.#position + ticks) % size] as Timer;
    timer.rounds = Math.floor((ticks - 1) / size);
    timer.previous = head.previous;
    timer.next = head;
    (head.previous as Timer).next = timer;
    head.previous = timer;
    this.#running++;
    this.#interval ??= setInterval(() => this.tick(), this.#tickMs).unref();
  }

  /** @private Called by {@link Timer.stop}. */
  removed(): void {
    this.#running--;
  }

  /** Moves the wheel to the present. Its own interval calls this; a test with a fake clock calls it itself. */
  tick(): void {
    const now = this.#clock.now();
    while (now - this.#lastTick >= this.#tickMs) {
      this.#lastTick += this.#tickMs;
      this.#position = (this.#position + 1) % this.#slots.length;
      this.#fireSlot();
    }
    if (this.#running === 0) this.#stopInterval();
  }

  /** Stops every timer. */
  close(): void {
    for (const head of this.#slots) {
      while (head.next !== head) head.next?.stop();
    }
    this.#stopInterval();
  }

  #stopInterval(): void {
    clearInterval(this.#interval);
    this.#interval = undefined;
  }

  #fireSlot(): void {
    const head = this.#slots[this.#position] as Timer;
    const due: Timer[] = [];
    for (let timer = head.next as Timer; timer !== head; timer = timer.next as Timer) {
      if (timer.rounds > 0) timer.rounds--;
      else due.push(timer);
    }
    for (const timer of due) {
      timer.stop();
      timer.due = true;
    }
    for (const timer of due) {
      // An earlier callback of this turn may have stopped it or started it anew.
      if (!timer.due) continue;
      timer.due = false;
      timer.callback?.();
    }
  }
}
