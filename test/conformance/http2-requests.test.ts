import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FieldSection, SectionKind } from '../../sidecar/http2/field-section.ts';
import { HpackDecoder } from '../../sidecar/http2/hpack-decoder.ts';
import { responseLimits } from '../../sidecar/http2/limits.ts';
import { ErrorCode } from '../../sidecar/http2/protocol.ts';
import { Http2Server, responseHead } from '../harness/http2-codec.ts';
import * as h2 from '../harness/http2-frames.ts';
import { Http2Peer } from '../harness/http2-peer.ts';

// Requests that are malformed, hostile, or that two parties could read differently: the codec at the edge, on a socket.

let server: Http2Server;
let client: Http2Peer;

beforeEach(async () => {
  server = await Http2Server.start(
    ({ ended, writer, resets }) => {
      if (!ended || resets.length > 0) return;
      writer.head(responseHead(200, {}, 2), false);
      writer.data(Buffer.from('ok'), true);
    },
    { edge: true, allowConnect: false },
  );
  client = Http2Peer.connect(server.port);
});
afterEach(async () => {
  client.destroy();
  await server.close();
});

type Field = readonly [string, string];

/** The next client on the same connection is served. */
async function expectServed(stream: number): Promise<void> {
  client.send(h2.headers(stream, h2.get));
  await client.frame(h2.FrameType.data, stream);
  expect(server.asked.at(-1)?.head).toMatchObject({ method: 'GET', path: '/', authority: 'a.test' });
}

/** The stream is reset, nothing of it goes on, and the connection lives. */
async function expectReset(
  fields: readonly Field[],
  reason: string,
  code: number = ErrorCode.protocolError,
): Promise<void> {
  client.send(h2.headers(1, fields));
  expect(await client.reset(1)).toBe(code);
  expect(server.asked).toHaveLength(0);
  expect(server.refused).toEqual([`0 ${reason}`]);
  await expectServed(3);
}

async function statusOf(stream: number): Promise<{ status: string; reason: string | undefined }> {
  const { payload } = await client.frame(h2.FrameType.headers, stream);
  const section = new FieldSection(responseLimits, 'allow', undefined);
  const decoder = new HpackDecoder(4_096);
  section.begin(SectionKind.response);
  decoder.decode(payload, 0, payload.length, section);
  return { status: section.status, reason: section.headers.get('x-heddle-reason') };
}

/** The stream is answered with a status and the reason, nothing of it goes on, and the connection lives. */
async function expectStatus(fields: readonly Field[], status: number, reason: string): Promise<void> {
  client.send(h2.headers(1, fields));
  expect(await statusOf(1)).toEqual({ status: String(status), reason });
  expect(server.asked).toHaveLength(0);
  expect(server.refused).toEqual([`${status} ${reason}`]);
  await expectServed(3);
}

const withField = (name: string, value: string): Field[] => [...h2.get, [name, value]];
const withChange = (changes: Record<string, string | undefined>) => h2.changed(h2.get, changes);

test.each([
  ['Upper', 'x', 'h2.bad-field-name'],
  ['connection', 'close', 'h2.connection-field'],
  ['keep-alive', 'timeout=5', 'h2.connection-field'],
  ['proxy-connection', 'close', 'h2.connection-field'],
  ['upgrade', 'h2c', 'h2.connection-field'],
  ['transfer-encoding', 'chunked', 'h2.connection-field'],
  ['te', 'gzip', 'h2.connection-field'],
  ['te', 'trailers, gzip', 'h2.connection-field'],
])('H2-01: %s: %s resets the stream', (name, value, reason) => expectReset(withField(name, value), reason));

test.each([
  ['a', 'b\rc', 'h2.bad-field-value'],
  ['a', 'b\nc', 'h2.bad-field-value'],
  ['a', 'b\0c', 'h2.bad-field-value'],
  ['a', ' b', 'h2.bad-field-value'],
  ['a', 'b ', 'h2.bad-field-value'],
  ['a b', 'c', 'h2.bad-field-name'],
  ['a:b', 'c', 'h2.bad-field-name'],
  ['', 'c', 'h2.bad-field-name'],
  ['a\x80', 'c', 'h2.bad-field-name'],
])('H2-02: field %j with value %j resets the stream', (name, value, reason) =>
  expectReset(withField(name, value), reason),
);

test.each([
  ['', 'h2.missing-pseudo-field'],
  ['/\r\nx', 'h2.bad-field-value'],
])('H2-03: :path %j resets the stream', (path, reason) => expectReset(withChange({ ':path': path }), reason));
test.each([
  ['a', 'h2.bad-target'],
  ['/a b', 'h2.bad-target-byte'],
  ['*', 'h2.bad-target'],
  ['http://b.test/', 'h2.bad-target'],
])('H2-03: :path %j is answered with 400', (path, reason) => expectStatus(withChange({ ':path': path }), 400, reason));

test.each([
  ['/a#b', 'h2.bad-target-byte'],
  ['/a\\b', 'h2.backslash-in-path'],
  ['/a;b/../c', 'h2.semicolon-in-path'],
  ['/../a', 'h2.path-above-root'],
  ['/a//b', 'h2.empty-path-segment'],
  ['/a%2fb', 'h2.encoded-slash'],
  ['/\xe9', 'h2.bad-target-byte'],
])('H2-04: :path %j is answered with 400', (path, reason) => expectStatus(withChange({ ':path': path }), 400, reason));
test('H2-04: dot segments that stay inside are resolved, as for HTTP/1', async () => {
  client.send(h2.headers(1, withChange({ ':path': '/a/./b/%2e%2e/c?d' })));
  await client.frame(h2.FrameType.data, 1);
  expect(server.asked[0]?.head.path).toBe('/a/c?d');
});
test('H2-04: a :path of 9 KiB is answered with 414', () =>
  expectStatus(withChange({ ':path': `/${'a'.repeat(8_200)}` }), 414, 'h2.path-too-long'));

test('H2-05: :method in lower case is answered with 501', () =>
  expectStatus(withChange({ ':method': 'get' }), 501, 'h2.unknown-method'));
test('H2-05: :method with a space is answered with 400', () =>
  expectStatus(withChange({ ':method': 'GET /' }), 400, 'h2.bad-method'));
test('H2-05: TRACE is answered with 405', () =>
  expectStatus(withChange({ ':method': 'TRACE' }), 405, 'h2.method-not-allowed'));

test('H2-06: :scheme in upper case is normalised', async () => {
  client.send(h2.headers(1, withChange({ ':scheme': 'HTTP' })));
  await client.frame(h2.FrameType.data, 1);
  expect(server.asked[0]?.head.scheme).toBe('http');
});
test('H2-06: a :scheme that is not that of the connection is not believed', async () => {
  client.send(h2.headers(1, withChange({ ':scheme': 'https' })));
  await client.frame(h2.FrameType.data, 1);
  expect(server.asked[0]?.head.scheme).toBe('http');
});
test('H2-06: another :scheme is answered with 400', () =>
  expectStatus(withChange({ ':scheme': 'ftp' }), 400, 'h2.bad-scheme'));

test.each(['u@a.test', 'a.test:99999', 'a.test:', 'a,b', 'a/b', '', '[fe80::1%25a]'])(
  'H2-07: :authority %j is answered with 400',
  (authority) => expectStatus(withChange({ ':authority': authority }), 400, 'h2.bad-authority'),
);

test('H2-08: host that differs from :authority is answered with 400', () =>
  expectStatus(withField('host', 'b.test'), 400, 'h2.host-mismatch'));
test('H2-08: two hosts are answered with 400', () =>
  expectStatus([...h2.get, ['host', 'a.test'], ['host', 'a.test']], 400, 'h2.duplicate-host'));

test('H2-09: host stands in for :authority, in canonical form', async () => {
  client.send(h2.headers(1, [...withChange({ ':authority': undefined }), ['host', 'B.Test.']]));
  await client.frame(h2.FrameType.data, 1);
  expect(server.asked[0]?.head.authority).toBe('b.test');
  expect(server.asked[0]?.head.headers.has('host')).toBe(false);
});
test('H2-09: neither is answered with 400', () =>
  expectStatus(withChange({ ':authority': undefined }), 400, 'h2.missing-authority'));

test.each([
  ['repeated', withField(':path', '/b'), 'h2.repeated-pseudo-field'],
  ['unknown', [[':foo', 'x'], ...h2.get] as Field[], 'h2.bad-field-name'],
  ['that of a response', [[':status', '200'], ...h2.get] as Field[], 'h2.unexpected-pseudo-field'],
  ['late', [['a', 'b'], ...h2.get] as Field[], 'h2.late-pseudo-field'],
  ['missing', withChange({ ':scheme': undefined }), 'h2.missing-pseudo-field'],
])('H2-10: a pseudo-header field that is %s resets the stream', (_, fields, reason) => expectReset(fields, reason));
test('H2-10: pseudo-header fields in trailers reset the stream', async () => {
  client.send(h2.headers(1, h2.post, false), h2.data(1, 'x'), h2.headers(1, [[':path', '/']]));
  expect(await client.reset(1)).toBe(ErrorCode.protocolError);
  expect(server.asked[0]?.resets).toEqual(['protocol-error h2.unexpected-pseudo-field']);
});

test.each([
  ['more data', '3', 'hello'],
  ['less data', '9', 'hello'],
])('H2-11: content-length with %s resets the stream', async (_, length, body) => {
  client.send(h2.headers(1, [...h2.post, ['content-length', length]], false), h2.data(1, body, true));
  expect(await client.reset(1)).toBe(ErrorCode.protocolError);
  expect(server.asked[0]?.ended).toBe(false);
  expect(server.asked[0]?.resets).toEqual(['protocol-error h2.content-length-mismatch']);
});
test.each(['5', '+1', '0x5', '1,1', '05'])(
  'H2-11: content-length %s on a head that ends the stream resets it',
  (length) => expectReset([...h2.post, ['content-length', length]], 'h2.content-length-mismatch'),
);
test('H2-11: two content-lengths reset the stream', () =>
  expectReset([...h2.post, ['content-length', '0'], ['content-length', '0']], 'h2.duplicate-content-length'));
test('H2-11: trailers before the announced length reset the stream', async () => {
  client.send(
    h2.headers(1, [...h2.post, ['content-length', '5']], false),
    h2.data(1, 'abc'),
    h2.headers(1, [['x', 'y']]),
  );
  expect(await client.reset(1)).toBe(ErrorCode.protocolError);
});

test('H2-12: trailers without END_STREAM reset the stream', async () => {
  client.send(h2.headers(1, h2.post, false), h2.data(1, 'x'), h2.headers(1, [['x', 'y']], false));
  expect(await client.reset(1)).toBe(ErrorCode.protocolError);
  expect(server.asked[0]?.resets).toEqual(['protocol-error h2.trailers-without-end']);
});
test('H2-12: trailers with END_STREAM are delivered, without what may not stand there', async () => {
  client.send(
    h2.headers(1, h2.post, false),
    h2.data(1, 'x'),
    h2.headers(1, [
      ['x', 'y'],
      ['authorization', 'z'],
      ['content-length', '1'],
    ]),
  );
  await client.frame(h2.FrameType.data, 1);
  expect(server.asked[0]?.trailers?.names).toEqual(['x']);
});

test('H2-14: 400 pieces of cookie become one field', async () => {
  const crumbs = Array.from({ length: 400 }, (_, i): Field => ['cookie', `c${i}=${i}`]);
  client.send(h2.headers(1, [...h2.get, ...crumbs]));
  await client.frame(h2.FrameType.data, 1);
  const { headers } = server.asked[0]!.head;
  expect(headers.getAll('cookie')).toEqual([crumbs.map(([, value]) => value).join('; ')]);
});
test('H2-14: cookies of more than 16 KiB are answered with 431', () =>
  expectStatus(
    [...h2.get, ...Array.from({ length: 3 }, (): Field => ['cookie', 'c'.repeat(6_000)])],
    431,
    'h2.field-too-large',
  ));

test('H2-17: a field of 9 KiB, 101 fields, and 17 KiB of fields are answered with 431', async () => {
  const many = (count: number, size: number) =>
    Array.from({ length: count }, (_, i): Field => [`x-${i}`, 'v'.repeat(size)]);
  for (const [i, [fields, reason]] of (
    [
      [[...h2.get, ['x', 'v'.repeat(9_000)]], 'h2.field-too-large'],
      [[...h2.get, ...many(101, 1)], 'h2.too-many-fields'],
      [[...h2.get, ...many(3, 5_400)], 'h2.headers-too-large'],
    ] as [Field[], string][]
  ).entries()) {
    const stream = 1 + 2 * i;
    client.send(h2.headers(stream, fields));
    await client.frame(h2.FrameType.headers, stream);
    expect(server.refused.at(-1)).toBe(`431 ${reason}`);
  }
  expect(server.asked).toHaveLength(0);
  await expectServed(7);
});
test('H2-17: 75 KB in HEADERS and four CONTINUATION are answered with 431', async () => {
  client.send(
    h2.headers(1, [...h2.get, ...Array.from({ length: 10 }, (_, i): Field => [`x-${i}`, 'v'.repeat(7_500)])]),
  );
  expect(await statusOf(1)).toEqual({ status: '431', reason: 'h2.headers-too-large' });
  await expectServed(3);
});

test('H2-30: CONNECT where it is off is answered with 405', () =>
  expectStatus(
    [
      [':method', 'CONNECT'],
      [':authority', 'a.test:443'],
    ],
    405,
    'h2.method-not-allowed',
  ));
test('H2-30: CONNECT with a path resets the stream', () =>
  expectReset([[':method', 'CONNECT'], ...h2.get.slice(1)], 'h2.bad-connect'));
test('H2-30: extended CONNECT where it is off resets the stream', () =>
  expectReset([[':method', 'CONNECT'], [':protocol', 'websocket'], ...h2.get.slice(1)], 'h2.unexpected-protocol'));

test('L-22: a name with an underscore is answered with 400 at the edge', () =>
  expectStatus(withField('x_user', 'a'), 400, 'h2.alias-field-name'));
test('L-24: eleven malformed messages end the connection', async () => {
  for (let i = 0; i < 11; i++) client.send(h2.headers(1 + 2 * i, withField('Upper', 'x')));
  expect(await client.goAway()).toBe(ErrorCode.enhanceYourCalm);
  expect(server.refused.at(-1)).toBe('0 h2.too-many-invalid-frames');
});

test('Expect other than 100-continue is answered with 417; 100-continue is passed on', async () => {
  client.send(h2.headers(1, [...h2.post, ['expect', 'magic']], false));
  expect(await statusOf(1)).toEqual({ status: '417', reason: 'h2.bad-expect' });
  client.send(h2.headers(3, [...h2.post, ['expect', '100-continue']], false));
  await vi.waitFor(() => expect(server.asked).toHaveLength(1));
  expect(server.asked[0]?.head.expectContinue).toBe(true);
  server.asked[0]?.writer.informational(responseHead(100));
  await client.frame(h2.FrameType.headers, 3);
  client.send(h2.data(3, 'x', true));
  await client.frame(h2.FrameType.data, 3);
});
