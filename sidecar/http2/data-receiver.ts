import type { Headers } from '../stream/headers.ts';
import type { FrameWriter } from './frame-writer.ts';
import type { Http2Limits } from './limits.ts';
import { defaultWindow } from './protocol.ts';
import type { Stream } from './stream.ts';

const EMPTY = Buffer.alloc(0);

/** What a receiver of data asks of its connection. */
export interface ReceiverOwner {
  /** The peer's message is delivered, end and all. */
  onDelivered(stream: Stream): void;
  /** Holds `bytes` more (or less) of bodies. Returns false when it is too much, after resetting the stream. */
  hold(stream: Stream, bytes: number): boolean;
}

/**
 * Delivers the data of all streams of a connection, and opens the peer's windows again: that of a stream as its
 * receiver takes data, so that a slow receiver slows its sender and no other; that of the connection as data comes,
 * unless too much is held already. Both in large steps.
 */
export class DataReceiver {
  readonly #writer: FrameWriter;
  readonly #limits: Http2Limits;
  readonly #owner: ReceiverOwner;
  /** What the peer may send on all streams. */
  #window: number = defaultWindow;
  /** Bytes that have come, and are not given back to the peer's window yet. */
  #taken = 0;
  /** Bytes that wait for their receivers. */
  #held = 0;

  constructor(writer: FrameWriter, limits: Http2Limits, owner: ReceiverOwner) {
    this.#writer = writer;
    this.#limits = limits;
    this.#owner = owner;
  }

  /** Raises the connection's window from what RFC 9113 starts with. */
  open(): void {
    const more = this.#limits.connectionWindowBytes - this.#window;
    if (more <= 0) return;
    this.#window += more;
    this.#writer.windowUpdate(0, more);
  }

  /** A DATA frame begins. Returns false when it is more than the peer may send. */
  claim(length: number): boolean {
    this.#window -= length;
    if (this.#window < 0) return false;
    this.#taken += length;
    this.#reopen();
    return true;
  }

  /** Data has come. `end`: the message ends with it. `of` is the size of the memory that it is a part of. */
  receive(stream: Stream, piece: Buffer, of: number, end: boolean): void {
    if (!stream.paused && stream.inbox === undefined && !stream.delivering) {
      this.#give(stream, piece, end);
      return;
    }
    stream.inbox ??= { pieces: [], bytes: 0, end: false, trailers: undefined };
    const held = stream.inbox;
    if (end) held.end = true;
    if (piece.length === 0) return;
    // A small piece would keep the whole of what was read with it.
    held.pieces.push(piece.length * 2 < of ? Buffer.from(piece) : piece);
    held.bytes += piece.length;
    this.#hold(stream, piece.length);
  }

  /** Trailers have come; they end the message. */
  receiveTrailers(stream: Stream, trailers: Headers): void {
    if (stream.inbox !== undefined || stream.paused || stream.delivering) {
      stream.inbox ??= { pieces: [], bytes: 0, end: true, trailers };
      stream.inbox.end = true;
      stream.inbox.trailers = trailers;
      return;
    }
    stream.delivered = true;
    stream.receiver?.onTrailers(trailers);
    this.#owner.onDelivered(stream);
  }

  /** The receiver takes data again. */
  deliver(stream: Stream): void {
    if (stream.delivering) return;
    stream.delivering = true;
    while (!stream.paused && stream.inbox !== undefined) {
      const held = stream.inbox;
      const piece = held.pieces.shift() ?? EMPTY;
      held.bytes -= piece.length;
      const empty = held.pieces.length === 0;
      if (empty) stream.inbox = undefined;
      if (piece.length > 0) this.#hold(stream, -piece.length);
      const end = empty && held.end && held.trailers === undefined;
      if (piece.length > 0 || end) this.#give(stream, piece, end);
      if (empty && held.trailers !== undefined) {
        // Paused by its last data: what is left waits.
        if (stream.paused) stream.inbox = { pieces: [], bytes: 0, end: true, trailers: held.trailers };
        else {
          stream.delivered = true;
          stream.receiver?.onTrailers(held.trailers);
          this.#owner.onDelivered(stream);
        }
      }
    }
    stream.delivering = false;
    this.#reopen();
  }

  /** The stream has ended: what is held for its receiver is dropped. */
  drop(stream: Stream): void {
    const held = stream.inbox;
    if (held === undefined) return;
    stream.inbox = undefined;
    this.#hold(stream, -held.bytes);
    this.#reopen();
  }

  /** Gives `bytes` back to the peer's window for the stream. */
  giveBack(stream: Stream, bytes: number): void {
    stream.taken += bytes;
    if (stream.remoteEnded || stream.done || stream.taken * 2 < this.#limits.streamWindowBytes) return;
    stream.receiveWindow += stream.taken;
    this.#writer.windowUpdate(stream.id, stream.taken);
    stream.taken = 0;
  }

  #hold(stream: Stream, bytes: number): void {
    this.#held += bytes;
    this.#owner.hold(stream, bytes);
  }

  #give(stream: Stream, piece: Buffer, end: boolean): void {
    if (end) stream.delivered = true;
    // Before the receiver, which may end the stream.
    else this.giveBack(stream, piece.length);
    stream.receiver?.onData(piece, end);
    if (end) this.#owner.onDelivered(stream);
  }

  #reopen(): void {
    const { connectionWindowBytes, maxSessionBytes } = this.#limits;
    if (this.#taken * 2 < connectionWindowBytes || this.#held * 2 > maxSessionBytes) return;
    this.#window += this.#taken;
    this.#writer.windowUpdate(0, this.#taken);
    this.#taken = 0;
  }
}
