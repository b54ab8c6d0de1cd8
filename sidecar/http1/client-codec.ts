import type { DroppedField } from '../http/field-policy.ts';
import type { ClientCodec, ClientCodecEvents, Transport } from '../stream/codec.ts';
import { ClientConnection } from './client-connection.ts';
import type { Http1Limits } from './limits.ts';

export interface Http1ClientOptions {
  /** Overrides of `responseLimits`. */
  readonly limits?: Partial<Http1Limits>;
  /** Counts fields that were left out of a message. */
  readonly onDropped?: DroppedField;
}

/** What the pool may ask of an HTTP/1 connection beyond the codec contract. */
export interface Http1ClientCodec extends ClientCodec {
  /** The peer's last `Keep-Alive: timeout=`, in milliseconds; undefined when it has not said. */
  readonly keepAliveTimeoutMs: number | undefined;
  /** Requests that have been opened on this connection. */
  readonly requests: number;
}

/**
 * The client side of HTTP/1.1 on one connection (RFC 9112): one request at a time, no pipelining.
 *
 * - Chunks given to `onBytes` are kept and passed on as views; the caller must not write to them again.
 * - `capacity` is 1 while the connection is idle and clean. A response that ends before its request is whole, says
 *   `connection: close`, is HTTP/1.0 or ends with the connection leaves it at 0, followed by `onClosed`.
 * - For each stream: the receiver's last call, then `onStreamEnd`, then, when the connection is spent, `onClosed`.
 *   A stream that its writer resets hears nothing more; `onStreamEnd` and `onClosed` follow all the same.
 * - A connection that ends before the first byte of a response is reported as `remote-reset` with detail
 *   `reused-connection` where an exchange had gone before, and `no-response` where none had. Whether the
 *   request may be sent again is for the pool and its idempotency guard to say.
 * - A malformed response is `protocol-error` with the reason as detail, and the connection is destroyed.
 * - A request with `upgrade`, or CONNECT, has no body; its writer is ignored until the answer has switched protocols.
 * - Time-outs are the owner's: nothing here waits.
 */
export function createHttp1ClientCodec(
  transport: Transport,
  events: ClientCodecEvents,
  options: Http1ClientOptions = {},
): Http1ClientCodec {
  return new ClientConnection(transport, events, options);
}
