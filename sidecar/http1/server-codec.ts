import type { Clock } from '../../lib/clock.ts';
import type { TimerWheel } from '../../lib/timer-wheel.ts';
import type { AliasPolicy, DroppedField } from '../http/field-policy.ts';
import type { ServerCodec, ServerCodecEvents, Transport } from '../stream/codec.ts';
import type { Http1Limits } from './limits.ts';
import { ServerConnection } from './server-connection.ts';

export interface Http1ServerOptions {
  /** Whether requests come from outside the mesh: ambiguous paths and names are refused, and HTTP/1.0. */
  readonly edge: boolean;
  /** Whether the transport is TLS; decides `scheme`. */
  readonly tls: boolean;
  /** A forward proxy: scheme and authority of an absolute target are believed, whatever `Host` says. */
  readonly allowAbsoluteForm: boolean;
  readonly allowConnect: boolean;
  readonly wheel: TimerWheel;
  /** From the first byte of a head to its last. */
  readonly headersTimeoutMs: number;
  /** Between two requests, and before the first. 0 means for ever. */
  readonly idleTimeoutMs: number;
  /** Value of `server` on responses that have none. */
  readonly serverName?: string;
  /** Adds `date` to responses that have none. Default false. */
  readonly dateHeader?: boolean;
  /** Overrides of `edgeLimits` or `meshLimits`. */
  readonly limits?: Partial<Http1Limits>;
  /** Default: `reject` at the edge, `drop` inside the mesh. */
  readonly aliasNames?: AliasPolicy;
  /** Counts fields that were left out of a message. */
  readonly onDropped?: DroppedField;
  /** For `date`. Default: the system's clock. */
  readonly clock?: Clock;
}

/**
 * The server side of HTTP/1.1 on one connection (RFC 9112), strict by default.
 *
 * - Chunks given to `onBytes` are kept and passed on as views; the caller must not write to them again.
 * - One request is in flight at a time. Pipelined bytes are held unparsed, and reading stops while there are any.
 * - `100 Continue` is written only when the owner calls `informational` with it, so that the upstream decides.
 *   A final response before that announces `connection: close`, and the body is never waited for (H1-26).
 * - A request with `upgrade` set, or CONNECT, is delivered with `end` false. After a 101, or a 2xx to CONNECT, data is
 *   raw in both directions and `end` is a FIN. Any other answer ends the connection: what comes behind a refused
 *   switch is never read as a request.
 * - When the response is complete before the request is, the rest of the request is dropped up to a limit, and its
 *   receiver hears nothing more.
 * - What cannot be made a request of is answered here (status, `x-heddle-reason`, JSON) and reported by `onBadRequest`.
 */
export function createHttp1ServerCodec(
  transport: Transport,
  events: ServerCodecEvents,
  options: Http1ServerOptions,
): ServerCodec {
  return new ServerConnection(transport, events, options);
}
