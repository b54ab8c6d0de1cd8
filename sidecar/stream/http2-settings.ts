/** What is configured of HTTP/2 on one side of a connection (`envoy.config.core.v3.Http2ProtocolOptions`). */
export interface Http2Settings {
  /** Streams at one time on one connection. As a client, the peer may allow fewer. */
  maxConcurrentStreams: number;
  /** Bytes of a body that may be on their way to us on one stream. */
  initialStreamWindowBytes: number;
  /** Bytes of all bodies that may be on their way to us on one connection. */
  initialConnectionWindowBytes: number;
  /** As a server: extended CONNECT (RFC 8441), by which WebSockets are opened. As a client: use it where the peer has it. */
  allowConnect: boolean;
  /** A connection is asked for a sign of life after so long, in milliseconds; 0 for never. */
  keepaliveIntervalMs: number;
  /** Without an answer after so long, it is given up. Milliseconds. */
  keepaliveTimeoutMs: number;
}

/** Towards clients from outside the mesh (security.md L-26, L-27, L-28, L-40). */
export const edgeHttp2: Http2Settings = {
  maxConcurrentStreams: 100,
  initialStreamWindowBytes: 65_536,
  initialConnectionWindowBytes: 1_048_576,
  allowConnect: false,
  keepaliveIntervalMs: 0,
  keepaliveTimeoutMs: 10_000,
};

/** Towards clients inside the mesh, where one connection carries the requests of many. */
export const meshHttp2: Http2Settings = { ...edgeHttp2, maxConcurrentStreams: 1_024 };

/** Towards endpoints; frozen ones are found by PING (security.md L-41). */
export const upstreamHttp2: Http2Settings = {
  ...edgeHttp2,
  maxConcurrentStreams: 1_024,
  allowConnect: true,
  keepaliveIntervalMs: 30_000,
};
