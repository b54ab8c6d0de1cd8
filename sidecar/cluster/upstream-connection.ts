import type { Socket } from 'node:net';
import type { TimerWheel } from '../../lib/timer-wheel.ts';
import { createHttp1ClientCodec, type Http1ClientCodec } from '../http1/client-codec.ts';
import type { ReadSink } from '../net/read-sink.ts';
import { SocketTransport, type TransportEvents } from '../net/transport.ts';
import type { WriteTurn } from '../net/write-turn.ts';
import type { ClientCodecEvents } from '../stream/codec.ts';
import type { Endpoint } from './endpoint.ts';

/** What a connection tells the pool it belongs to. */
export interface ConnectionOwner {
  /** It can take another request. */
  onIdle(connection: UpstreamConnection): void;
  /** It takes none any more. */
  onGone(connection: UpstreamConnection): void;
  /** The endpoint did what no server may; `reason` names the metric, for example `h1.unsolicited-bytes`. */
  onMisbehaviour(connection: UpstreamConnection, reason: string): void;
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
]);

/** A pooled HTTP connection to an endpoint. */
export class UpstreamConnection implements ClientCodecEvents, TransportEvents {
  readonly endpoint: Endpoint;
  /** SPIFFE id that the endpoint proved; empty without TLS. */
  readonly peer: string;
  readonly codec: Http1ClientCodec;
  /** Requests it has carried, the running one included. */
  requests = 0;
  /** When it was last put aside, of the monotonic clock. */
  idleSince = 0;
  /** Whether the pool keeps it among those that wait for a request. */
  idle = false;
  readonly #transport: SocketTransport;
  readonly #owner: ConnectionOwner;
  #retired = false;

  constructor(
    socket: Socket,
    sink: ReadSink | undefined,
    peer: string,
    endpoint: Endpoint,
    owner: ConnectionOwner,
    turn: WriteTurn,
    wheel: TimerWheel,
  ) {
    this.endpoint = endpoint;
    this.peer = peer;
    this.#owner = owner;
    this.#transport = new SocketTransport(socket, turn, wheel);
    this.codec = createHttp1ClientCodec(this.#transport, this, {});
    this.#transport.start(this, sink);
  }

  /** Takes no request any more; a running one ends first. */
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
    return this.codec.keepAliveTimeoutMs;
  }

  onStreamEnd(): void {
    if (this.#retired) return;
    // A connection that is spent is closed by its codec next.
    if (this.codec.capacity === 0) this.#leave();
    else this.#owner.onIdle(this);
  }

  onGoAway(): void {
    this.#leave();
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
    this.#owner.onGone(this);
  }
}
