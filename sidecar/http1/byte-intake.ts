import type { Transport } from '../stream/codec.ts';

/** Who works the bytes of a {@link ByteIntake}. */
export interface IntakeOwner {
  /** Nothing is wanted any more; what still comes is dropped. */
  readonly finished: boolean;
  /** Works through a chunk and returns the offset of what must wait; everything before it is done with. */
  consume(chunk: Buffer): number;
  /** All that can be worked now is. */
  onConsumed(): void;
  /** The peer's FIN, after all its bytes. */
  onPeerEnd(): void;
}

/**
 * The bytes of a peer on their way into a codec: held while the codec cannot take them, with the transport's
 * reading stopped meanwhile, so that at most what was read already is in memory. Order is kept when the owner is
 * called back in the middle of a chunk.
 */
export class ByteIntake {
  readonly #transport: Transport;
  readonly #owner: IntakeOwner;
  #held: Buffer[] = [];
  #working = false;
  #transportPaused = false;
  /** The owner of the present stream wants no data for now. */
  paused = false;
  peerEnded = false;
  /** Set by the owner: the chunk being worked has bytes behind the present message. */
  more = false;

  constructor(transport: Transport, owner: IntakeOwner) {
    this.#transport = transport;
    this.#owner = owner;
  }

  /** Bytes behind the present message have come already. */
  get hasMore(): boolean {
    return this.more || this.#held.length > 0;
  }

  get working(): boolean {
    return this.#working;
  }

  push(chunk: Buffer): void {
    if (this.#working || this.#held.length > 0) this.#held.push(chunk);
    else this.#work(chunk);
  }

  end(): void {
    this.peerEnded = true;
    if (!this.#working && this.#held.length === 0) this.#owner.onPeerEnd();
  }

  /** Stops or restarts the data of the present stream. */
  pause(paused: boolean): void {
    if (this.paused === paused) return;
    this.paused = paused;
    if (paused) this.#updateReading();
    else this.resume();
  }

  /** Works what is held, as far as it goes now. */
  resume(): void {
    if (!this.#working) this.#work(this.#held.shift());
  }

  /** Forgets what is held and reads on. */
  drop(): void {
    this.#held = [];
    this.paused = false;
    this.#updateReading();
  }

  #work(first: Buffer | undefined): void {
    const owner = this.#owner;
    this.#working = true;
    let chunk = first;
    while (chunk !== undefined && !owner.finished) {
      const used = owner.consume(chunk);
      if (used < chunk.length) {
        this.#held.unshift(used === 0 ? chunk : chunk.subarray(used));
        break;
      }
      chunk = this.#held.shift();
    }
    this.#working = false;
    this.more = false;
    if (owner.finished) {
      this.#held = [];
      return;
    }
    this.#updateReading();
    owner.onConsumed();
    if (this.peerEnded && this.#held.length === 0 && !owner.finished) owner.onPeerEnd();
  }

  #updateReading(): void {
    const pause = this.paused || this.#held.length > 0;
    if (pause === this.#transportPaused) return;
    this.#transportPaused = pause;
    if (pause) this.#transport.pause();
    else this.#transport.resume();
  }
}
