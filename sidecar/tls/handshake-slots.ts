import type { Timer, TimerWheel } from '../../lib/timer-wheel.ts';

/** Handshakes at one time (security.md L-16). */
const maxHandshakes = 200;
/** How long one waits for its turn before it is dropped. Milliseconds. */
const maxWaitMs = 1_000;

/** A place among the handshakes that run, or in the line for one. */
export interface HandshakePlace {
  /** The handshake is over, or is not to begin any more. Idempotent. */
  leave(): void;
}

/** Lets so many handshakes run at one time, and others wait a little; a flood of them must not stop everything else. */
export class HandshakeSlots {
  readonly #wheel: TimerWheel;
  readonly #waiting = new Set<Place>();
  #running = 0;

  constructor(wheel: TimerWheel) {
    this.#wheel = wheel;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Calls `begin` now or when there is room, and `onDropped` when there is none in time. */
  enter(begin: (place: HandshakePlace) => void, onDropped: () => void): HandshakePlace {
    const place = new Place(begin, (left) => this.#onLeave(left));
    if (this.#running < maxHandshakes) {
      this.#begin(place);
    } else {
      this.#waiting.add(place);
      place.timer = this.#wheel.start(maxWaitMs, () => {
        place.leave();
        onDropped();
      });
    }
    return place;
  }

  #begin(place: Place): void {
    this.#running++;
    place.start();
  }

  #onLeave(place: Place): void {
    if (this.#waiting.delete(place)) return;
    this.#running--;
    const [next] = this.#waiting;
    if (next === undefined) return;
    this.#waiting.delete(next);
    this.#begin(next);
  }
}

class Place implements HandshakePlace {
  timer: Timer | undefined;
  readonly #begin: (place: HandshakePlace) => void;
  readonly #onLeave: (place: Place) => void;
  #left = false;

  constructor(begin: (place: HandshakePlace) => void, onLeave: (place: Place) => void) {
    this.#begin = begin;
    this.#onLeave = onLeave;
  }

  start(): void {
    this.timer?.stop();
    this.#begin(this);
  }

  leave(): void {
    if (this.#left) return;
    this.#left = true;
    this.timer?.stop();
    this.#onLeave(this);
  }
}
