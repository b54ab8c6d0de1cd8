/** W3C trace context of one stream in this proxy. All ids are lower-case hex. */
export interface TraceContext {
  traceId: string;
  /** The span named by the `traceparent` that goes on: a server span inbound, a client span outbound and at a gateway. */
  spanId: string;
  /** At a gateway, where a stream has two spans: the server span, between the caller's and `spanId`. */
  serverSpanId?: string;
  /** The span named by the caller's `traceparent`, if any. */
  parentSpanId: string | undefined;
  sampled: boolean;
  /** Passed on as it came. */
  tracestate: string | undefined;
}

export type Direction = 'inbound' | 'outbound' | 'gateway';

/** One attempt to send a request to an endpoint. */
export interface Attempt {
  /** `address:port`. */
  endpoint: string;
  /** Milliseconds after the stream's start. */
  startMs: number;
  durationMs: number;
  /** Status, or 0 when none arrived. */
  status: number;
  /** Letters of {@link ../stream/response-flags.ts}, or empty. */
  failure: string;
}

/**
 * What is known about one request in this proxy. Filled in on its way; read once at the end by
 * access log, metrics and tracing. Times are of the monotonic clock in milliseconds.
 */
export class StreamInfo {
  readonly direction: Direction;
  readonly listener: string;
  readonly startTime: number;
  /** Milliseconds since the epoch, for logs and spans. */
  readonly startWallTime: number;

  method = '';
  scheme = 'http';
  authority = '';
  path = '';
  protocol = '1.1';
  requestId = '';
  userAgent = '';

  downstreamAddress = '';
  /** SPIFFE id of the peer on the downstream connection; empty without mTLS. */
  downstreamPeer = '';
  downstreamTls = false;

  /** Name of the route that matched; empty when none did. */
  route = '';
  cluster = '';
  /** Destination service as `<name>.<namespace>` and its port; empty when the cluster is not a service's. */
  service = '';
  servicePort = 0;
  upstreamAddress = '';
  /** The endpoint that a session binds the request to, as `address:port`, and whether no other will do. */
  boundEndpoint: string | undefined;
  boundStrictly = false;
  /** Name of the workload behind the endpoint, where discovery told it. */
  upstreamWorkload = '';
  /** SPIFFE id that the upstream proved; empty without mTLS. */
  upstreamPeer = '';
  upstreamTls = false;
  /** Clusters that a copy was sent to, comma separated. */
  mirroredTo = '';
  /** HTTP version spoken to the endpoint, written as {@link protocol}; empty before there was a connection. */
  upstreamProtocol = '';

  /** 0 until a response head was sent. */
  status = 0;
  grpcStatus: number | undefined;
  /** Bits of {@link ../stream/response-flags.ts}. */
  flags = 0;
  /** Our own reason when the response is ours, for example `no-healthy-endpoints`; empty otherwise. */
  reason = '';
  bytesReceived = 0;
  bytesSent = 0;
  /** Attempts made; filled in only when there was more than one, or a failed one. */
  attempts: Attempt[] | undefined;
  attemptCount = 0;
  /** When the first byte of the upstream's response arrived; 0 when none did. */
  upstreamFirstByteTime = 0;
  /** When a connection was taken for the (last) attempt; 0 when none was. */
  upstreamReadyTime = 0;
  endTime = 0;

  trace: TraceContext | undefined;

  constructor(direction: Direction, listener: string, startTime: number, startWallTime: number) {
    this.direction = direction;
    this.listener = listener;
    this.startTime = startTime;
    this.startWallTime = startWallTime;
  }
}

/** What is known about one relayed TCP connection; the counterpart of {@link StreamInfo}. */
export interface TcpInfo {
  direction: Direction;
  listener: string;
  startWallTime: number;
  durationMs: number;
  downstreamAddress: string;
  downstreamPeer: string;
  cluster: string;
  service: string;
  servicePort: number;
  upstreamAddress: string;
  upstreamPeer: string;
  bytesReceived: number;
  bytesSent: number;
  flags: number;
  reason: string;
}
