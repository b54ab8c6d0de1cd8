import type { RequestHead, ResponseHead } from './head.ts';
import type { Headers } from './headers.ts';

/**
 * The codec contract: how bytes become heads, data and trailers, and back, for both HTTP versions and both
 * directions. A codec knows no route and no policy. It never throws on what a peer sends: it answers, resets
 * and counts. Everything here is called synchronously, in the order of the wire.
 *
 * Back-pressure: a writer's `data` returns false when more than the high watermark (32 KiB) is buffered towards
 * the socket; the owner then calls `pauseReading` on the other side and waits for `onWritable`, which comes at the
 * low watermark (16 KiB).
 */

/** Why a message ended before it was complete. */
export type ResetReason =
  /** The peer closed or reset the connection or the stream. */
  | 'remote-reset'
  /** The connection could not be made at all, so nothing was sent. */
  | 'connect-failure'
  /** The peer broke the protocol; `detail` says how. */
  | 'protocol-error'
  /** We gave up: time-out, shutdown, or the other side of the proxy is gone. */
  | 'local-reset'
  /** The peer proved that it did not process the request (GOAWAY, REFUSED_STREAM, idle connection closed before one byte of it was read). */
  | 'refused';

/**
 * Receives the body of a message. After `end`, trailers or `onReset` no more of it comes. On the server side `onReset`
 * may still come after `end`, as long as the response is not complete; once it is, nothing is called any more.
 */
export interface BodyReceiver {
  /**
   * `chunk` is the receiver's: to keep, or to pass on. Who does both keeps a copy, because memory that was written out is
   * read into again. It may be empty only when `end` is true.
   */
  onData(chunk: Buffer, end: boolean): void;
  /** Trailers always end the message. */
  onTrailers(trailers: Headers): void;
  onReset(reason: ResetReason, detail: string): void;
  /** What was written to the same stream has drained to the low watermark. */
  onWritable(): void;
}

/** Receives a response, on the client side. */
export interface ResponseReceiver extends BodyReceiver {
  /** 1xx except 101. At most five; the codec resets the stream on the sixth (security.md UP-06). */
  onInformational(head: ResponseHead): void;
  /** `end` means that there is no body. A 101 is followed by raw data in both directions until one side ends. */
  onHead(head: ResponseHead, end: boolean): void;
}

/** Sends the body of a message. Calls after the end or after a reset are ignored. */
export interface BodyWriter {
  /** Returns false when the owner should stop until `onWritable`. */
  data(chunk: Buffer, end: boolean): boolean;
  trailers(trailers: Headers): void;
  /** Ends the stream at once: RST_STREAM, or the connection's end where the version has nothing finer. */
  reset(reason: ResetReason): void;
  /** Stops and restarts delivery of the peer's data for this stream. Both idempotent. */
  pauseReading(): void;
  resumeReading(): void;
}

/** Sends a response, on the server side. */
export interface ResponseWriter extends BodyWriter {
  informational(head: ResponseHead): void;
  /** `end` means that no body follows. The codec adds framing (`content-length`, `transfer-encoding`, `connection`). */
  head(head: ResponseHead, end: boolean): void;
}

/** What a server codec tells the owner of its connection. */
export interface ServerCodecEvents {
  /**
   * A request has begun. `end` means that it has no body. The returned receiver gets its body;
   * the answer goes to `writer`, now or later.
   */
  onRequest(head: RequestHead, writer: ResponseWriter, end: boolean): BodyReceiver;
  /**
   * The peer sent something that no request can be made of. The codec has already answered
   * (`status`, or 0 when it only closed) and forwards nothing. `reason` is stable and names the metric,
   * for example `h1.duplicate-content-length`.
   */
  onBadRequest(status: number, reason: string, detail: string): void;
  /** The codec is done with the connection and everything is written; the owner ends the transport. */
  onClosed(): void;
}

/** The byte pipe that a codec writes to; `net/transport.ts` implements it over a socket. */
export interface Transport {
  /**
   * Queues bytes; a string is latin1. All that is queued during one turn of the event loop leaves in one write.
   * The bytes are the transport's from here on.
   */
  write(bytes: Buffer | string): void;
  /** Bytes written and not yet taken by the kernel. */
  readonly bufferedBytes: number;
  pause(): void;
  resume(): void;
  /** Sends what is queued, then FIN. Idempotent. */
  end(): void;
  /** Drops everything at once; before `end`, so that the peer sees a break and no end in order. Idempotent. */
  destroy(): void;
}

/** One downstream connection, seen by its owner. */
export interface ServerCodec {
  onBytes(chunk: Buffer): void;
  /** The peer sent FIN. */
  onEnd(): void;
  /** The socket is gone. */
  onClose(): void;
  /** The transport's buffer fell to the low watermark. */
  onDrain(): void;
  /** Finish running requests and take no new one (`Connection: close`, GOAWAY). */
  drain(): void;
  /** Requests begun and not finished. */
  readonly activeStreams: number;
}

/** What a client codec tells the pool that owns its connection. */
export interface ClientCodecEvents {
  /** A stream has finished and the codec can take another one, if `capacity` says so. */
  onStreamEnd(): void;
  /** The connection takes no new streams any more; running ones go on. */
  onGoAway(): void;
  /** A message was malformed, and its stream is given up while the connection lives; `reason` as for {@link onClosed}. */
  onMalformed?(reason: string): void;
  /** The connection must be closed by its owner; `reason` names the metric, for example `h1.unsolicited-bytes`. */
  onClosed(reason: string): void;
}

/** One upstream connection, seen by the pool. */
export interface ClientCodec {
  onBytes(chunk: Buffer): void;
  onEnd(): void;
  onClose(): void;
  onDrain(): void;
  /** How many more streams may be opened now; 0 or 1 for HTTP/1. */
  readonly capacity: number;
  readonly activeStreams: number;
  /** Starts a request. Only when `capacity` is above 0. `end` means that it has no body. */
  open(head: RequestHead, end: boolean, receiver: ResponseReceiver): BodyWriter;
  drain(): void;
}
