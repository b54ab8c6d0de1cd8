import type { AliasPolicy } from '../http/field-policy.ts';
import type { ServerCodec, ServerCodecEvents, Transport } from '../stream/codec.ts';
import type { ConnectionOptions } from './connection.ts';
import type { Http2Limits } from './limits.ts';
import { ServerConnection } from './server-connection.ts';

export interface Http2ServerOptions extends ConnectionOptions {
  /** Whether requests come from outside the mesh: ambiguous paths and names are refused. */
  readonly edge: boolean;
  /** Whether the transport is TLS; decides `scheme`. */
  readonly tls: boolean;
  /** A forward proxy: the scheme that a request names is believed. */
  readonly allowAbsoluteForm: boolean;
  readonly allowConnect: boolean;
  /** Announces RFC 8441 and takes `:protocol: websocket`. Default false. */
  readonly allowExtendedConnect?: boolean;
  /** From the first byte of a frame or field block to its last. */
  readonly headersTimeoutMs: number;
  /** Without a stream. 0 means for ever. */
  readonly idleTimeoutMs: number;
  /** Value of `server` on responses that have none. */
  readonly serverName?: string | undefined;
  /** Adds `date` to responses that have none. Default false. */
  readonly dateHeader?: boolean;
  /** Overrides of `edgeLimits` or `meshLimits`. */
  readonly limits?: Partial<Http2Limits>;
  /** Default: `reject` at the edge, `drop` inside the mesh. */
  readonly aliasNames?: AliasPolicy | undefined;
}

/**
 * The server side of HTTP/2 on one connection (RFC 9113, 7541, 8441), strict by default. Bytes start with the
 * client's preface, whether ALPN or prior knowledge chose the version.
 *
 * - Chunks given to `onBytes` are kept and passed on as views; the caller must not write to them again.
 * - What is written leaves once a turn, when `options.turn` flushes the codec; never in between.
 * - What no request can be made of, but what could be read, is answered on its stream (status, `x-heddle-reason`, JSON).
 *   A malformed message resets its stream, and ends the connection when there are too many (security.md L-24).
 *   Both are reported by `onBadRequest`, as is every end of the connection that the peer is to blame for.
 * - Extended CONNECT for `websocket` is delivered as HTTP/1's handshake would be: method GET, `upgrade` set, a
 *   `sec-websocket-key` of our own, `end` false. A 101 to it is written as `:status: 200`, without
 *   `sec-websocket-accept`; any other status ends the stream. After it, and after a 2xx to CONNECT, data goes both
 *   ways until each side has ended.
 * - When the response is complete before the request is, the stream is reset with NO_ERROR, and its receiver hears
 *   nothing more.
 * - `drain` sends GOAWAY for no stream in particular, and the last stream's id when the peer has seen that.
 */
export function createHttp2ServerCodec(
  transport: Transport,
  events: ServerCodecEvents,
  options: Http2ServerOptions,
): ServerCodec {
  return new ServerConnection(transport, events, options);
}
