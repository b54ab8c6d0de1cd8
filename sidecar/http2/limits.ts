/** What one HTTP/2 connection may cost. Counted by ourselves; past a limit something is refused, never truncated. */
export interface Http2Limits {
  /** All field names and values, plus 32 bytes for each field that is not a cookie; announced to the peer. Past it: 431. */
  readonly maxHeaderBytes: number;
  /** Fields that are not cookies, pseudo-header fields excepted. Past it: 431. */
  readonly maxFields: number;
  /** `Cookie` fields of a request, `Set-Cookie` fields of a response; they do not count as other fields. */
  readonly maxCookieFields: number;
  /** Name and value of one field. */
  readonly maxFieldBytes: number;
  /** Name and value of one `Set-Cookie`, or of all `Cookie` fields, which are joined. */
  readonly maxCookieBytes: number;
  /** Length of `:path`. Past it: 414. */
  readonly maxPathBytes: number;
  /** Decoded fields, cookies and 32 bytes for each of them included, at which decoding stops and the connection ends. */
  readonly maxDecodedBytes: number;
  /** A field block before it is decoded. */
  readonly maxBlockBytes: number;
  /** CONTINUATION frames of one block. */
  readonly maxContinuations: number;
  /** Streams at one time that the peer may have opened; announced to it. Past it: REFUSED_STREAM. */
  readonly maxConcurrentStreams: number;
  /** Requests served by one connection before it drains. */
  readonly maxRequests: number;
  /** What the peer may send on one stream, and on all, before we have taken it. */
  readonly streamWindowBytes: number;
  readonly connectionWindowBytes: number;
  /** Bytes held for a connection at one time: bodies not taken by their receivers, and bodies not yet let through by the peer. */
  readonly maxSessionBytes: number;
  /** Frames without content that say nothing either, in a row. */
  readonly maxEmptyFrames: number;
  /** PRIORITY and unknown frames that a connection may save up; each stream adds ten. */
  readonly maxIdleFrames: number;
  /** PING and SETTINGS frames at once, and for each second; a DATA frame of ours allows another one. */
  readonly maxControlFrames: number;
  readonly controlFramesPerSecond: number;
  /** WINDOW_UPDATE frames beyond those that our DATA accounts for. */
  readonly maxSpareWindowUpdates: number;
  /** Streams that may end by RST_STREAM at once, whoever sent it, and for each second; two complete streams allow another one. */
  readonly resetBurst: number;
  readonly resetsPerSecond: number;
  /** Malformed messages and wrong frames of streams before the connection ends. */
  readonly maxInvalid: number;
  /** Streams refused for want of room before the connection ends. */
  readonly maxRejected: number;
  /** Replies of ours (acknowledgements, resets, window updates) that may wait for a peer which does not read. */
  readonly maxQueuedReplies: number;
  /** Our SETTINGS that the peer may leave without an acknowledgement, in milliseconds. */
  readonly settingsTimeoutMs: number;
  /** How long the last GOAWAY of a drain waits for the peer to have seen the first, in milliseconds. */
  readonly drainPingTimeoutMs: number;
  /** How long the peer may take to see our FIN before the socket is destroyed, in milliseconds. */
  readonly delayedCloseMs: number;
  /** As `delayedCloseMs`, after a GOAWAY with an error. */
  readonly fatalCloseMs: number;
  /** How long the peer may keep a body waiting (by window or by not reading) before its stream is reset, in milliseconds. */
  readonly flushTimeoutMs: number;
  /** Informational responses before a final one. */
  readonly maxInformational: number;
  /** Bytes buffered towards the socket above which a writer asks its owner to stop. */
  readonly highWatermark: number;
}

const common = {
  maxFields: 100,
  maxFieldBytes: 8 * 1024,
  maxCookieBytes: 16 * 1024,
  maxPathBytes: 8 * 1024,
  maxDecodedBytes: 256 * 1024,
  maxBlockBytes: 96 * 1024,
  maxContinuations: 8,
  maxConcurrentStreams: 100,
  maxRequests: 10_000,
  streamWindowBytes: 64 * 1024,
  connectionWindowBytes: 1024 * 1024,
  maxSessionBytes: 4 * 1024 * 1024,
  maxEmptyFrames: 1,
  maxIdleFrames: 200,
  maxControlFrames: 10,
  controlFramesPerSecond: 10,
  maxSpareWindowUpdates: 1_000,
  resetBurst: 100,
  resetsPerSecond: 20,
  maxInvalid: 10,
  maxRejected: 20,
  maxQueuedReplies: 100,
  settingsTimeoutMs: 10_000,
  drainPingTimeoutMs: 1_000,
  delayedCloseMs: 1_000,
  fatalCloseMs: 500,
  flushTimeoutMs: 30_000,
  maxInformational: 5,
  highWatermark: 32 * 1024,
};

/** Requests from outside the mesh (security.md L-26 to L-41). */
export const edgeLimits: Http2Limits = { ...common, maxHeaderBytes: 16 * 1024, maxCookieFields: 1_000 };

/**
 * Requests inside the mesh, where few connections carry many requests, and whose fields have grown by what gateways
 * and sidecars add.
 */
export const meshLimits: Http2Limits = {
  ...common,
  maxHeaderBytes: 32 * 1024,
  maxCookieFields: 1_000,
  maxConcurrentStreams: 1_024,
  maxRequests: Number.MAX_SAFE_INTEGER,
  // A client of a client that goes away takes all of its requests with it; the connection is that of many others.
  resetBurst: 1_000,
  resetsPerSecond: 200,
};

/** Responses of upstreams. Streams are then those that we open; the peer may allow fewer. */
export const responseLimits: Http2Limits = {
  ...common,
  maxHeaderBytes: 64 * 1024,
  maxCookieFields: 100,
  maxConcurrentStreams: 1_024,
  maxRequests: Number.MAX_SAFE_INTEGER,
};
