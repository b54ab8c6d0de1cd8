import type { Clock } from '../../lib/clock.ts';
import type { Timer, TimerWheel } from '../../lib/timer-wheel.ts';

/** One of the two ends of a relay. */
export interface RelaySide {
  /** Begins to deliver; called once. */
  start(events: RelayEvents): void;
  /** Returns false when the relay should wait for `onDrain`. */
  write(chunk: Buffer): boolean;
  /** Sends FIN after what was written. */
  end(): void;
  /** Breaks it off: before `end`, with RST. */
  destroy(): void;
  pause(): void;
  resume(): void;
}

export interface RelayEvents {
  onData(chunk: Buffer): void;
  /** The peer sent FIN; it may still read. */
  onEnd(): void;
  /** The connection is gone. Comes after everything else, also when it ended well. */
  onClose(): void;
  onDrain(): void;
}

/** How a relay ended, and what it carried. */
export interface RelayResult {
  /** From and to the downstream side. */
  bytesReceived: number;
  bytesSent: number;
  /** Which side broke it off; `undefined` when both ended in order. */
  broken: 'downstream' | 'upstream' | 'idle' | undefined;
}

interface Half {
  readonly from: RelaySide;
  readonly to: RelaySide;
  bytes: number;
  ended: boolean;
  /** Reading waits until what was written has left. */
  paused: boolean;
}

/**
 * Carries bytes between two connections until both sides have ended, one breaks off, or nothing moves for
 * `idleTimeoutMs`. Each direction ends on its own (half-close), and a slow reader slows its writer down.
 */
export class Relay {
  readonly #up: Half;
  readonly #down: Half;
  readonly #clock: Clock;
  readonly #idleMs: number;
  readonly #timer: Timer;
  readonly #onOver: (result: RelayResult) => void;
  #lastActivity: number;
  #over = false;

  constructor(
    downstream: RelaySide,
    upstream: RelaySide,
    options: { idleTimeoutMs: number; wheel: TimerWheel; clock: Clock },
    onOver: (result: RelayResult) => void,
  ) {
    this.#clock = options.clock;
    this.#idleMs = options.idleTimeoutMs;
    this.#onOver = onOver;
    this.#lastActivity = options.clock.now();
    this.#up = { from: downstream, to: upstream, bytes: 0, ended: false, paused: false };
    this.#down = { from: upstream, to: downstream, bytes: 0, ended: false, paused: false };
    this.#timer = options.wheel.timer(() => this.#onTimer());
    if (this.#idleMs > 0) this.#timer.start(this.#idleMs);
    upstream.start(this.#events(this.#down, this.#up, 'upstream'));
    downstream.start(this.#events(this.#up, this.#down, 'downstream'));
  }

  /** Ends both sides at once. */
  destroy(): void {
    this.#finish('downstream');
  }

  #events(half: Half, back: Half, side: 'downstream' | 'upstream'): RelayEvents {
    return {
      onData: (chunk) => {
        half.bytes += chunk.length;
        this.#lastActivity = this.#clock.now();
        if (half.to.write(chunk)) return;
        half.paused = true;
        half.from.pause();
      },
      onEnd: () => {
        half.ended = true;
        half.to.end();
      },
      onClose: () => this.#finish(half.ended && back.ended ? undefined : side),
      onDrain: () => {
        if (!back.paused) return;
        back.paused = false;
        this.#lastActivity = this.#clock.now();
        back.from.resume();
      },
    };
  }

  #onTimer(): void {
    const left = this.#lastActivity + this.#idleMs - this.#clock.now();
    if (left > 0) this.#timer.start(left);
    else this.#finish('idle');
  }

  #finish(broken: RelayResult['broken']): void {
    if (this.#over) return;
    this.#over = true;
    this.#timer.stop();
    // Ended in order, the other side still writes out what it has; broken, the break is passed on. An idle connection
    // has nothing under way that could be broken.
    for (const side of [this.#up.from, this.#up.to]) {
      if (broken === undefined || broken === 'idle') side.end();
      if (broken !== undefined) side.destroy();
    }
    this.#onOver({ bytesReceived: this.#up.bytes, bytesSent: this.#down.bytes, broken });
  }
}
