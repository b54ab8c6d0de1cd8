import type { Socket } from 'node:net';
import type { Timer, TimerWheel } from '../../lib/timer-wheel.ts';
import type { Transport } from '../stream/codec.ts';
import { readPastStream } from './read-past-stream.ts';
import type { ReadSink } from './read-sink.ts';
import { resetSocket } from './reset-socket.ts';
import { writeLent } from './write-lent.ts';
import type { Flushable, WriteTurn } from './write-turn.ts';

/** More than this towards the socket means: stop (security.md L-20). Bytes. */
export const highWatermark = 32_768;
/** Down to this: go on. Sockets have it as their own mark where Node lets one choose, so `drain` comes in time. Bytes. */
export const lowWatermark = 16_384;

/** Pieces up to this sum are copied into one buffer; above, they go to the kernel as they are (writev). Bytes. */
const joinLimit = 16_384;
/** A body up to this size joins its head as text: cheaper than a buffer made for the two of them. Bytes. */
const textLimit = 1_024;
/** A peer that was sent FIN may take so long to close (security.md L-15). Milliseconds. */
const delayedCloseMs = 1_000;
/** A peer that takes nothing of what was written is given up after so long (security.md L-13). Milliseconds. */
const flushTimeoutMs = 30_000;

/** What a transport tells the owner of its connection: the four things that a codec wants to know. */
export interface TransportEvents {
  onBytes(chunk: Buffer): void;
  /** The peer sent FIN. */
  onEnd(): void;
  /** The socket is gone; called once. */
  onClose(): void;
  onDrain(): void;
}

/** A transport whose owner can be done with it. */
export interface OwnedTransport extends Transport {
  /** As `end`, and lets go of the connection when the peer closes it too, or a little later. */
  close(): void;
}

/**
 * A {@link Transport} over a TCP or TLS socket: one `write` for all that was queued in one turn, and watermarks.
 * It owns the socket's events from {@link start} on.
 */
export class SocketTransport implements OwnedTransport, Flushable {
  readonly socket: Socket;
  readonly #turn: WriteTurn;
  readonly #wheel: TimerWheel;
  #events: TransportEvents | undefined;
  #text = '';
  #pieces: (Buffer | string)[] = [];
  #queuedBytes = 0;
  #dirty = false;
  /** Somebody was told that too much is buffered, and waits for `onDrain`. */
  #awaited = false;
  #ending = false;
  #closed = false;
  #closeTimer: Timer | undefined;

  constructor(socket: Socket, turn: WriteTurn, wheel: TimerWheel) {
    this.socket = socket;
    this.#turn = turn;
    this.#wheel = wheel;
  }

  /** Begins to deliver what the socket says; its bytes come from `sink` where it was made with one. */
  start(events: TransportEvents, sink?: ReadSink): void {
    this.#events = events;
    const turn = this.#turn;
    const onBytes = (chunk: Buffer): void => {
      turn.enter();
      events.onBytes(chunk);
      turn.leave();
    };
    if (sink === undefined) readPastStream(this.socket, onBytes);
    else sink.attach(onBytes);
    this.socket.on('end', () => {
      turn.enter();
      events.onEnd();
      turn.leave();
    });
    this.socket.on('drain', () => this.#drained());
    // `close` follows every error, and says all that a codec needs.
    this.socket.on('error', () => {});
    this.socket.on('close', () => this.#onClose());
    if (this.socket.destroyed) this.#onClose();
    // A client may have ended while it was found out what it speaks.
    else if (this.socket.readableEnded) events.onEnd();
    else this.socket.resume();
  }

  get bufferedBytes(): number {
    // What the kernel has not taken can be known only after it was offered.
    if (this.#queuedBytes > highWatermark) this.flush();
    const bytes = this.#queuedBytes + this.socket.writableLength;
    if (bytes > lowWatermark) this.#awaited = true;
    return bytes;
  }

  write(bytes: Buffer | string): void {
    if (this.#closed || this.#ending) return;
    if (typeof bytes === 'string') {
      this.#text += bytes;
    } else if (bytes.length <= textLimit && this.#text !== '') {
      this.#text += bytes.toString('latin1');
    } else {
      if (this.#text !== '') {
        this.#pieces.push(this.#text);
        this.#text = '';
      }
      this.#pieces.push(bytes);
    }
    this.#queuedBytes += bytes.length;
    if (!this.#dirty) {
      this.#dirty = true;
      this.#turn.add(this);
    }
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  end(): void {
    if (this.#closed || this.#ending) return;
    this.flush();
    this.#ending = true;
    this.socket.end();
    // Reading goes on, so that what the peer still sends does not turn our last bytes into a reset.
    this.socket.resume();
  }

  close(): void {
    this.end();
    if (!this.#closed && this.#closeTimer === undefined) this.#closeLater(this.socket.writableLength, 0);
  }

  destroy(): void {
    this.#drop();
    resetSocket(this.socket);
  }

  flush(): void {
    this.#dirty = false;
    if (this.#queuedBytes === 0 || this.#closed) return;
    const bytes = this.#queuedBytes;
    this.#queuedBytes = 0;
    // A TLS server's sockets keep Node's mark of 64 KiB and below it emit no `drain`, so such a write reports itself.
    const report = this.socket.writableLength + bytes > lowWatermark ? this.#onWritten : undefined;
    if (this.#pieces.length === 0) {
      const text = this.#text;
      this.#text = '';
      this.socket.write(text, 'latin1', report);
    } else {
      this.#writePieces(bytes, report);
    }
    // Otherwise `drain` or the report will come.
    if (this.#awaited && this.socket.writableLength <= lowWatermark) this.#drained();
  }

  readonly #onWritten = (error?: Error | null): void => {
    if (!error && this.socket.writableLength <= lowWatermark) this.#drained();
  };

  #writePieces(bytes: number, report: ((error?: Error | null) => void) | undefined): void {
    const pieces = this.#pieces;
    if (this.#text !== '') {
      pieces.push(this.#text);
      this.#text = '';
    }
    this.#pieces = [];
    if (pieces.length === 1) {
      writeLent(this.socket, pieces[0] as Buffer, report);
    } else if (bytes <= joinLimit) {
      this.socket.write(joinPieces(pieces, bytes), report);
    } else {
      this.socket.cork();
      const last = pieces.length - 1;
      for (const [index, piece] of pieces.entries()) {
        const done = index === last ? report : undefined;
        if (typeof piece === 'string') this.socket.write(piece, 'latin1', done);
        else writeLent(this.socket, piece, done);
      }
      this.socket.uncork();
    }
  }

  #drained(): void {
    if (this.#closed || !this.#awaited) return;
    this.#awaited = false;
    this.#turn.enter();
    this.#events?.onDrain();
    this.#turn.leave();
  }

  #onClose(): void {
    this.#drop();
    this.#closeTimer?.stop();
    const events = this.#events;
    this.#events = undefined;
    if (events === undefined) return;
    this.#turn.enter();
    events.onClose();
    this.#turn.leave();
  }

  /** A peer that has everything gets a little time to close; one that still reads gets the time to do so. */
  #closeLater(left: number, stalledMs: number): void {
    this.#closeTimer = this.#wheel.start(delayedCloseMs, () => {
      const now = this.socket.writableLength;
      if (now > 0 && now < left) this.#closeLater(now, 0);
      else if (now > 0 && stalledMs < flushTimeoutMs) this.#closeLater(now, stalledMs + delayedCloseMs);
      else this.destroy();
    });
  }

  #drop(): void {
    this.#closed = true;
    this.#text = '';
    this.#pieces = [];
    this.#queuedBytes = 0;
  }
}

function joinPieces(pieces: readonly (Buffer | string)[], bytes: number): Buffer {
  const joined = Buffer.allocUnsafe(bytes);
  let offset = 0;
  for (const piece of pieces) {
    if (typeof piece === 'string') offset += joined.write(piece, offset, 'latin1');
    else {
      joined.set(piece, offset);
      offset += piece.length;
    }
  }
  return joined;
}
