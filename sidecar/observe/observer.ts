import type { HttpProtocol } from '../cluster/upstream-http.ts';
import type { RequestHead } from '../stream/head.ts';
import type { StreamInfo, TcpInfo } from './stream-info.ts';

/**
 * Where the data path tells what happened. One implementation composes metrics, access log and tracing;
 * everything is synchronous, allocates little and never throws.
 */
export interface Observer {
  /**
   * A request head arrived. Sets `info.trace` and `info.requestId` and writes `traceparent`, `tracestate` and
   * `x-request-id` into the head that goes on.
   */
  onStreamStart(info: StreamInfo, head: RequestHead): void;
  /**
   * The stream is over, in whatever way; `info.endTime` is set. Called exactly once for each start.
   * `info` belongs to the observer from here on and must not change any more.
   */
  onStreamEnd(info: StreamInfo): void;
  onTcpEnd(info: TcpInfo): void;
  /**
   * Something was refused or went wrong outside a stream: a bad request head, a failed handshake, an unsolicited
   * response. `reason` is a stable kebab-case name; it counts a metric and is logged at most ten times a second.
   */
  onRefused(listener: string, reason: string, detail: string, peerAddress: string): void;
  /** A field was left out of a request that went on without it, for example `h1.alias-field-name`. Counted only. */
  onFieldDropped(listener: string, reason: string): void;
  /** What a connection was found to be by its first bytes: `tls`, `http/1.1`, `h2c`, `other`, or `server-first`. */
  onDetected(listener: string, protocol: string): void;
  /**
   * An endpoint was taken out of service, came back, or asked for a pause; or, without an address, a whole cluster has
   * too few of them. It counts a metric and is logged at most ten times a second.
   */
  onEndpointEvent(cluster: string, event: string, reason: string, address: string, detail: string): void;
  onConnectionOpen(listener: string): void;
  onConnectionClose(listener: string): void;
  /** A connection has begun to speak a version of HTTP: a client's, or one of ours to an endpoint. */
  onHttpConnection(side: 'downstream' | 'upstream', protocol: HttpProtocol): void;
}
