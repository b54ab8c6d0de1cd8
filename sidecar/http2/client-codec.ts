import type { ClientCodec, ClientCodecEvents, Transport } from '../stream/codec.ts';
import { ClientConnection } from './client-connection.ts';
import type { ConnectionOptions } from './connection.ts';
import type { Http2Limits } from './limits.ts';

export interface Http2ClientOptions extends ConnectionOptions {
  /** Overrides of `responseLimits`. */
  readonly limits?: Partial<Http2Limits>;
}

/** What the pool may ask of an HTTP/2 connection beyond the codec contract. */
export interface Http2ClientCodec extends ClientCodec {
  /** Requests that have been opened on this connection. */
  readonly requests: number;
  /** The peer's first SETTINGS have come, so that `capacity` and `extendedConnect` are its own word. */
  readonly ready: boolean;
  /** The peer takes extended CONNECT (RFC 8441), so that a request with `upgrade` can be opened. */
  readonly extendedConnect: boolean;
}

/**
 * The client side of HTTP/2 on one connection (RFC 9113, 7541, 8441). It sends the preface at once.
 *
 * - Chunks given to `onBytes` are kept and passed on as views; the caller must not write to them again.
 * - What is written leaves once a turn, when `options.turn` flushes the codec; never in between.
 * - `capacity` counts what the peer allows, up to a limit of ours; before its first SETTINGS a hundred. When it has
 *   grown without a stream's end, `onStreamEnd` is called as well.
 * - For each stream: the receiver's last call, then `onStreamEnd`. When the connection is spent: `onGoAway` if streams
 *   run on, then `onClosed` once. A stream that its writer resets hears nothing more.
 * - A response that has come as a whole, and whose receiver has paused, is delivered when it goes on, even if the stream
 *   or the connection is gone by then.
 * - Streams above GOAWAY's last identifier and those answered by REFUSED_STREAM are `refused`: no byte of them was
 *   processed. Other resets of the peer, and the connection's end, are `remote-reset`.
 * - A malformed response resets its stream: `protocol-error` with the reason as detail. What breaks the connection
 *   ends it with GOAWAY, and `onClosed` names the reason.
 * - A request with `upgrade: websocket` becomes extended CONNECT without `sec-websocket-key`, and a 2xx to it a 101 with
 *   the `sec-websocket-accept` that the key asks for. Where the peer does not take it, the stream is `refused`
 *   (`h2.no-extended-connect`), and nothing is sent.
 * - Time-outs of requests are the owner's; those of the connection are here: SETTINGS, keep-alive.
 */
export function createHttp2ClientCodec(
  transport: Transport,
  events: ClientCodecEvents,
  options: Http2ClientOptions,
): Http2ClientCodec {
  return new ClientConnection(transport, events, options);
}
