import type { Socket } from 'node:net';
import type { Timer, TimerWheel } from '../../lib/timer-wheel.ts';
import { createHttp1ClientCodec, type Http1ClientCodec } from '../http1/client-codec.ts';
import { createHttp2ClientCodec, type Http2ClientCodec, type Http2ClientOptions } from '../http2/client-codec.ts';
import type { ReadSink } from '../net/read-sink.ts';
import { SocketTransport, type TransportEvents } from '../net/transport.ts';
import type { WriteTurn } from '../net/write-turn.ts';
import type { ClientCodec, ClientCodecEvents } from '../stream/codec.ts';
import type { Http2Settings } from '../stream/http2-settings.ts';
import type { Endpoint } from './endpoint.ts';
import type { HttpProtocol } from './upstream-http.ts';

/** What a connection tells the pool it belongs to. */
export interface ConnectionOwner {
  /** A request has ended, and it can take another one. */
  onCapacity(connection: UpstreamConnection): void;
  /** It takes none any more. */
  onGone(connection: UpstreamConnection): void;
  /** The endpoint did what no server may; `reason` names the metric, for example `h1.unsolicited-bytes`. */
  onMisbehaviour(connection: UpstreamConnection, reason: string): void;
}

/** A connection that is made and verified. */
export interface DialedConnection {
  readonly socket: Socket;
  /** Where its bytes come when it was made with a sink. */
  readonly sink: ReadSink | undefined;
  /** SPIFFE id that the endpoint proved; empty without TLS. */
  readonly peer: string;
  readonly protocol: HttpProtocol;
}

/** Ends of connections that are nobody's mistake. */
const ordinaryEnds: ReadonlySet<string> = new Set([
  'h1.connection-closed',
  'h1.connection-close',
  'h1.drained',
  'h1.local-reset',
  'h1.tunnel-ended',
  'h1.early-response',
  'h1.request-length-mismatch',
  'reused-connection',
  'no-response',
  'h2.connection-closed',
  'h2.drained',
  'h2.go-away',
]);

/** A pooled HTTP connection to an endpoint. */
export class UpstreamConnection implements ClientCodecEvents, TransportEvents {
  readonly endpoint: Endpoint;
  readonly peer: string;
  readonly protocol: HttpProtocol;
  readonly codec: ClientCodec;
  /** Requests it has carried, the running ones included. */
  requests = 0;
  /** When its last request ended, of the monotonic clock. */
  idleSince = 0;
  /** Whether it waits among the idle connections of HTTP/1. */
  idle = false;
  readonly #transport: SocketTransport;
  readonly #owner: ConnectionOwner;
  readonly #http1: Http1ClientCodec | undefined;
  readonly #http2: Http2ClientCodec | undefined;
  #lifetime: Timer | undefined;
  #retired = false;

  constructor(
    dialed: DialedConnection,
    endpoint: Endpoint,
    owner: ConnectionOwner,
    http2: Http2Settings,
    turn: WriteTurn,
    wheel: TimerWheel,
  ) {
    this.endpoint = endpoint;
    this.peer = dialed.peer;
    this.protocol = dialed.protocol;
    this.#owner = owner;
    this.#transport = new SocketTransport(dialed.socket, turn, wheel);
    if (dialed.protocol === 'http2') {
      this.#http2 = createHttp2ClientCodec(this.#transport, this, clientOptions(http2, turn, wheel));
      this.codec = this.#http2;
    } else {
      this.#http1 = createHttp1ClientCodec(this.#transport, this, {});
      this.codec = this.#http1;
    }
    this.#transport.start(this, dialed.sink);
  }

  /** Takes no request any more after `ms`. */
  retireAfter(ms: number, wheel: TimerWheel): void {
    this.#lifetime = wheel.start(ms, () => this.retire());
  }

  /** Takes no request any more; the running ones end first. */
  retire(): void {
    this.#leave();
    this.codec.drain();
  }

  destroy(): void {
    this.#leave();
    // An idle connection is not broken off but ended.
    if (this.codec.activeStreams === 0) this.#transport.end();
    this.#transport.destroy();
  }

  /** The endpoint's own word on how long it keeps an idle connection, in milliseconds. */
  get keepAliveMs(): number | undefined {
    return this.#http1?.keepAliveTimeoutMs;
  }

  /** Whether a request may ask to switch protocols here; `undefined` until the endpoint has said so. */
  get takesUpgrades(): boolean | undefined {
    if (this.#http2 === undefined) return true;
    return this.#http2.ready ? this.#http2.extendedConnect : undefined;
  }

  onStreamEnd(): void {
    if (this.#retired) return;
    if (this.codec.capacity > 0) this.#owner.onCapacity(this);
    // An HTTP/1 connection that is spent is closed by its codec next.
    else if (this.#http1 !== undefined) this.#leave();
  }

  onGoAway(): void {
    this.#leave();
  }

  onMalformed(reason: string): void {
    this.#owner.onMisbehaviour(this, reason);
  }

  onClosed(reason: string): void {
    this.#leave();
    if (!ordinaryEnds.has(reason)) this.#owner.onMisbehaviour(this, reason);
    this.#transport.close();
  }

  onBytes(chunk: Buffer): void {
    this.codec.onBytes(chunk);
  }

  onEnd(): void {
    this.codec.onEnd();
  }

  onClose(): void {
    this.codec.onClose();
    this.#leave();
  }

  onDrain(): void {
    this.codec.onDrain();
  }

  #leave(): void {
    if (this.#retired) return;
    this.#retired = true;
    this.#lifetime?.stop();
    this.#owner.onGone(this);
  }
}

function clientOptions(http2: Http2Settings, turn: WriteTurn, wheel: TimerWheel): Http2ClientOptions {
  return {
    turn,
    wheel,
    keepAlive: { intervalMs: http2.keepaliveIntervalMs, timeoutMs: http2.keepaliveTimeoutMs },
    limits: {
      maxConcurrentStreams: http2.maxConcurrentStreams,
      streamWindowBytes: http2.initialStreamWindowBytes,
      connectionWindowBytes: http2.initialConnectionWindowBytes,
    },
  };
}
