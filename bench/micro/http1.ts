import { FakeClock } from '../../lib/clock.ts';
import { TimerWheel } from '../../lib/timer-wheel.ts';
import { createHttp1ClientCodec } from '../../sidecar/http1/client-codec.ts';
import { meshLimits, responseLimits } from '../../sidecar/http1/limits.ts';
import { RequestParser } from '../../sidecar/http1/request-parser.ts';
import { ResponseParser } from '../../sidecar/http1/response-parser.ts';
import { requestText, responseText } from '../../sidecar/http1/serialize.ts';
import { createHttp1ServerCodec } from '../../sidecar/http1/server-codec.ts';
import type { BodyReceiver, ResponseReceiver, Transport } from '../../sidecar/stream/codec.ts';
import type { RequestHead, ResponseHead } from '../../sidecar/stream/head.ts';

// What the HTTP/1 codec costs by itself, without sockets: node bench/micro/http1.ts [--seconds 1]

const seconds = Number(process.argv[process.argv.indexOf('--seconds') + 1]) || 1;

const requestBytes = Buffer.from(
  'GET /catalog/items?page=2&sort=price HTTP/1.1\r\nHost: shop.example.com\r\nUser-Agent: curl/8.5.0\r\n' +
    'Accept: application/json, text/plain;q=0.9, */*;q=0.8\r\nAccept-Encoding: gzip, deflate, br\r\n' +
    'Accept-Language: en-GB,en;q=0.7\r\nCookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n' +
    'traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n' +
    'x-request-id: 7b1c3e9e-1f5f-4c0e-9a53-6f1d2b7f0a11\r\nConnection: keep-alive\r\n\r\n',
);
const responseBytes = Buffer.from(
  'HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: 170\r\n' +
    'Date: Mon, 23 Nov 2026 10:00:00 GMT\r\nETag: W/"aa-1234567890"\r\nCache-Control: no-cache\r\n' +
    'Vary: Accept-Encoding\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n\r\n',
);
const body = Buffer.alloc(170, 'x');

/** Takes bytes and forgets them; a string is encoded, as on a real transport. */
class Sink implements Transport {
  readonly bufferedBytes = 0;
  readonly #memory = Buffer.allocUnsafe(64 * 1024);
  length = 0;
  write(bytes: Buffer | string): void {
    if (typeof bytes === 'string') this.length += this.#memory.write(bytes, this.length, 'latin1');
    else this.length += bytes.copy(this.#memory, this.length);
  }
  /** A copy of what was written, as a socket would have read it. */
  take(): Buffer {
    const copy = Buffer.allocUnsafe(this.length);
    this.#memory.copy(copy, 0, 0, this.length);
    this.length = 0;
    return copy;
  }
  pause(): void {}
  resume(): void {}
  end(): void {}
  destroy(): void {}
}

function measure(name: string, run: () => void): void {
  for (let i = 0; i < 50_000; i++) run();
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5; round++) {
    const start = process.hrtime.bigint();
    let count = 0;
    while (process.hrtime.bigint() - start < BigInt(Math.round((seconds / 5) * 1e9))) {
      for (let i = 0; i < 1_000; i++) run();
      count += 1_000;
    }
    best = Math.min(best, Number(process.hrtime.bigint() - start) / count);
  }
  console.log(`${name.padEnd(44)} ${best.toFixed(0).padStart(6)} ns/op`);
}

const requestParser = new RequestParser({
  edge: true,
  tls: false,
  allowAbsoluteForm: false,
  allowConnect: false,
  limits: meshLimits,
  alias: 'reject',
  onDropped: undefined,
});
const responseParser = new ResponseParser(responseLimits, undefined);
requestParser.parse(requestBytes, 0, requestBytes.length);
responseParser.parse(responseBytes, 0, responseBytes.length, 'GET', undefined);
const requestHead = requestParser.head as RequestHead;
const responseHead = responseParser.head as ResponseHead;
const sink = new Sink();

measure('parse request (9 fields)', () => {
  requestParser.parse(requestBytes, 0, requestBytes.length);
});
measure('serialise request, encoded', () => {
  sink.length = 0;
  sink.write(requestText(requestHead, '', undefined));
});
measure('parse response (8 fields)', () => {
  responseParser.parse(responseBytes, 0, responseBytes.length, 'GET', undefined);
});
measure('serialise response, encoded', () => {
  sink.length = 0;
  sink.write(responseText(responseHead, 'content-length: 170\r\n', undefined));
});

const wheel = new TimerWheel(20, 512, new FakeClock());
const downstream = new Sink();
const upstream = new Sink();
const ignore = () => {};
const client = createHttp1ClientCodec(upstream, { onStreamEnd: ignore, onGoAway: ignore, onClosed: ignore });

/** What a proxy does with an exchange, and nothing else. */
class Exchange implements ResponseReceiver, BodyReceiver {
  writer: Parameters<Parameters<typeof createHttp1ServerCodec>[1]['onRequest']> extends [unknown, infer W, unknown]
    ? W
    : never;
  constructor(writer: Exchange['writer']) {
    this.writer = writer;
  }
  onInformational(): void {}
  onHead(head: ResponseHead, end: boolean): void {
    this.writer.head(head, end);
  }
  onData(chunk: Buffer, end: boolean): void {
    this.writer.data(chunk, end);
  }
  onTrailers(): void {}
  onReset(): void {}
  onWritable(): void {}
}

const server = createHttp1ServerCodec(
  downstream,
  {
    onRequest(head, writer, end) {
      const exchange = new Exchange(writer);
      client.open(head, end, exchange);
      return exchange;
    },
    onBadRequest: ignore,
    onClosed: ignore,
  },
  {
    edge: true,
    tls: false,
    allowAbsoluteForm: false,
    allowConnect: false,
    wheel,
    headersTimeoutMs: 10_000,
    idleTimeoutMs: 60_000,
    limits: { maxRequests: Number.POSITIVE_INFINITY },
  },
);
const answer = Buffer.concat([responseBytes, body]);
measure('a whole exchange through server and client', () => {
  server.onBytes(requestBytes);
  upstream.length = 0;
  client.onBytes(answer);
  downstream.length = 0;
});
wheel.close();
