import { expect, test } from 'vitest';
import { Cors, CorsPolicy } from '../../../proto/gen/envoy/extensions/filters/http/cors/v3/cors.ts';
import { GrpcWeb } from '../../../proto/gen/envoy/extensions/filters/http/grpc_web/v3/grpc_web.ts';
import { GrpcMessageLimit } from '../../../proto/gen/heddle/filters/v1/grpc_message_limit.ts';
import { cluster, httpServer, rawClient, request, route, TestProxy } from '../../../test/harness/data-path.ts';
import { httpFilter, overrides, packed } from '../../../test/harness/http-filters.ts';
import { Base64Decoder, Base64Encoder } from './base64-pieces.ts';

/** A gRPC frame. */
function frame(body: string | Buffer, flag = 0, length = Buffer.byteLength(body)): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = flag;
  prefix.writeUInt32BE(length, 1);
  return Buffer.concat([prefix, Buffer.from(body)]);
}

interface Answer {
  type?: string;
  frames?: readonly Buffer[];
  trailers?: Record<string, string>;
  head?: Record<string, string>;
}

/** A service that answers over HTTP/1 as gRPC does over HTTP/2: with trailers. */
async function service(answer: Answer, limit: object = {}) {
  const seen: { type: string | undefined; te: string | undefined; body: Buffer }[] = [];
  const { port: upstream } = await httpServer(async (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    seen.push({ type: incoming.headers['content-type'], te: String(incoming.headers.te), body: Buffer.concat(chunks) });
    outgoing.writeHead(200, {
      'content-type': answer.type ?? 'application/grpc',
      trailer: 'grpc-status, grpc-message',
      ...answer.head,
    });
    for (const one of answer.frames ?? []) outgoing.write(one);
    outgoing.addTrailers(answer.trailers ?? { 'grpc-status': '0' });
    outgoing.end();
  });
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [upstream]));
  const policy = packed(CorsPolicy, { allowOriginStringMatch: [{ exact: 'https://shop.example' }] });
  const port = await under.listen('app', {
    filters: [
      httpFilter('cors', packed(Cors)),
      httpFilter('web', packed(GrpcWeb)),
      httpFilter('limit', packed(GrpcMessageLimit, limit)),
    ],
    routes: [{ ...route('app'), overrides: overrides({ cors: policy }) }],
  });
  const call = (type: string, body: Buffer | string, headers: Record<string, string> = {}) =>
    request(port, '/shop.Cart/Get', { method: 'POST', body, headers: { 'content-type': type, ...headers } });
  return { call, seen, port, under };
}

const trailersFrame = (text: string) => frame(text, 0x80).toString();

test('a binary grpc-web call becomes gRPC, and its trailers the last frame', async () => {
  const { call, seen } = await service({ frames: [frame('pong')], trailers: { 'grpc-status': '0' } });
  const answer = await call('application/grpc-web+proto', frame('ping'));
  expect(seen).toEqual([{ type: 'application/grpc+proto', te: 'trailers', body: frame('ping') }]);
  expect(answer.headers['content-type']).toBe('application/grpc-web+proto');
  expect(answer.body).toBe(frame('pong').toString() + trailersFrame('grpc-status:0\r\n'));
});

test('a text call is base64 both ways, in whatever pieces it comes', async () => {
  const { seen, port } = await service({ frames: [frame('pon'), frame('g')], trailers: { 'grpc-status': '0' } });
  const client = rawClient(port);
  // Two messages, each in base64 with its padding.
  const body = frame('ping').toString('base64') + frame('again').toString('base64');
  client.send(
    `POST /a/b HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc-web-text\r\nContent-Length: ${body.length}\r\n\r\n`,
  );
  await client.sendApart([body.slice(0, 3), body.slice(3, 10), body.slice(10)]);
  const answer = await client.response();
  expect(seen[0]?.body).toEqual(Buffer.concat([frame('ping'), frame('again')]));
  expect(answer.get('content-type')).toBe('application/grpc-web-text+proto');
  const decoder = new Base64Decoder();
  expect(decoder.push(Buffer.from(answer.body), true)?.toString()).toBe(
    frame('pon').toString() + frame('g').toString() + trailersFrame('grpc-status:0\r\n'),
  );
});

test('a text body that is no base64 is refused', async () => {
  const { call } = await service({});
  const answer = await call('application/grpc-web-text', '!!!!');
  expect([answer.status, answer.headers['grpc-status']]).toEqual([200, '13']);
});

test('errors of the proxy and of the service reach a browser of an allowed origin', async () => {
  const origin = { origin: 'https://shop.example' };
  const { call, under } = await service({ trailers: { 'grpc-status': '5', 'grpc-message': 'no cart' } });
  const failed = await call('application/grpc-web', frame('x'), origin);
  expect(failed.body).toBe(trailersFrame('grpc-status:5\r\ngrpc-message:no cart\r\n'));
  expect(failed.headers['access-control-allow-origin']).toBe('https://shop.example');
  under.proxy.removeCluster('app');
  const none = await call('application/grpc-web', frame('x'), origin);
  expect([none.status, none.headers['grpc-status'], none.headers['content-type']]).toEqual([
    200,
    '14',
    'application/grpc-web+proto',
  ]);
  expect(none.headers['access-control-allow-origin']).toBe('https://shop.example');
});

test('other requests pass untouched', async () => {
  const { call, seen } = await service({ type: 'text/plain', frames: [Buffer.from('plain')] });
  const answer = await call('text/plain', 'hello');
  expect([answer.body, answer.headers['content-type'], seen[0]?.type]).toEqual(['plain', 'text/plain', 'text/plain']);
});

test('H2-34: L-82: a message over 4 MiB, by its prefix alone, is answered RESOURCE_EXHAUSTED', async () => {
  const { call, seen } = await service({});
  const answer = await call('application/grpc', frame('', 0, 2 ** 32 - 1));
  expect([answer.status, answer.headers['grpc-status']]).toEqual([200, '8']);
  expect(answer.headers['grpc-message']).toContain('4294967295 bytes');
  expect(seen).toEqual([]);
});

test('H2-34: a compressed message without a coding, and an unknown flag, are INTERNAL', async () => {
  const { call } = await service({ frames: [frame('ok')] });
  expect((await call('application/grpc', frame('x', 1))).headers['grpc-status']).toBe('13');
  expect((await call('application/grpc', frame('x', 7))).headers['grpc-status']).toBe('13');
  const coded = await call('application/grpc', frame('x', 1), { 'grpc-encoding': 'gzip' });
  expect(coded.body).toBe(frame('ok').toString());
});

test('L-82: messages within the limit pass, whatever pieces they come in, however many there are', async () => {
  const { seen, port } = await service({ frames: [frame('ok')] }, { maxRequestBytes: 10 });
  const client = rawClient(port);
  const body = Buffer.concat([frame('0123456789'), frame(''), frame('abc')]).toString('latin1');
  client.send(
    `POST /a/b HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc\r\nContent-Length: ${body.length}\r\n\r\n`,
  );
  await client.sendApart(body.split(''));
  expect((await client.response()).status).toBe(200);
  expect(seen[0]?.body.toString('latin1')).toBe(body);
});

test('L-82: a response message over the limit ends the call with RESOURCE_EXHAUSTED in its trailers', async () => {
  const { port, under } = await service(
    { frames: [frame('ok'), frame('x'.repeat(11)), frame('never')] },
    { maxResponseBytes: 10 },
  );
  const client = rawClient(port);
  const body = frame('').toString('latin1');
  client.send(
    `POST /a/b HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: te\r\nContent-Type: application/grpc\r\nContent-Length: 5\r\n\r\n${body}`,
  );
  const answer = await client.response();
  expect(answer.body.includes('never')).toBe(false);
  expect(answer.trailers).toContain('grpc-status: 8');
  await under.until(() => under.observer.streams.length === 1);
  expect(under.observer.streams[0]?.grpcStatus).toBe(8);
});

test('padding in the wrong place is no base64', () => {
  for (const text of ['A===', '=AAA', 'AA=A', 'AAAA=', 'AAA']) {
    expect(new Base64Decoder().push(Buffer.from(text), true)).toBeUndefined();
  }
});

test('base64 in pieces is the same as in one', () => {
  const bytes = Buffer.from(Array.from({ length: 257 }, (_, index) => index % 256));
  for (const size of [1, 2, 3, 4, 5, 7, 64]) {
    const encoder = new Base64Encoder();
    const decoder = new Base64Decoder();
    const encoded: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += size) encoded.push(encoder.push(bytes.subarray(at, at + size), false));
    encoded.push(encoder.push(Buffer.alloc(0), true));
    const text = Buffer.concat(encoded);
    expect(text.toString()).toBe(bytes.toString('base64'));
    const decoded: Buffer[] = [];
    for (let at = 0; at < text.length; at += size) {
      decoded.push(decoder.push(text.subarray(at, at + size), at + size >= text.length) as Buffer);
    }
    expect(Buffer.concat(decoded)).toEqual(bytes);
  }
});
