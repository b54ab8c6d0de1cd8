import type { TimerWheel } from '../../lib/timer-wheel.ts';
import { createHttp1ServerCodec } from '../http1/server-codec.ts';
import type { BodyReceiver, ResponseWriter, ServerCodec, ServerCodecEvents } from '../stream/codec.ts';
import type { RequestHead } from '../stream/head.ts';
import { ServerStream } from '../stream/server-stream.ts';
import { shedRequest } from '../stream/shed-request.ts';
import type { DownstreamFacts, StreamScope } from '../stream/stream-scope.ts';
import type { OwnedTransport, TransportEvents } from './transport.ts';

/** What HTTP connections are served with. A change of configuration exchanges `scope` under open connections. */
export interface HttpService {
  /** Read by each new request. */
  readonly scope: StreamScope;
  readonly idleTimeoutMs: number;
  readonly headersTimeoutMs: number;
  /** Value of `server` on responses without one. */
  readonly serverName: string | undefined;
  /** Takes absolute targets, and CONNECT, for which it opens a tunnel; `undefined` where neither is served. */
  readonly openTunnel:
    | ((connection: HttpConnection, head: RequestHead, writer: ResponseWriter) => BodyReceiver)
    | undefined;
}

/** A downstream HTTP connection: bytes to the codec, requests to streams. */
export class HttpConnection implements ServerCodecEvents, TransportEvents {
  readonly service: HttpService;
  readonly facts: DownstreamFacts;
  readonly #transport: OwnedTransport;
  readonly #codec: ServerCodec;
  #lastBegan: number;

  constructor(transport: OwnedTransport, service: HttpService, facts: DownstreamFacts, wheel: TimerWheel) {
    this.service = service;
    this.facts = facts;
    this.#transport = transport;
    this.#lastBegan = service.scope.clock.now();
    const { scope, headersTimeoutMs, idleTimeoutMs, serverName } = service;
    const forwardProxy = service.openTunnel !== undefined;
    this.#codec = createHttp1ServerCodec(transport, this, {
      edge: scope.edge,
      tls: facts.tls,
      allowAbsoluteForm: forwardProxy,
      allowConnect: forwardProxy,
      wheel,
      headersTimeoutMs,
      idleTimeoutMs,
      ...(serverName === undefined ? {} : { serverName }),
      dateHeader: scope.edge,
      clock: scope.clock,
      onDropped: (reason) => this.service.scope.observer.onFieldDropped(this.service.scope.listener, reason),
    });
  }

  /** Requests begun and not finished. */
  get activeStreams(): number {
    return this.#codec.activeStreams;
  }

  get bufferedBytes(): number {
    return this.#transport.bufferedBytes;
  }

  closeIfIdle(limitMs: (idleTimeoutMs: number) => number): boolean {
    const { scope, idleTimeoutMs } = this.service;
    if (this.#codec.activeStreams > 0 || scope.clock.now() - this.#lastBegan < limitMs(idleTimeoutMs)) return false;
    this.drain();
    return true;
  }

  /** Finishes what runs and takes nothing new. */
  drain(): void {
    this.#codec.drain();
  }

  destroy(): void {
    if (this.#codec.activeStreams === 0) this.#transport.end();
    this.#transport.destroy();
  }

  onRequest(head: RequestHead, writer: ResponseWriter, end: boolean): BodyReceiver {
    const { openTunnel, scope } = this.service;
    const { overload } = scope;
    this.#lastBegan = scope.clock.now();
    if (overload.disableKeepAlive) this.#codec.drain();
    const shed = overload.shedBelow === 0 ? undefined : shedRequest(scope, head, writer);
    if (shed !== undefined) return shed;
    if (head.method === 'CONNECT' && openTunnel !== undefined) return openTunnel(this, head, writer);
    const stream = new ServerStream(scope, this.facts, head, writer);
    stream.start(end);
    return stream;
  }

  onBadRequest(_status: number, reason: string, detail: string): void {
    const { observer, listener } = this.service.scope;
    observer.onRefused(listener, reason, detail, this.facts.address);
  }

  onClosed(): void {
    this.#transport.close();
  }

  onBytes(chunk: Buffer): void {
    this.#codec.onBytes(chunk);
  }

  onEnd(): void {
    this.#codec.onEnd();
  }

  onClose(): void {
    this.#codec.onClose();
  }

  onDrain(): void {
    this.#codec.onDrain();
  }
}
