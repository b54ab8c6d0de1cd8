import { afterEach, expect, test, vi } from 'vitest';
import { ErrorCode, maxStreamId } from '../../sidecar/http2/protocol.ts';
import type { Http2ServerOptions } from '../../sidecar/http2/server-codec.ts';
import { Headers } from '../../sidecar/stream/headers.ts';
import { type Asked, Http2Client, Http2Server, responseHead } from '../harness/http2-codec.ts';
import * as h2 from '../harness/http2-frames.ts';
import { Http2Peer } from '../harness/http2-peer.ts';

// How connections begin, wait, drain and end, and what travels on them both ways.

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function serve(answer: (asked: Asked) => void, options: Partial<Http2ServerOptions> = {}): Promise<Http2Server> {
  const server = await Http2Server.start(answer, options);
  closers.push(() => server.close());
  return server;
}

function connectRaw(port: number, start?: Buffer): Http2Peer {
  const raw = Http2Peer.connect(port, start);
  closers.push(() => raw.destroy());
  return raw;
}

function connect(port: number, options: ConstructorParameters<typeof Http2Client>[1] = {}): Http2Client {
  const client = new Http2Client(port, options);
  closers.push(() => client.close());
  return client;
}

const ok = ({ ended, writer, resets }: Asked): void => {
  if (!ended || resets.length > 0) return;
  writer.head(responseHead(200, {}, 2), false);
  writer.data(Buffer.from('ok'), true);
};
const nothing = (): void => {};

test('a connection that does not start with the preface ends, with GOAWAY', async () => {
  const server = await serve(ok);
  const client = connectRaw(server.port, Buffer.from('GET / HTTP/1.1\r\n\r\n'));
  expect(await client.goAway()).toBe(ErrorCode.protocolError);
  expect(server.refused).toEqual(['0 h2.bad-preface']);
  await vi.waitFor(() => expect(server.closed).toBe(1));
});
test('a preface without SETTINGS ends the connection', async () => {
  const server = await serve(ok);
  const client = connectRaw(server.port, Buffer.concat([h2.connectionPreface, h2.headers(1, h2.get)]));
  expect(await client.goAway()).toBe(ErrorCode.protocolError);
});
test.each([
  ['a preface', h2.connectionPreface.subarray(0, 10)],
  ['a frame', Buffer.concat([h2.greeting, h2.headers(1, h2.get).subarray(0, 20)])],
  ['a field block', Buffer.concat([h2.greeting, h2.frame(h2.FrameType.headers, 0, 1, h2.block(h2.get))])],
])('L-07: %s that stays unfinished ends the connection after the headers time-out', async (_, start) => {
  const server = await serve(ok, { headersTimeoutMs: 60, idleTimeoutMs: 100_000 });
  const client = connectRaw(server.port, start);
  expect(await client.goAway()).toBe(ErrorCode.enhanceYourCalm);
  expect(server.refused).toEqual(['0 h2.headers-timeout']);
});
test('L-10: an idle connection is drained after the idle time-out', async () => {
  const server = await serve(ok, { idleTimeoutMs: 60 });
  const client = connectRaw(server.port);
  client.send(h2.headers(1, h2.get));
  await client.frame(h2.FrameType.data, 1);
  expect(await client.goAway()).toBe(ErrorCode.noError);
  expect(client.of(h2.FrameType.goAway).map(({ payload }) => payload.readUInt32BE(0))).toEqual([maxStreamId, 1]);
  expect(server.refused).toEqual([]);
  await vi.waitFor(() => expect(server.closed).toBe(1));
});
test('L-12: after the last request that is allowed the connection drains', async () => {
  const server = await serve(ok, { limits: { maxRequests: 3 } });
  const client = connectRaw(server.port);
  client.send(h2.headers(1, h2.get), h2.headers(3, h2.get), h2.headers(5, h2.get));
  await client.frame(h2.FrameType.data, 5);
  expect(await client.goAway()).toBe(ErrorCode.noError);
});
test('L-37: SETTINGS that are never acknowledged end the connection', async () => {
  const server = await serve(nothing, { limits: { settingsTimeoutMs: 60, flushTimeoutMs: 90 } });
  const client = connectRaw(server.port);
  client.send(h2.headers(1, h2.get));
  expect(await client.goAway()).toBe(ErrorCode.settingsTimeout);
  expect(server.asked[0]?.resets).toEqual(['protocol-error h2.settings-timeout']);
});
test('L-41: a peer that is silent and answers no PING is given up', async () => {
  const server = await serve(nothing, { keepAlive: { intervalMs: 60, timeoutMs: 60 } });
  const client = connectRaw(server.port);
  client.send(h2.headers(1, h2.get));
  await client.frame(h2.FrameType.ping);
  await client.goAway();
  expect(server.refused).toEqual(['0 h2.keep-alive-timeout']);
  expect(server.asked[0]?.resets).toEqual(['remote-reset h2.keep-alive-timeout']);
});

test('L-14: a drain lets running requests end, and serves what was on its way', async () => {
  const server = await serve(nothing);
  const client = connectRaw(server.port);
  client.send(h2.headers(1, h2.get));
  await vi.waitFor(() => expect(server.asked).toHaveLength(1));
  server.codecs[0]?.drain();
  expect((await client.frame(h2.FrameType.goAway)).payload.readUInt32BE(0)).toBe(maxStreamId);
  const { payload } = await client.frame(h2.FrameType.ping);
  client.send(h2.headers(3, h2.get), h2.frame(h2.FrameType.ping, h2.Flag.ack, 0, payload));
  await vi.waitFor(() => expect(client.of(h2.FrameType.goAway)).toHaveLength(2));
  expect(client.of(h2.FrameType.goAway)[1]?.payload.readUInt32BE(0)).toBe(3);
  client.send(h2.headers(5, h2.get));
  for (const { writer } of server.asked) writer.head(responseHead(204), true);
  await client.goAway();
  expect(server.asked).toHaveLength(2);
  expect(client.of(h2.FrameType.headers).map(({ stream }) => stream)).toEqual([1, 3]);
  await vi.waitFor(() => expect(server.closed).toBe(1));
});
test('a client that ends its side after whole requests gets their answers', async () => {
  const server = await serve(nothing);
  const client = connectRaw(server.port);
  client.send(h2.headers(1, h2.get), h2.headers(3, h2.post, false));
  await vi.waitFor(() => expect(server.asked).toHaveLength(2));
  client.socket.end();
  await vi.waitFor(() => expect(server.asked[1]?.resets).toEqual(['remote-reset h2.connection-closed']));
  server.asked[0]?.writer.head(responseHead(204), true);
  await client.frame(h2.FrameType.headers, 1);
  await vi.waitFor(() => expect(client.closed).toBe(true));
});
test('H2-32: connections that break without GOAWAY leave nothing', async () => {
  const server = await serve(nothing);
  for (let round = 0; round < 10; round++) {
    const clients = Array.from({ length: 20 }, () => connectRaw(server.port));
    for (const client of clients) client.send(h2.headers(1, h2.get), h2.headers(3, h2.post, false), h2.data(3, 'x'));
    await vi.waitFor(() => expect(server.asked).toHaveLength((round + 1) * 40));
    for (const client of clients) client.socket.resetAndDestroy();
  }
  await vi.waitFor(() => expect(server.asked.every(({ resets }) => resets.length === 1)).toBe(true));
  for (const codec of server.codecs) expect(codec.activeStreams).toBe(0);
});
test('H2-31: broken field blocks and a reset in the same moment break nothing', async () => {
  const server = await serve(ok);
  for (let i = 0; i < 50; i++) {
    const client = connectRaw(server.port);
    client.send(h2.headers(1, h2.get), h2.headers(3, Buffer.from('80', 'hex')));
    client.socket.resetAndDestroy();
  }
  expect(await connect(server.port).open().done).toBe('end');
});

test('a response that ends before its request resets the stream with NO_ERROR, and late data is passed over', async () => {
  const server = await serve(({ writer, pieces }) => pieces.length === 0 && writer.head(responseHead(204), true));
  const client = connectRaw(server.port);
  client.send(h2.headers(1, h2.post, false));
  expect(await client.reset(1)).toBe(ErrorCode.noError);
  client.send(h2.data(1, 'late'), h2.data(1, 'later', true), h2.headers(3, h2.get));
  await client.frame(h2.FrameType.headers, 3);
  expect(server.asked[0]?.pieces).toEqual([]);
  expect(server.refused).toEqual([]);
});

test('HEAD, 204 and 304 have no body, whatever is written', async () => {
  const server = await serve(({ head, writer }) => {
    const status = Number(head.path.slice(1));
    writer.head(responseHead(status, {}, status === 204 ? undefined : 5), false);
    writer.data(Buffer.from('hello'), true);
  });
  const client = connect(server.port);
  for (const [method, status] of [
    ['HEAD', 200],
    ['GET', 204],
    ['GET', 304],
  ] as const) {
    const answer = client.open({ method, path: `/${status}` });
    expect(await answer.done).toBe('end');
    expect([answer.head?.status, answer.body]).toEqual([status, '']);
    expect(answer.head?.contentLength).toBe(status === 204 ? undefined : 5);
  }
});
test('informational responses and trailers pass both ways', async () => {
  const server = await serve(({ ended, writer, pieces }) => {
    if (pieces.length === 0) writer.informational(responseHead(100));
    if (!ended) return;
    writer.head(responseHead(200), false);
    writer.data(Buffer.from('body'), false);
    writer.trailers(Headers.of({ 'grpc-status': '0' }));
  });
  const client = connect(server.port);
  const answer = client.open({ method: 'POST', expectContinue: true, contentLength: 4 }, Buffer.from('ping'));
  expect(await answer.done).toBe('end');
  expect(answer.informational.map(({ status }) => status)).toEqual([100]);
  expect(answer.trailers?.get('grpc-status')).toBe('0');
  expect(server.asked[0]?.head).toMatchObject({ expectContinue: true, contentLength: 4 });
});
test.each([
  ['refused', ErrorCode.refusedStream, 'refused h2.reset-refused-stream'],
  ['local-reset', ErrorCode.internalError, 'remote-reset h2.reset-internal-error'],
] as const)('a server that resets with %s says so', async (reason, _code, result) => {
  const server = await serve(({ writer }) => writer.reset(reason));
  expect(await connect(server.port).open().done).toBe(result);
});
test('a client that resets is heard', async () => {
  const server = await serve(nothing);
  const client = connect(server.port);
  const answer = client.open();
  await vi.waitFor(() => expect(server.asked).toHaveLength(1));
  answer.writer?.reset('local-reset');
  await vi.waitFor(() => expect(server.asked[0]?.resets).toEqual(['remote-reset h2.reset-cancel']));
  expect(answer.result).toBe('');
  expect(client.events).toContain('stream-end');
});

test('a receiver that pauses slows its own sender, end to end, and no other', async () => {
  const server = await serve((asked) => {
    if (asked.head.path === '/slow' && asked.pieces.length === 0) asked.writer.pauseReading();
    else ok(asked);
  });
  const client = connect(server.port);
  const slow = client.open({ method: 'POST', path: '/slow' }, undefined);
  void slow;
  const upload = client.open({ method: 'POST', path: '/slow', contentLength: 1_000_000 }, Buffer.alloc(1_000_000, 'u'));
  await vi.waitFor(() => expect(server.asked).toHaveLength(2));
  for (let i = 0; i < 10; i++) expect(await client.open({ method: 'POST' }, Buffer.alloc(100_000)).done).toBe('end');
  expect(server.asked[1]?.pieces).toEqual([]);
  expect(upload.result).toBe('');
  server.asked[1]?.writer.resumeReading();
  expect(await upload.done).toBe('end');
  expect(server.asked[1]?.body).toBe('u'.repeat(1_000_000));
});
test('streams that wait for the connection window take turns', async () => {
  const server = await serve(({ writer }) => {
    writer.head(responseHead(200), false);
    writer.data(Buffer.alloc(1_000_000), true);
  });
  const client = connectRaw(server.port, Buffer.concat([h2.connectionPreface, h2.settings([4, 0x7fff_ffff])]));
  for (const stream of [1, 3, 5, 7]) client.send(h2.headers(stream, h2.get));
  await vi.waitFor(() => expect(server.asked).toHaveLength(4));
  client.send(h2.windowUpdate(0, 64 * 16_384));
  const bytes = (stream: number) =>
    client.of(h2.FrameType.data, stream).reduce((sum, { payload }) => sum + payload.length, 0);
  await vi.waitFor(() => expect(bytes(1) + bytes(3) + bytes(5) + bytes(7)).toBe(65_535 + 64 * 16_384));
  for (const stream of [3, 5, 7]) expect(bytes(stream)).toBeGreaterThan(15 * 16_384);
});
test('a writer is told to stop when the peer does not read, and to go on when it does', async () => {
  let stopped = 0;
  const server = await serve((asked) => {
    const { writer } = asked;
    if (asked.writable === 0) writer.head(responseHead(200), false);
    for (let i = 0; i < 64; i++) {
      if (writer.data(Buffer.alloc(64_000), false)) continue;
      stopped++;
      return;
    }
    writer.data(Buffer.alloc(0), true);
  });
  const client = connectRaw(server.port, Buffer.concat([h2.connectionPreface, h2.settings([4, 0x7fff_ffff])]));
  client.send(h2.windowUpdate(0, 0x7000_0000), h2.headers(1, h2.get));
  await vi.waitFor(() => expect(client.of(h2.FrameType.data, 1).some(({ flags }) => flags === 1)).toBe(true), 10_000);
  expect(server.asked[0]?.writable).toBe(stopped);
});

const tunnel = ({ writer, head, pieces, ended }: Asked): void => {
  if (pieces.length === 0 && !ended)
    writer.head({ ...responseHead(head.upgrade === undefined ? 200 : 101), upgrade: head.upgrade }, false);
  else writer.data(pieces.at(-1) ?? Buffer.alloc(0), ended);
};
test('CONNECT is a tunnel, each side of which ends by itself', async () => {
  const server = await serve(tunnel, { allowConnect: true });
  const client = connect(server.port);
  const answer = client.open({ method: 'CONNECT', path: '', authority: 'a.test:443' });
  await vi.waitFor(() => expect(answer.head?.status).toBe(200));
  expect(server.asked[0]?.head).toMatchObject({ method: 'CONNECT', path: '', authority: 'a.test:443' });
  answer.writer?.data(Buffer.from('there'), false);
  await vi.waitFor(() => expect(answer.body).toBe('there'));
  answer.writer?.data(Buffer.from('!'), true);
  expect(await answer.done).toBe('end');
  expect(answer.body).toBe('there!');
  await vi.waitFor(() => expect([client.codec.activeStreams, server.codecs[0]?.activeStreams]).toEqual([0, 0]));
});
test('a WebSocket is the same upgrade on both sides, with the handshake of HTTP/1', async () => {
  const server = await serve(tunnel, { allowExtendedConnect: true });
  const client = connect(server.port);
  await vi.waitFor(() => expect(client.codec.extendedConnect).toBe(true));
  const key = 'dGhlIHNhbXBsZSBub25jZQ==';
  const answer = client.open({
    upgrade: 'websocket',
    headers: Headers.of({ 'sec-websocket-key': key, 'sec-websocket-version': '13' }),
  });
  await vi.waitFor(() => expect(answer.head?.status).toBe(101));
  expect(answer.head?.upgrade).toBe('websocket');
  // RFC 6455 §1.3's example.
  expect(answer.head?.headers.get('sec-websocket-accept')).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  const asked = server.asked[0]!;
  expect(asked.head).toMatchObject({ method: 'GET', upgrade: 'websocket', path: '/' });
  expect(asked.head.headers.get('sec-websocket-version')).toBe('13');
  expect(asked.head.headers.get('sec-websocket-key')).toMatch(/^[\w+/]{22}==$/);
  expect(asked.head.headers.get('sec-websocket-key')).not.toBe(key);
  answer.writer?.data(Buffer.from('frame'), true);
  expect(await answer.done).toBe('end');
  expect(answer.body).toBe('frame');
});
test('a WebSocket to a server that does not take it is refused, and nothing is sent', async () => {
  const server = await serve(ok);
  const client = connect(server.port);
  await vi.waitFor(() => expect(client.codec.ready).toBe(true));
  expect(await client.open({ upgrade: 'websocket' }).done).toBe('refused h2.no-extended-connect');
  expect(server.asked).toHaveLength(0);
});
