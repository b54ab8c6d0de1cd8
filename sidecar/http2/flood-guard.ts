import type { Clock } from '../../lib/clock.ts';
import type { Http2Limits } from './limits.ts';

/** What spare WINDOW_UPDATE frames a connection starts with. */
const firstWindowUpdates = 100;
/** A WINDOW_UPDATE is earned by so many bytes that we send, as a power of two, beside four for each DATA frame. */
const windowUpdateShift = 11;
/** What a complete stream gives back of a reset. */
const resetRefund = 0.5;
/** What a complete stream gives back of a malformed one, so that a connection of many days and clients lives. */
const invalidRefund = 0.001;

/**
 * Counts what costs a peer little and us much (security.md L-31 to L-39). Each method returns the reason to end the
 * connection, or an empty string.
 */
export class FloodGuard {
  readonly #limits: Http2Limits;
  readonly #clock: Clock;
  #control: number;
  #controlAt: number;
  #idle: number;
  #windowUpdates = firstWindowUpdates;
  #resets: number;
  #resetsAt: number;
  #empty = 0;
  #invalid = 0;
  #rejected = 0;

  constructor(limits: Http2Limits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
    this.#control = limits.maxControlFrames;
    this.#idle = limits.maxIdleFrames;
    this.#resets = limits.resetBurst;
    this.#controlAt = clock.now();
    this.#resetsAt = this.#controlAt;
  }

  /** We have sent a DATA frame. */
  onDataSent(bytes: number): void {
    const spare = this.#windowUpdates + 4 + (bytes >> windowUpdateShift);
    this.#windowUpdates = Math.min(spare, this.#limits.maxSpareWindowUpdates);
    if (this.#control < this.#limits.maxControlFrames) this.#control++;
  }

  onStreamOpened(): void {
    this.#idle = Math.min(this.#idle + 10, this.#limits.maxIdleFrames);
    this.#windowUpdates = Math.min(this.#windowUpdates + 2, this.#limits.maxSpareWindowUpdates);
  }

  onStreamCompleted(): void {
    if (this.#resets < this.#limits.resetBurst) this.#resets += resetRefund;
    if (this.#invalid > 0) this.#invalid -= invalidRefund;
  }

  /** A PING or SETTINGS frame has come. */
  onControl(): string {
    const { maxControlFrames, controlFramesPerSecond } = this.#limits;
    if (--this.#control >= 0) return '';
    const now = this.#clock.now();
    const earned = ((now - this.#controlAt) * controlFramesPerSecond) / 1_000;
    this.#control = Math.min(this.#control + earned, maxControlFrames);
    this.#controlAt = now;
    return this.#control < 0 ? 'h2.too-many-control-frames' : '';
  }

  /** A PRIORITY frame or one of an unknown type has come. */
  onIdleFrame(): string {
    return --this.#idle < 0 ? 'h2.too-many-idle-frames' : '';
  }

  onWindowUpdate(): string {
    return --this.#windowUpdates < 0 ? 'h2.too-many-window-updates' : '';
  }

  /** A stream has been reset: by the peer, or by us because of the peer. */
  onReset(): string {
    const { resetBurst, resetsPerSecond } = this.#limits;
    const now = this.#clock.now();
    const earned = ((now - this.#resetsAt) * resetsPerSecond) / 1_000;
    this.#resets = Math.min(this.#resets + earned, resetBurst) - 1;
    this.#resetsAt = now;
    return this.#resets < 0 ? 'h2.too-many-resets' : '';
  }

  /** A frame that could carry something has come; `empty` that it did not, and ended nothing. */
  onContent(empty: boolean): string {
    this.#empty = empty ? this.#empty + 1 : 0;
    return this.#empty > this.#limits.maxEmptyFrames ? 'h2.too-many-empty-frames' : '';
  }

  /** A malformed message, or a frame that its stream may not have. */
  onInvalid(): string {
    return ++this.#invalid > this.#limits.maxInvalid ? 'h2.too-many-invalid-frames' : '';
  }

  /** A stream was refused for want of room. `told`: the peer has acknowledged how many it may open. */
  onRejected(told: boolean): string {
    const most = told ? this.#limits.maxRejected : this.#limits.maxRejected * 50;
    return ++this.#rejected > most ? 'h2.too-many-rejected-streams' : '';
  }
}
