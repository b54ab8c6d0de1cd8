import { FakeClock } from '../../lib/clock.ts';
import { TimerWheel } from '../../lib/timer-wheel.ts';
import { createHttp2ClientCodec } from '../../sidecar/http2/client-codec.ts';
import { FieldSection, SectionKind } from '../../sidecar/http2/field-section.ts';
import { HpackDecoder } from '../../sidecar/http2/hpack-decoder.ts';
import { HpackEncoder } from '../../sidecar/http2/hpack-encoder.ts';
import { decodeHuffman } from '../../sidecar/http2/huffman.ts';
import { meshLimits, responseLimits } from '../../sidecar/http2/limits.ts';
import { OutBuffer } from '../../sidecar/http2/out-buffer.ts';
import { RequestReader } from '../../sidecar/http2/request-reader.ts';
import { readResponse } from '../../sidecar/http2/response-reader.ts';
import { createHttp2ServerCodec } from '../../sidecar/http2/server-codec.ts';
import type {
  BodyReceiver,
  BodyWriter,
  ResponseReceiver,
  ResponseWriter,
  Transport,
} from '../../sidecar/stream/codec.ts';
import type { RequestHead, ResponseHead } from '../../sidecar/stream/head.ts';
import { Headers } from '../../sidecar/stream/headers.ts';

// What the HTTP/2 codec costs by itself, without sockets: node bench/micro/http2.ts [--seconds 1]

const seconds = Number(process.argv[process.argv.indexOf('--seconds') + 1]) || 1;

function measure(name: string, per: number, run: () => void): void {
  for (let i = 0; i < 20_000 / per; i++) run();
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5; round++) {
    const start = process.hrtime.bigint();
    let count = 0;
    while (process.hrtime.bigint() - start < BigInt(Math.round((seconds / 5) * 1e9))) {
      for (let i = 0; i < 1_000 / per; i++) run();
      count += Math.ceil(1_000 / per) * per;
    }
    best = Math.min(best, Number(process.hrtime.bigint() - start) / count);
  }
  console.log(`${name.padEnd(60)} ${best.toFixed(0).padStart(6)} ns/op`);
}

const requestHead: RequestHead = {
  method: 'GET',
  scheme: 'https',
  authority: 'shop.example.com',
  path: '/catalog/items?page=2&sort=price',
  headers: Headers.of({
    'user-agent': 'curl/8.5.0',
    accept: 'application/json, text/plain;q=0.9, */*;q=0.8',
    'accept-encoding': 'gzip, deflate, br',
    'accept-language': 'en-GB,en;q=0.7',
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    'x-request-id': '7b1c3e9e-1f5f-4c0e-9a53-6f1d2b7f0a11',
    'x-forwarded-proto': 'https',
    'x-heddle-id': 'spiffe://cluster.local/ns/shop/sa/web',
  }),
  version: '2',
  absoluteForm: false,
  upgrade: undefined,
  expectContinue: false,
  contentLength: undefined,
};
const responseHead: ResponseHead = {
  status: 200,
  reason: '',
  headers: Headers.of({
    'content-type': 'application/json; charset=utf-8',
    date: 'Mon, 23 Nov 2026 10:00:00 GMT',
    etag: 'W/"aa-1234567890"',
    'cache-control': 'no-cache',
    vary: 'Accept-Encoding',
    server: 'shop',
  }),
  contentLength: 170,
  upgrade: undefined,
};

function encodeRequest(encoder: HpackEncoder, head: RequestHead): void {
  encoder.begin();
  encoder.field(':method', head.method);
  encoder.field(':scheme', head.scheme);
  encoder.field(':path', head.path);
  encoder.field(':authority', head.authority);
  encoder.fields(head.headers);
}

/** A block as it is when the tables are warm, and a decoder that has seen all before it. */
function warmBlock(
  encode: (encoder: HpackEncoder) => void,
  kind: number,
): { block: Buffer; decoder: HpackDecoder; section: FieldSection } {
  const out = new OutBuffer();
  const encoder = new HpackEncoder(out, 4_096, undefined);
  const decoder = new HpackDecoder(4_096);
  const section = new FieldSection(kind === SectionKind.request ? meshLimits : responseLimits, 'allow', undefined);
  let block = Buffer.alloc(0);
  for (let i = 0; i < 3; i++) {
    encode(encoder);
    block = Buffer.from(out.take());
    section.begin(kind);
    if (i < 2) decoder.decode(block, 0, block.length, section);
  }
  return { block, decoder, section };
}

const requests = warmBlock((encoder) => encodeRequest(encoder, requestHead), SectionKind.request);
const reader = new RequestReader({
  edge: false,
  tls: true,
  allowAbsoluteForm: false,
  allowConnect: false,
  allowExtendedConnect: false,
  maxPathBytes: 8_192,
});
console.log(`request block, warm: ${requests.block.length} bytes`);
measure('decode request (12 fields, 2 of them its own)', 1, () => {
  requests.section.begin(SectionKind.request);
  requests.decoder.decode(requests.block, 0, requests.block.length, requests.section);
  requests.section.finish();
  if (reader.read(requests.section, true) === undefined) throw new Error(reader.refused + reader.malformed);
});
const responses = warmBlock((encoder) => {
  encoder.begin();
  encoder.field(':status', '200');
  encoder.fields(responseHead.headers);
  encoder.field('content-length', '170');
}, SectionKind.response);
measure('decode response (8 fields, 3 of them its own)', 1, () => {
  responses.section.begin(SectionKind.response);
  responses.decoder.decode(responses.block, 0, responses.block.length, responses.section);
  responses.section.finish();
  readResponse(responses.section, requestHead, false);
});

const out = new OutBuffer();
const encoder = new HpackEncoder(out, 4_096, undefined);
/** Values as a parser makes them: equal to those before, and not the same. */
function fresh(headers: Headers): Headers {
  const copy = new Headers();
  const text = headers.values.join('\n');
  let at = 0;
  for (let i = 0; i < headers.size; i++) {
    const length = (headers.values[i] as string).length;
    copy.appendRaw(headers.names[i] as string, headers.names[i] as string, text.slice(at, at + length));
    at += length + 1;
  }
  return copy;
}
const copies = Array.from({ length: 64 }, () => ({ ...requestHead, headers: fresh(requestHead.headers) }));
let turn = 0;
measure('encode request (12 fields, 2 of them its own)', 1, () => {
  encodeRequest(encoder, copies[turn++ & 63] as RequestHead);
  if (out.pending > 16_000) out.take();
});
const encoded = new HpackEncoder(out, 4_096, undefined);
measure('encode response (8 fields, 3 of them its own)', 1, () => {
  encoded.begin();
  encoded.field(':status', '200');
  encoded.fields(responseHead.headers);
  encoded.field('content-length', '170');
  if (out.pending > 16_000) out.take();
});
const huffman = Buffer.from(
  '94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007',
  'hex',
);
measure('decode Huffman (57 characters)', 1, () => {
  decodeHuffman(huffman, 0, huffman.length);
});

/** Takes bytes and forgets them, or keeps them for the other side. */
class Pipe implements Transport {
  readonly bufferedBytes = 0;
  pieces: Buffer[] = [];
  write(bytes: Buffer | string): void {
    this.pieces.push(bytes as Buffer);
  }
  /** A copy of what was written, as a socket would have read it. */
  take(): Buffer {
    const copy = Buffer.concat(this.pieces);
    this.pieces = [];
    return copy;
  }
  pause(): void {}
  resume(): void {}
  end(): void {}
  destroy(): void {}
}

const wheel = new TimerWheel(20, 512, new FakeClock());
/** The turn ends when the measurement says so. */
const hand = { add(): void {} };
const ignore = (): void => {};
const upstream = new Pipe();
const downstream = new Pipe();
const client = createHttp2ClientCodec(
  upstream,
  { onStreamEnd: ignore, onGoAway: ignore, onClosed: fail },
  { wheel, turn: hand },
);

function fail(reason: unknown): void {
  throw new Error(`the connection ended: ${reason}`);
}

const body = Buffer.alloc(170, 'x');
const nothing: BodyReceiver = { onData: ignore, onTrailers: ignore, onReset: ignore, onWritable: ignore };
const server = createHttp2ServerCodec(
  downstream,
  {
    onRequest(_head: RequestHead, writer: ResponseWriter): BodyReceiver {
      writer.head(responseHead, false);
      writer.data(body, true);
      return nothing;
    },
    onBadRequest: (_status, reason) => fail(reason),
    onClosed: ignore,
  },
  {
    edge: false,
    tls: true,
    allowAbsoluteForm: false,
    allowConnect: false,
    headersTimeoutMs: 10_000,
    idleTimeoutMs: 60_000,
    wheel,
    turn: hand,
  },
);
const flushable = { client: client as unknown as { flush(): void }, server: server as unknown as { flush(): void } };
let answered = 0;
const receiver: ResponseReceiver = {
  ...nothing,
  onInformational: ignore,
  onHead: ignore,
  onData: (_chunk, end) => {
    if (end) answered++;
  },
};

/** `streams` requests in one turn: written by the client, read and answered by the server, read by the client. */
function exchange(streams: number): void {
  for (let i = 0; i < streams; i++) {
    const writer: BodyWriter = client.open(copies[i & 63] as RequestHead, true, receiver);
    if (writer === undefined) fail('no writer');
  }
  flushable.client.flush();
  server.onBytes(upstream.take());
  flushable.server.flush();
  client.onBytes(downstream.take());
}

exchange(1);
for (const streams of [1, 8, 64]) {
  const before = answered;
  measure(`exchange, both codecs, ${streams} in a turn, 170 bytes of body`, streams, () => exchange(streams));
  if (answered === before) fail('nothing was answered');
}
process.exit(0);
