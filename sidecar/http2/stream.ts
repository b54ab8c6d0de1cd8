import type { BodyReceiver, BodyWriter, ResetReason } from '../stream/codec.ts';
import type { Headers } from '../stream/headers.ts';
import type { Connection } from './connection.ts';

/** Data that its receiver has not taken yet, or that the peer has not let through yet, and how its message ends. */
export interface HeldBody {
  readonly pieces: Buffer[];
  bytes: number;
  end: boolean;
  trailers: Headers | undefined;
}

/** One stream: both windows, and how far both messages are. */
export abstract class Stream implements BodyWriter {
  readonly connection: Connection;
  readonly id: number;
  /** Gets what the peer sends; undefined while the owner is still being told of a request. */
  receiver: BodyReceiver | undefined;
  /** What the peer lets us send. */
  sendWindow: number;
  /** What the peer may send. */
  receiveWindow: number;
  /** Bytes taken by the receiver, and not yet given back to the peer's window. */
  taken = 0;
  /** Bytes of body that the peer's `content-length` still promises; -1 without one. */
  bodyLeft = -1;
  /** The peer's message is complete. */
  remoteEnded = false;
  /** The peer's message is delivered. */
  delivered = false;
  /** Our message is complete, and written. */
  localEnded = false;
  /** Finished or reset: whatever the owner still calls is ignored. */
  done = false;
  /** Data in both directions after the heads, each of which ends by itself. */
  tunnel = false;
  paused = false;
  /** `data` has returned false since the last `onWritable`. */
  blocked = false;
  inbox: HeldBody | undefined;
  delivering = false;
  outbox: HeldBody | undefined;
  /** Waits for its turn to send. */
  queued = false;
  /** Looks at the stream since it has sent anything. */
  stalls = 0;

  constructor(connection: Connection, id: number, receiver: BodyReceiver | undefined) {
    this.connection = connection;
    this.id = id;
    this.receiver = receiver;
    this.sendWindow = connection.peer.initialWindowBytes;
    this.receiveWindow = connection.streamReceiveWindow;
  }

  abstract data(chunk: Buffer, end: boolean): boolean;
  abstract trailers(trailers: Headers): void;

  reset(reason: ResetReason): void {
    this.connection.inbound.drop(this);
    if (!this.done) this.connection.resetByOwner(this, reason);
  }

  pauseReading(): void {
    this.paused = true;
  }

  resumeReading(): void {
    if (!this.paused) return;
    this.paused = false;
    this.connection.inbound.deliver(this);
  }
}
