import { afterEach, expect, test, vi } from 'vitest';
import type { Http2ClientOptions } from '../../sidecar/http2/client-codec.ts';
import { ErrorCode } from '../../sidecar/http2/protocol.ts';
import { type Answer, Http2Client } from '../harness/http2-codec.ts';
import * as h2 from '../harness/http2-frames.ts';
import { type Http2Peer, serveHttp2Peer } from '../harness/http2-peer.ts';

// What an upstream may do wrong: the client side of the codec against a server on bare sockets.

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function connect(
  serve: (raw: Http2Peer) => void,
  start?: Buffer,
  options: Partial<Http2ClientOptions> = {},
): Promise<{ client: Http2Client; raw: () => Http2Peer }> {
  const server = await serveHttp2Peer(serve, start);
  closers.push(() => server.close());
  const client = new Http2Client(server.port, options);
  closers.push(() => client.close());
  await vi.waitFor(() => expect(server.connections).toHaveLength(1));
  return { client, raw: () => server.connections[0]! };
}

/** Sends `parts` when the first request has come. */
function onRequest(...parts: Buffer[]): (raw: Http2Peer) => void {
  return (raw) => void raw.frame(h2.FrameType.headers, 1).then(() => raw.send(...parts));
}

const status = (code: string, ...fields: [string, string][]): [string, string][] => [[':status', code], ...fields];

/** The stream fails, and the connection lives on. */
async function failed(parts: Buffer[], result: string, head: Parameters<Http2Client['open']>[0] = {}): Promise<Answer> {
  const { client, raw } = await connect(onRequest(...parts));
  const answer = client.open(head);
  expect(await answer.done).toBe(result);
  expect(await raw().reset(1)).toBeGreaterThan(0);
  const next = client.open();
  await raw().frame(h2.FrameType.headers, 3);
  raw().send(h2.headers(3, status('204')));
  expect(await next.done).toBe('end');
  expect(client.codec.activeStreams).toBe(0);
  return answer;
}

async function expectFailed(...args: Parameters<typeof failed>): Promise<void> {
  await failed(...args);
}

/** The connection ends, and is told so once. */
async function expectEnded(serve: (raw: Http2Peer) => void, reason: string, code: number): Promise<void> {
  const { client, raw } = await connect(serve);
  const answer = client.open();
  expect(await answer.done).toMatch(/^(protocol-error|remote-reset|refused)/);
  expect(client.events.filter((event) => event.startsWith('closed'))).toEqual([`closed ${reason}`]);
  expect(client.codec.capacity).toBe(0);
  expect(await raw().goAway()).toBe(code);
}

test('UP-06: five informational responses pass, the sixth fails the stream', async () => {
  const answer = await failed(
    Array.from({ length: 200 }, () => h2.headers(1, status('103'), false)),
    'protocol-error h2.too-many-informational',
  );
  expect(answer.informational).toHaveLength(5);
});
test('UP-06: an informational response that ends the stream fails it', () =>
  expectFailed([h2.headers(1, status('100'))], 'protocol-error h2.informational-end'));
test('UP-07: 101 fails the stream', () =>
  expectFailed([h2.headers(1, status('101'), false)], 'protocol-error h2.bad-status'));
test.each(['99', '999', '0', '1000', '2x0', ''])('UP-08: status %j fails the stream', (code) =>
  expectFailed([h2.headers(1, status(code))], 'protocol-error h2.bad-status'),
);
test('UP-08: no status fails the stream', () =>
  expectFailed([h2.headers(1, [['x', 'y']])], 'protocol-error h2.missing-pseudo-field'));
test.each([
  ['204', 'GET'],
  ['304', 'GET'],
  ['200', 'HEAD'],
])('UP-09: %s to %s with a body fails the stream', async (code, method) => {
  const answer = await failed(
    [h2.headers(1, status(code), false), h2.data(1, 'body', true)],
    'protocol-error h2.content-length-mismatch',
    { method },
  );
  expect(answer.body).toBe('');
});
test.each([
  ['more', '3'],
  ['less', '9'],
])('UP-02: a body of %s than its content-length fails the stream', (_, length) =>
  expectFailed(
    [h2.headers(1, status('200', ['content-length', length]), false), h2.data(1, 'hello', true)],
    'protocol-error h2.content-length-mismatch',
  ),
);
test('UP-02: two content-lengths, or one that is no number, fail the stream', async () => {
  await expectFailed(
    [h2.headers(1, status('200', ['content-length', '1'], ['content-length', '1']))],
    'protocol-error h2.duplicate-content-length',
  );
  await expectFailed(
    [h2.headers(1, status('200', ['content-length', '+1']))],
    'protocol-error h2.content-length-mismatch',
  );
});
test('UP-05: an end of the connection before the end of the body is a reset', async () => {
  const { client, raw } = await connect(onRequest(h2.headers(1, status('200'), false), h2.data(1, 'half')));
  const answer = client.open();
  await vi.waitFor(() => expect(answer.body).toBe('half'));
  raw().socket.end();
  expect(await answer.done).toBe('remote-reset h2.connection-closed');
  expect(client.events).toEqual(['stream-end', 'stream-end', 'closed h2.connection-closed']);
});
test('UP-10: 101 fields, or fields of 70 KB, fail the stream', async () => {
  const many = Array.from({ length: 101 }, (_, i): [string, string] => [`x-${i}`, 'y']);
  await expectFailed([h2.headers(1, status('200', ...many))], 'protocol-error h2.too-many-fields');
  const large = Array.from({ length: 10 }, (_, i): [string, string] => [`x-${i}`, 'v'.repeat(7_000)]);
  await expectFailed([h2.headers(1, status('200', ...large))], 'protocol-error h2.headers-too-large');
});
test('UP-10: fields of 1 MiB end the connection', () =>
  expectEnded(
    onRequest(h2.headers(1, Buffer.alloc(1_048_576))),
    'h2.too-many-continuations',
    ErrorCode.enhanceYourCalm,
  ));
test.each([
  ['a line end in a value', ['x', 'a\r\nb'], 'h2.bad-field-value'],
  ['connection', ['connection', 'close'], 'h2.connection-field'],
  ['transfer-encoding', ['transfer-encoding', 'chunked'], 'h2.connection-field'],
] as const)('UP-12: %s fails the stream', (_, field, reason) =>
  expectFailed([h2.headers(1, status('200', [...field]))], `protocol-error ${reason}`),
);
test('UP-12: 101 Set-Cookie fields fail the stream', async () => {
  const cookies = Array.from({ length: 101 }, (): [string, string] => ['set-cookie', 'a=b']);
  await expectFailed([h2.headers(1, status('200', ...cookies))], 'protocol-error h2.too-many-fields');
});

test('UP-13: ORIGIN and ALTSVC are passed over; a flood of them ends the connection', async () => {
  const { client, raw } = await connect((server) => server.send(h2.frame(0xc, 0, 0, 'x'), h2.frame(0xa, 0, 0, 'y')));
  const answer = client.open();
  await vi.waitFor(() => expect(raw().of(h2.FrameType.headers)).toHaveLength(1));
  raw().send(...new Array<Buffer>(1_000).fill(h2.frame(0xc, 0, 0, 'x')));
  expect(await answer.done).toBe('protocol-error h2.too-many-idle-frames');
  expect(await raw().goAway()).toBe(ErrorCode.enhanceYourCalm);
});
test('UP-13: PUSH_PROMISE ends the connection', () =>
  expectEnded(
    onRequest(
      h2.frame(
        h2.FrameType.pushPromise,
        h2.Flag.endHeaders,
        1,
        Buffer.concat([Buffer.from([0, 0, 0, 2]), h2.block(h2.get)]),
      ),
    ),
    'h2.push-promise',
    ErrorCode.protocolError,
  ));
test('UP-13: ENABLE_PUSH of a server ends the connection', () =>
  expectEnded((raw) => raw.send(h2.settings([2, 1])), 'h2.bad-settings', ErrorCode.protocolError));
test('UP-13: a server that starts with another frame ends the connection', async () => {
  const { client, raw } = await connect(() => {}, h2.ping());
  expect(await raw().goAway()).toBe(ErrorCode.protocolError);
  expect(client.events).toEqual(['closed h2.bad-preface']);
});
test('UP-13: GOAWAY over and over ends the connection', async () => {
  const { client, raw } = await connect(onRequest(...new Array<Buffer>(1_000).fill(h2.goAway(1, 0))));
  expect(await client.open().done).toBe('protocol-error h2.too-many-control-frames');
  expect(client.events.filter((event) => event === 'go-away')).toHaveLength(1);
  await raw().goAway();
});
test('UP-13: where no streams are allowed there is no capacity, until they are', async () => {
  const { client, raw } = await connect(() => {}, h2.settings([3, 0]));
  await vi.waitFor(() => expect(client.codec.ready).toBe(true));
  expect(client.codec.capacity).toBe(0);
  expect(await client.open().done).toBe('refused h2.no-capacity');
  raw().send(h2.settings([3, 7]));
  await vi.waitFor(() => expect(client.codec.capacity).toBe(7));
  expect(client.events).toEqual(['stream-end']);
});
test('UP-13: a window that never opens holds one stream, and no other', async () => {
  const { client, raw } = await connect(() => {}, h2.settings([4, 0]));
  await vi.waitFor(() => expect(client.codec.ready).toBe(true));
  const upload = client.open({ method: 'POST' }, Buffer.alloc(100));
  const other = client.open();
  await raw().frame(h2.FrameType.headers, 3);
  expect(raw().of(h2.FrameType.data)).toHaveLength(0);
  raw().send(h2.headers(3, status('204')));
  expect(await other.done).toBe('end');
  raw().send(h2.windowUpdate(1, 100));
  await raw().frame(h2.FrameType.data, 1);
  raw().send(h2.headers(1, status('204')));
  expect(await upload.done).toBe('end');
});

test('H2-33: streams above the last one of GOAWAY are refused, the others go on, and then the connection ends', async () => {
  const { client, raw } = await connect(() => {});
  const answers = [client.open(), client.open(), client.open()];
  await raw().frame(h2.FrameType.headers, 5);
  raw().send(h2.goAway(3, 0));
  expect(await answers[2]!.done).toBe('refused h2.go-away');
  expect(client.codec.capacity).toBe(0);
  expect(client.events).toEqual(['stream-end', 'stream-end', 'go-away']);
  raw().send(h2.headers(1, status('204')), h2.headers(3, status('204')));
  expect(await answers[0]!.done).toBe('end');
  expect(await answers[1]!.done).toBe('end');
  await vi.waitFor(() => expect(client.events.at(-1)).toBe('closed h2.go-away'));
});
test('H2-33: of a graceful GOAWAY in two steps only the second refuses', async () => {
  const { client, raw } = await connect(() => {});
  const answers = [client.open(), client.open()];
  await raw().frame(h2.FrameType.headers, 3);
  raw().send(h2.goAway(0x7fff_ffff, 0));
  await vi.waitFor(() => expect(client.events).toContain('go-away'));
  expect(answers.map(({ result }) => result)).toEqual(['', '']);
  raw().send(h2.goAway(1, 0), h2.headers(1, status('204')));
  expect(await answers[1]!.done).toBe('refused h2.go-away');
  expect(await answers[0]!.done).toBe('end');
});
test('H2-33: REFUSED_STREAM is refused, other codes are not', async () => {
  const { client, raw } = await connect(() => {});
  const answers = [client.open(), client.open()];
  await raw().frame(h2.FrameType.headers, 3);
  raw().send(h2.rstStream(1, ErrorCode.refusedStream), h2.rstStream(3, ErrorCode.internalError));
  expect(await answers[0]!.done).toBe('refused h2.reset-refused-stream');
  expect(await answers[1]!.done).toBe('remote-reset h2.reset-internal-error');
});
test('a response that ends before its request stops the request', async () => {
  const { client, raw } = await connect(
    onRequest(h2.headers(1, status('200'), true), h2.rstStream(1, ErrorCode.noError)),
  );
  const answer = client.open({ method: 'POST' }, undefined);
  void answer;
  const streaming = client.open({ method: 'GET' });
  expect(await answer.done).toBe('end');
  raw().send(h2.headers(3, status('200'), true));
  expect(await streaming.done).toBe('end');
  expect(client.codec.activeStreams).toBe(0);
});
test('L-41: an upstream that answers no PING is given up', async () => {
  const { client } = await connect(() => {}, undefined, { keepAlive: { intervalMs: 60, timeoutMs: 60 } });
  expect(await client.open().done).toBe('remote-reset h2.keep-alive-timeout');
  expect(client.events.at(-1)).toBe('closed h2.keep-alive-timeout');
});
test('a drain lets running streams end, and then the connection', async () => {
  const { client, raw } = await connect(() => {});
  const answer = client.open();
  await raw().frame(h2.FrameType.headers, 1);
  client.codec.drain();
  expect(client.codec.capacity).toBe(0);
  raw().send(h2.headers(1, status('204')));
  expect(await answer.done).toBe('end');
  expect(client.events.at(-1)).toBe('closed h2.drained');
  expect(await raw().goAway()).toBe(ErrorCode.noError);
});

test('a whole response that its receiver has not taken outlives the connection', async () => {
  const { client, raw } = await connect(() => {});
  const answer = client.open();
  answer.writer?.pauseReading();
  await raw().frame(h2.FrameType.headers, 1);
  raw().send(h2.headers(1, status('200'), false), h2.data(1, 'whole', true), h2.goAway(1, 0));
  raw().socket.end();
  await vi.waitFor(() => expect(client.events.some((event) => event.startsWith('closed'))).toBe(true));
  expect([answer.result, answer.body]).toEqual(['', '']);
  answer.writer?.resumeReading();
  expect(await answer.done).toBe('end');
  expect(answer.body).toBe('whole');
});
