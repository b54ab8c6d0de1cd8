/** The HTTP versions that a connection can speak. */
export type HttpProtocol = 'http1' | 'http2';

/** How the HTTP connections of a cluster behave (`envoy.extensions.upstreams.http.v3.HttpProtocolOptions`). */
export interface UpstreamHttpConfig {
  /** Requests that one connection carries before it is replaced; 0 for no limit. Default 0. */
  maxRequestsPerConnection: number;
  /** A connection is replaced after so long, give or take a tenth, in milliseconds; 0 for no limit. Default 0. */
  maxConnectionDurationMs: number;
  /** Streams at one time on an HTTP/2 connection; the endpoint may allow fewer. Default 1,024. */
  maxConcurrentStreams: number;
  /** Bytes of a response that may be on their way on one stream. Default 65,536. */
  initialStreamWindowBytes: number;
  /** Bytes of all responses that may be on their way on one connection. Default 1,048,576. */
  initialConnectionWindowBytes: number;
  /** An HTTP/2 connection that was silent for so long is asked for a sign of life, in milliseconds; 0 for never. Default 30,000. */
  keepaliveIntervalMs: number;
  /** Without an answer after so long, it is given up. Default 10,000. */
  keepaliveTimeoutMs: number;
}

/** What holds where a cluster says nothing (security.md L-27, L-28, L-41; Envoy's limit for streams). */
export const defaultUpstreamHttp: UpstreamHttpConfig = {
  maxRequestsPerConnection: 0,
  maxConnectionDurationMs: 0,
  maxConcurrentStreams: 1_024,
  initialStreamWindowBytes: 65_536,
  initialConnectionWindowBytes: 1_048_576,
  keepaliveIntervalMs: 30_000,
  keepaliveTimeoutMs: 10_000,
};
