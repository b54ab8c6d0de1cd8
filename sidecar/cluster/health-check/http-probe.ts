import { ReadSink } from '../../net/read-sink.ts';
import type { ResetReason, ResponseReceiver } from '../../stream/codec.ts';
import type { RequestHead, ResponseHead } from '../../stream/head.ts';
import type { Headers } from '../../stream/headers.ts';
import type { Cluster } from '../cluster.ts';
import type { EndpointConfig } from '../cluster-config.ts';
import { Dial } from '../dial.ts';
import type { Endpoint } from '../endpoint.ts';
import type { PoolDependencies } from '../http-pool.ts';
import { type ConnectionOwner, UpstreamConnection } from '../upstream-connection.ts';
import { defaultUpstreamHttp } from '../upstream-http.ts';
import type { Probe, ProbeResult } from './probe.ts';

/** What a check over HTTP sends, and what it makes of the answer. */
export interface HttpExchange {
  readonly protocol: 'http1' | 'http2';
  /** Bytes of an answer's body that are kept. */
  readonly maxBodyBytes: number;
  head(): RequestHead;
  readonly body: Buffer | undefined;
  judge(answer: HttpAnswer): ProbeResult;
}

export interface HttpAnswer {
  readonly head: ResponseHead;
  readonly body: Buffer;
  readonly trailers: Headers | undefined;
}

/** One request for each check, over a connection of its own that is kept between checks where the cluster says so. */
export class HttpProbe implements Probe, ConnectionOwner, ResponseReceiver {
  readonly #exchange: HttpExchange;
  readonly #cluster: Cluster;
  readonly #endpoint: Endpoint;
  readonly #address: () => EndpointConfig;
  readonly #deps: PoolDependencies;
  readonly #keepConnection: boolean;
  #dial: Dial | undefined;
  #connection: UpstreamConnection | undefined;
  #onResult: ((result: ProbeResult) => void) | undefined;
  #head: ResponseHead | undefined;
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(
    exchange: HttpExchange,
    cluster: Cluster,
    endpoint: Endpoint,
    address: () => EndpointConfig,
    deps: PoolDependencies,
    options: { keepConnection: boolean },
  ) {
    this.#exchange = exchange;
    this.#cluster = cluster;
    this.#endpoint = endpoint;
    this.#address = address;
    this.#deps = deps;
    this.#keepConnection = options.keepConnection;
  }

  run(onResult: (result: ProbeResult) => void): void {
    this.#onResult = onResult;
    this.#head = undefined;
    this.#chunks = [];
    this.#bytes = 0;
    const connection = this.#connection;
    if (connection !== undefined && connection.codec.capacity > 0) {
      this.#send(connection);
      return;
    }
    this.#drop();
    const { protocol } = this.#exchange;
    const address = this.#address();
    const sink = new ReadSink();
    this.#dial = new Dial(
      this.#cluster.config,
      address,
      this.#deps,
      {
        onDialed: (socket, peer) => {
          this.#dial = undefined;
          const { turn, wheel } = this.#deps;
          const { http2 } = this.#cluster.config.http ?? defaultUpstreamHttp;
          const dialed = { socket, sink: address.tls ? undefined : sink, peer, protocol };
          const made = new UpstreamConnection(dialed, this.#endpoint, this, http2, turn, wheel);
          this.#connection = made;
          // HTTP/2 has capacity only when the peer's settings came, and tells.
          if (made.codec.capacity > 0) this.#send(made);
        },
        onDialFailed: ({ kind, detail }) => this.#finish({ outcome: 'failed', reason: kind, detail }),
      },
      sink,
      protocol === 'http2' ? ['h2'] : [],
    );
  }

  cancel(): void {
    this.#onResult = undefined;
    this.#dial?.cancel();
    this.#dial = undefined;
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.destroy();
  }

  close(): void {
    this.cancel();
  }

  onCapacity(connection: UpstreamConnection): void {
    if (this.#onResult !== undefined && this.#head === undefined && connection.requests === 0) this.#send(connection);
  }

  onGone(connection: UpstreamConnection): void {
    if (this.#connection === connection) this.#connection = undefined;
  }

  onMisbehaviour(_connection: UpstreamConnection, reason: string): void {
    this.#deps.onMisbehaviour(this.#cluster.config.name, reason, this.#endpoint.address);
  }

  onInformational(): void {}

  onHead(head: ResponseHead, end: boolean): void {
    this.#head = head;
    if (end) this.#judge(undefined);
  }

  onData(chunk: Buffer, end: boolean): void {
    this.#bytes += chunk.length;
    if (this.#bytes - chunk.length < this.#exchange.maxBodyBytes) this.#chunks.push(chunk);
    if (end) this.#judge(undefined);
  }

  onTrailers(trailers: Headers): void {
    this.#judge(trailers);
  }

  onReset(reason: ResetReason, detail: string): void {
    this.#finish({ outcome: 'failed', reason, detail });
  }

  onWritable(): void {}

  #send(connection: UpstreamConnection): void {
    connection.requests++;
    const { body } = this.#exchange;
    const writer = connection.codec.open(this.#exchange.head(), body === undefined, this);
    if (body !== undefined) writer.data(body, true);
  }

  #judge(trailers: Headers | undefined): void {
    if (this.#head === undefined) return;
    const body = Buffer.concat(this.#chunks).subarray(0, this.#exchange.maxBodyBytes);
    this.#finish(this.#exchange.judge({ head: this.#head, body, trailers }));
  }

  #finish(result: ProbeResult): void {
    const onResult = this.#onResult;
    this.#onResult = undefined;
    if (!this.#keepConnection || result.outcome === 'failed') this.#drop();
    onResult?.(result);
  }

  #drop(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.retire();
  }
}
