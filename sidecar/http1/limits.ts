/** What one HTTP/1 connection may cost. Counted by ourselves; past a limit a message is refused, never truncated. */
export interface Http1Limits {
  /** Longest request line or status line, in bytes without CRLF. Past it: 414. */
  maxStartLineBytes: number;
  /** All field names and values, plus 32 bytes for each field that is not a cookie. Past it: 431. */
  maxHeaderBytes: number;
  /** Fields that are not cookies. Past it: 431. */
  maxFields: number;
  /** `Cookie` fields of a request, `Set-Cookie` fields of a response; they do not count as other fields. */
  maxCookieFields: number;
  /** Name and value of one field. */
  maxFieldBytes: number;
  /** Name and value of one `Cookie` or `Set-Cookie` field. */
  maxCookieBytes: number;
  /** All chunk extensions of one body. */
  maxChunkExtensionBytes: number;
  /** Trailer section of one body. */
  maxTrailerBytes: number;
  /** Requests served by one connection; the last one is answered with `connection: close`. */
  maxRequests: number;
  /**
   * A request body that comes slower than this many bytes a second is given up. 0 means never, as inside the mesh,
   * where a stream may rest for long and has its own idle time-out.
   */
  minBodyBytesPerSecond: number;
  /** How long a request body may be slower than that at its start. */
  bodyGraceMs: number;
  /** How long the peer may take to see our FIN, its further bytes read and dropped, before the socket is destroyed. */
  delayedCloseMs: number;
  /** How long the peer may read nothing of a response before it is given up. */
  flushTimeoutMs: number;
  /** Body bytes read and dropped after an early response, so that the connection can be used again. */
  maxDiscardedBytes: number;
  /** Informational responses before a final one. */
  maxInformational: number;
  /** Bytes buffered towards the socket above which a writer asks its owner to stop. */
  highWatermark: number;
}

const common = {
  maxStartLineBytes: 8 * 1024,
  maxFields: 100,
  maxFieldBytes: 8 * 1024,
  maxCookieBytes: 16 * 1024,
  maxChunkExtensionBytes: 4 * 1024,
  maxTrailerBytes: 8 * 1024,
  maxRequests: 10_000,
  minBodyBytesPerSecond: 240,
  bodyGraceMs: 10_000,
  delayedCloseMs: 1_000,
  flushTimeoutMs: 30_000,
  maxDiscardedBytes: 64 * 1024,
  maxInformational: 5,
  highWatermark: 32 * 1024,
};

/** Requests from outside the mesh. */
export const edgeLimits: Http1Limits = { ...common, maxHeaderBytes: 16 * 1024, maxCookieFields: 1_000 };

/** Requests inside the mesh, which have grown by what gateways and sidecars add. */
export const meshLimits: Http1Limits = {
  ...common,
  maxHeaderBytes: 32 * 1024,
  maxCookieFields: 1_000,
  minBodyBytesPerSecond: 0,
};

/** Responses of upstreams. */
export const responseLimits: Http1Limits = { ...common, maxHeaderBytes: 64 * 1024, maxCookieFields: 100 };
