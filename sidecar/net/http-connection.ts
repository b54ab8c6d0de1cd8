import type { Timer } from '../../lib/timer-wheel.ts';
import { createHttp1ServerCodec } from '../http1/server-codec.ts';
import { createHttp2ServerCodec } from '../http2/server-codec.ts';
import type { BodyReceiver, ResponseWriter, ServerCodec, ServerCodecEvents } from '../stream/codec.ts';
import type { RequestHead } from '../stream/head.ts';
import { edgeHttp2, meshHttp2 } from '../stream/http2-settings.ts';
import { ServerStream } from '../stream/server-stream.ts';
import { shedRequest } from '../stream/shed-request.ts';
import type { DownstreamFacts, StreamScope } from '../stream/stream-scope.ts';
import { PrefaceSniffer } from './http2-preface.ts';
import type { HttpChainConfig } from './listener-config.ts';
import type { OwnedTransport, TransportEvents } from './transport.ts';
import type { WriteTurn } from './write-turn.ts';

/** A connection takes no request any more after so long, give or take a tenth (security.md L-11). Milliseconds. */
const maxConnectionDurationMs = 3_600_000;

/** What HTTP connections are served with. A change of configuration exchanges `scope` under open connections. */
export interface HttpService {
  /** Read by each new request. */
  readonly scope: StreamScope;
  readonly http: HttpChainConfig;
  /** Where what is written is gathered. */
  readonly turn: WriteTurn;
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
  readonly #lifetime: Timer;
  #lastBegan: number;
  #codec: ServerCodec;
  /** Set while it is not known which version the peer speaks. Until then the HTTP/1 codec keeps time. */
  #sniffer: PrefaceSniffer | undefined;

  readonly #onDropped = (reason: string): void => {
    const { observer, listener } = this.service.scope;
    observer.onFieldDropped(listener, reason);
  };

  /** `protocol`: what was negotiated; `undefined` when the first bytes must tell. */
  constructor(
    transport: OwnedTransport,
    service: HttpService,
    facts: DownstreamFacts,
    protocol: 'http1' | 'http2' | undefined,
  ) {
    this.service = service;
    this.facts = facts;
    this.#transport = transport;
    this.#lastBegan = service.scope.clock.now();
    const { scope, http } = service;
    const durationMs = http.maxConnectionDurationMs ?? maxConnectionDurationMs;
    this.#lifetime = scope.wheel.start(durationMs * (0.9 + scope.random() * 0.2), () => this.drain());
    if (protocol === undefined) this.#sniffer = new PrefaceSniffer();
    this.#codec = protocol === 'http2' ? this.#createHttp2() : this.#createHttp1();
    if (protocol !== undefined) scope.observer.onHttpConnection('downstream', protocol);
  }

  /** Requests begun and not finished. */
  get activeStreams(): number {
    return this.#codec.activeStreams;
  }

  get bufferedBytes(): number {
    return this.#transport.bufferedBytes;
  }

  closeIfIdle(limitMs: (idleTimeoutMs: number) => number): boolean {
    const { scope, http } = this.service;
    const { idleTimeoutMs } = http;
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
    this.#lifetime.stop();
    this.#transport.close();
  }

  onBytes(chunk: Buffer): void {
    if (this.#sniffer === undefined) this.#codec.onBytes(chunk);
    else this.#onFirstBytes(this.#sniffer, chunk);
  }

  onEnd(): void {
    const held = this.#sniffer?.held;
    this.#sniffer = undefined;
    if (held !== undefined) this.#codec.onBytes(held);
    this.#codec.onEnd();
  }

  onClose(): void {
    this.#lifetime.stop();
    this.#codec.onClose();
  }

  onDrain(): void {
    this.#codec.onDrain();
  }

  #onFirstBytes(sniffer: PrefaceSniffer, chunk: Buffer): void {
    const result = sniffer.sniff(chunk);
    if (result === undefined) return;
    this.#sniffer = undefined;
    if (result.protocol === 'http2') {
      this.#codec.onClose();
      this.#codec = this.#createHttp2();
    }
    this.service.scope.observer.onHttpConnection('downstream', result.protocol);
    this.#codec.onBytes(result.bytes);
  }

  #createHttp1(): ServerCodec {
    const { scope, http, serverName, openTunnel } = this.service;
    const forwardProxy = openTunnel !== undefined;
    const maxRequests = requestLimit(http);
    return createHttp1ServerCodec(this.#transport, this, {
      edge: scope.edge,
      tls: this.facts.tls,
      allowAbsoluteForm: forwardProxy,
      allowConnect: forwardProxy,
      wheel: scope.wheel,
      headersTimeoutMs: http.headersTimeoutMs,
      idleTimeoutMs: http.idleTimeoutMs,
      ...(serverName === undefined ? {} : { serverName }),
      ...(maxRequests === undefined ? {} : { limits: { maxRequests } }),
      dateHeader: scope.edge,
      clock: scope.clock,
      onDropped: this.#onDropped,
    });
  }

  #createHttp2(): ServerCodec {
    const { scope, http, serverName, openTunnel, turn } = this.service;
    const forwardProxy = openTunnel !== undefined;
    const http2 = http.http2 ?? (scope.edge ? edgeHttp2 : meshHttp2);
    const maxRequests = requestLimit(http);
    return createHttp2ServerCodec(this.#transport, this, {
      edge: scope.edge,
      tls: this.facts.tls,
      allowAbsoluteForm: forwardProxy,
      allowConnect: forwardProxy,
      allowExtendedConnect: http2.allowConnect,
      wheel: scope.wheel,
      turn,
      headersTimeoutMs: http.headersTimeoutMs,
      idleTimeoutMs: http.idleTimeoutMs,
      serverName,
      dateHeader: scope.edge,
      clock: scope.clock,
      keepAlive: { intervalMs: http2.keepaliveIntervalMs, timeoutMs: http2.keepaliveTimeoutMs },
      limits: {
        maxConcurrentStreams: http2.maxConcurrentStreams,
        streamWindowBytes: http2.initialStreamWindowBytes,
        connectionWindowBytes: http2.initialConnectionWindowBytes,
        ...(maxRequests === undefined ? {} : { maxRequests }),
      },
      onDropped: this.#onDropped,
    });
  }
}

/** `undefined` leaves it to the codec. */
function requestLimit({ maxRequestsPerConnection }: HttpChainConfig): number | undefined {
  return maxRequestsPerConnection === 0 ? Number.MAX_SAFE_INTEGER : maxRequestsPerConnection;
}
