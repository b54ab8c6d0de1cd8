import type { Transport } from '../stream/codec.ts';
import type { Headers } from '../stream/headers.ts';
import type { FloodGuard } from './flood-guard.ts';
import type { FrameWriter } from './frame-writer.ts';
import type { PeerSettings } from './peer-settings.ts';
import { defaultWindow, maxFramePayload, maxWindow } from './protocol.ts';
import type { Stream } from './stream.ts';

/** Data up to this size is sent even when much is buffered already, if windows allow it. Bytes. */
const smallData = 8_192;

/** What a sender asks of its connection. */
export interface SenderOwner {
  readonly peer: PeerSettings;
  /** Writes trailers, which end our message. */
  writeTrailers(stream: Stream, trailers: Headers): void;
  /** Our message is complete. */
  onLocalEnd(stream: Stream): void;
  /** Holds `bytes` more (or less) of bodies. Returns false when it is too much, after resetting the stream. */
  hold(stream: Stream, bytes: number): boolean;
}

/**
 * Sends the data of all streams of a connection as the peer's windows and the transport allow it. Streams that must
 * wait for the connection take turns, one frame each (RFC 9113 §5.2).
 */
export class DataSender {
  readonly #transport: Transport;
  readonly #writer: FrameWriter;
  readonly #guard: FloodGuard;
  readonly #owner: SenderOwner;
  readonly #highWatermark: number;
  #window: number = defaultWindow;
  #turns: Stream[] = [];
  /** Streams that were told to stop, and hold nothing here. */
  #stopped: Stream[] = [];
  #pumping = false;
  /** Streams with data that waits. */
  waiting = 0;

  constructor(transport: Transport, writer: FrameWriter, guard: FloodGuard, owner: SenderOwner, highWatermark: number) {
    this.#transport = transport;
    this.#writer = writer;
    this.#guard = guard;
    this.#owner = owner;
    this.#highWatermark = highWatermark;
  }

  /** Takes data of a stream. Returns false when its owner should stop. */
  send(stream: Stream, chunk: Buffer, end: boolean): boolean {
    const length = chunk.length;
    if (stream.outbox !== undefined) return this.#enqueue(stream, chunk, end);
    const wait = length > smallData && (this.#turns.length > 0 || this.#congested());
    const allowed = wait ? 0 : Math.min(length, stream.sendWindow, this.#window);
    let from = 0;
    if (length === 0) {
      if (end) this.#frame(stream, chunk, 0, 0, true);
    } else {
      while (from < allowed) {
        const to = Math.min(allowed, from + maxFramePayload);
        this.#frame(stream, chunk, from, to, end && to === length);
        from = to;
      }
      if (from < length) return this.#enqueue(stream, from === 0 ? chunk : chunk.subarray(from), end);
    }
    if (end) {
      this.#owner.onLocalEnd(stream);
      return true;
    }
    if (!this.#congested()) return true;
    this.#stop(stream);
    return false;
  }

  /** Ends our message with trailers, behind what waits. */
  sendTrailers(stream: Stream, trailers: Headers): void {
    if (stream.outbox !== undefined) {
      stream.outbox.end = true;
      stream.outbox.trailers = trailers;
      return;
    }
    this.#owner.writeTrailers(stream, trailers);
    this.#owner.onLocalEnd(stream);
  }

  /** Takes the window for a body that goes out at once on a stream of its own. Returns false when there is too little. */
  claim(length: number): boolean {
    if (length > this.#window || length > this.#owner.peer.initialWindowBytes) return false;
    this.#window -= length;
    return true;
  }

  /** The peer's window for the connection grows. Returns false when it would be too large. */
  widen(increment: number): boolean {
    this.#window += increment;
    if (this.#window > maxWindow) return false;
    this.pump();
    return true;
  }

  /** The peer's window for a stream changes. Returns false when it would be too large. */
  widenStream(stream: Stream, increment: number): boolean {
    stream.sendWindow += increment;
    if (stream.sendWindow > maxWindow) return false;
    this.#queue(stream);
    return true;
  }

  /** Sends what waits, as far as it may, and tells those who were stopped when there is room again. */
  pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    const turns = this.#turns;
    let next = 0;
    while (next < turns.length && this.#window > 0 && !this.#congested()) {
      const stream = turns[next++] as Stream;
      stream.queued = false;
      if (stream.outbox !== undefined) this.#sendHeld(stream);
      // A long line is not moved for each step.
      if (next === 1_024) {
        turns.splice(0, next);
        next = 0;
      }
    }
    turns.splice(0, next);
    this.#pumping = false;
    if (this.#stopped.length > 0 && !this.#congested()) this.#restart();
  }

  /** The stream has ended: what waits of it is dropped. */
  drop(stream: Stream): void {
    const held = stream.outbox;
    if (held === undefined) return;
    stream.outbox = undefined;
    this.waiting--;
    this.#owner.hold(stream, -held.bytes);
  }

  /** Whether more is on its way to the socket than should be. */
  #congested(): boolean {
    if (this.#writer.pending > this.#highWatermark) this.#writer.flush();
    return this.#writer.pending + this.#transport.bufferedBytes > this.#highWatermark;
  }

  #frame(stream: Stream, chunk: Buffer, from: number, to: number, end: boolean): void {
    const length = to - from;
    stream.sendWindow -= length;
    this.#window -= length;
    stream.stalls = 0;
    this.#guard.onDataSent(length);
    this.#writer.data(stream.id, chunk, from, to, end);
  }

  #enqueue(stream: Stream, chunk: Buffer, end: boolean): boolean {
    if (stream.outbox === undefined) {
      stream.outbox = { pieces: [], bytes: 0, end: false, trailers: undefined };
      stream.stalls = 0;
      this.waiting++;
    }
    const held = stream.outbox;
    if (end) held.end = true;
    if (chunk.length > 0) {
      held.pieces.push(chunk);
      held.bytes += chunk.length;
      if (!this.#owner.hold(stream, chunk.length)) return true;
    }
    this.#queue(stream);
    if (end) return true;
    stream.blocked = true;
    return false;
  }

  /** Puts a stream that may send into the line. */
  #queue(stream: Stream): void {
    if (stream.queued || stream.outbox === undefined || stream.sendWindow <= 0) return;
    stream.queued = true;
    this.#turns.push(stream);
  }

  /** One frame of what waits. */
  #sendHeld(stream: Stream): void {
    const held = stream.outbox;
    if (held === undefined || stream.sendWindow <= 0) return;
    const piece = held.pieces[0];
    if (piece !== undefined) {
      const length = Math.min(piece.length, maxFramePayload, stream.sendWindow, this.#window);
      const whole = length === piece.length;
      if (whole) held.pieces.shift();
      else held.pieces[0] = piece.subarray(length);
      held.bytes -= length;
      this.#owner.hold(stream, -length);
      this.#frame(stream, piece, 0, length, held.bytes === 0 && held.end && held.trailers === undefined);
      if (held.bytes > 0) {
        this.#queue(stream);
        return;
      }
    }
    stream.outbox = undefined;
    this.waiting--;
    if (held.end) {
      if (held.trailers !== undefined) this.#owner.writeTrailers(stream, held.trailers);
      this.#owner.onLocalEnd(stream);
    } else if (stream.blocked) this.#stop(stream);
  }

  #stop(stream: Stream): void {
    stream.blocked = true;
    this.#stopped.push(stream);
  }

  #restart(): void {
    const stopped = this.#stopped;
    this.#stopped = [];
    for (let i = 0; i < stopped.length; i++) {
      const stream = stopped[i] as Stream;
      if (stream.done || !stream.blocked || stream.outbox !== undefined) continue;
      stream.blocked = false;
      stream.receiver?.onWritable();
    }
  }
}
