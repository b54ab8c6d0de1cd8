import { expect, test } from 'vitest';
import { ErrorCode } from '../../sidecar/http2/protocol.ts';
import * as h2 from '../harness/http2-frames.ts';
import { Http2Peer } from '../harness/http2-peer.ts';
import { until } from '../harness/process.ts';
import { canary, startBench } from './bench.ts';

// The same through whole proxies, with an HTTP/1 upstream behind them: whatever a client says in HTTP/2, nothing of it
// may become a second message, and what is refused is never seen.

const bench = startBench();
const admin = 'GET /admin HTTP/1.1\r\nHost: a.test\r\n\r\n';

type Field = readonly [string, string];

async function withClient(port: number, run: (client: Http2Peer) => Promise<void>): Promise<void> {
  const client = Http2Peer.connect(port);
  try {
    await run(client);
  } finally {
    client.destroy();
  }
}

const smuggled: Readonly<Record<string, { fields: readonly Field[]; body?: string }>> = {
  'H2.CL, the length too short': { fields: [...h2.post, ['content-length', '0']], body: admin },
  'H2.CL, the length too long': { fields: [...h2.post, ['content-length', '500']], body: admin },
  'H2.CL twice': {
    fields: [...h2.post, ['content-length', '0'], ['content-length', String(admin.length)]],
    body: admin,
  },
  'H2.TE': { fields: [...h2.post, ['transfer-encoding', 'chunked']], body: `0\r\n\r\n${admin}` },
  'H2.TE in a value': { fields: [...h2.post, ['x', 'y\r\ntransfer-encoding: chunked']], body: `0\r\n\r\n${admin}` },
  'H2.TE in a name': { fields: [...h2.post, ['x: y\r\ntransfer-encoding', 'chunked']], body: `0\r\n\r\n${admin}` },
  'a request in a value': { fields: [...h2.get, ['x', `y\r\n\r\n${admin}`]] },
  'a request in the path': { fields: h2.changed(h2.get, { ':path': `/ HTTP/1.1\r\nHost: a.test\r\n\r\n${admin}` }) },
  'a request in the method': { fields: h2.changed(h2.get, { ':method': `${admin}GET` }) },
  'a request in the authority': { fields: h2.changed(h2.get, { ':authority': `a.test\r\n\r\n${admin}` }) },
  'a request in the scheme': { fields: h2.changed(h2.get, { ':scheme': `http://a.test/ HTTP/1.1\r\n\r\n${admin}` }) },
  'a request line with spaces': { fields: h2.changed(h2.get, { ':path': '/admin HTTP/1.1 /' }) },
  'a bare LF in a value': { fields: [...h2.get, ['x', `y\n\n${admin}`]] },
  'upgrade to h2c': { fields: [...h2.get, ['connection', 'upgrade'], ['upgrade', 'h2c']] },
  'connection that names a field': { fields: [...h2.get, ['connection', 'x-forwarded-for']] },
};

test.each(Object.entries(smuggled))('H2-13: %s never becomes a request of its own', async (_, { fields, body }) => {
  for (const proxy of [bench.edge, bench.inbound]) {
    bench.upstream.clear();
    await withClient(proxy.port, async (client) => {
      client.send(h2.headers(1, fields, body === undefined));
      if (body !== undefined) client.send(h2.data(1, body, true));
      client.send(h2.ping());
      await client.frame(h2.FrameType.ping);
      await until(
        () => client.of(h2.FrameType.rstStream, 1).length + client.of(h2.FrameType.headers, 1).length > 0,
        'an answer',
        5_000,
        () => client.summary,
      );
    });
    expect(bench.upstream.requests.filter(({ target }) => target !== '/')).toEqual([]);
    await canary(bench, proxy);
  }
});

test('H2-13: what is refused is counted, and no byte of it reaches an upstream', async () => {
  bench.upstream.clear();
  await withClient(bench.edge.port, async (client) => {
    client.send(h2.headers(1, [...h2.get, ['x', 'a\r\nb']]));
    expect(await client.reset(1)).toBe(ErrorCode.protocolError);
    client.send(h2.headers(3, h2.changed(h2.get, { ':path': '/a\\b' })));
    await client.frame(h2.FrameType.data, 3);
  });
  expect(bench.upstream.requests).toEqual([]);
  expect(await bench.edge.metric('heddle_refused_total', { reason: 'h2.bad-field-value' })).toBeGreaterThan(0);
  expect(await bench.edge.metric('heddle_refused_total', { reason: 'h2.backslash-in-path' })).toBe(1);
});

test('H2-14: 400 pieces of cookie reach an HTTP/1 upstream as one field', async () => {
  bench.upstream.clear();
  const crumbs = Array.from({ length: 400 }, (_, i): Field => ['cookie', `c${i}=${i}`]);
  await withClient(bench.edge.port, async (client) => {
    client.send(h2.headers(1, [...h2.get, ...crumbs]));
    await client.frame(h2.FrameType.data, 1);
  });
  const cookies = bench.upstream.requests[0]!.fields.filter(([name]) => name.toLowerCase() === 'cookie');
  expect(cookies.map(([, value]) => value)).toEqual([crumbs.map(([, value]) => value).join('; ')]);
});

test('H2-21: of 20,000 requests that are reset at once few reach an upstream, and neighbours are served', async () => {
  bench.upstream.clear();
  await withClient(bench.edge.port, async (client) => {
    for (let i = 0; i < 20_000; i++) {
      client.send(h2.headers(1 + 2 * i, h2.get), h2.rstStream(1 + 2 * i, ErrorCode.cancel));
    }
    expect(await client.goAway()).toBe(ErrorCode.enhanceYourCalm);
    await canary(bench, bench.edge);
  });
  expect(bench.upstream.requests.length).toBeLessThanOrEqual(1_000);
});

test.each([
  ['PING', h2.ping()],
  ['PRIORITY', h2.priority(1)],
  [
    'CONTINUATION',
    Buffer.concat([h2.frame(h2.FrameType.headers, 0, 1), h2.frame(h2.FrameType.continuation, 0, 1, 'x')]),
  ],
])('H2-23: a flood of %s ends its connection, and neighbours are served', async (_, one) => {
  await withClient(bench.edge.port, async (client) => {
    client.send(...new Array<Buffer>(2_000).fill(one));
    await client.goAway();
    await canary(bench, bench.edge);
  });
});

const grpc: readonly Field[] = [...h2.post, ['content-type', 'application/grpc'], ['te', 'trailers']];
test.each([
  ['GET', h2.changed(grpc, { ':method': 'GET' }), undefined],
  ['no body', grpc, undefined],
  ['half a prefix', grpc, '\0\0'],
  ['bytes that no coding made', [...grpc, ['grpc-encoding', 'gzip']] as Field[], '\x01\0\0\0\x04abcd'],
  ['a coding that does not exist', [...grpc, ['grpc-encoding', '\xff']] as Field[], '\x01\0\0\0\x01a'],
  ['a time-out that is none', [...grpc, ['grpc-timeout', '99999999999999999999H']] as Field[], '\0\0\0\0\0'],
])('H2-35: a gRPC call begun with %s is answered, and neighbours are served', async (_, fields, body) => {
  await withClient(bench.edge.port, async (client) => {
    client.send(h2.headers(1, fields, body === undefined));
    if (body !== undefined) client.send(h2.data(1, body, true));
    await client.frame(h2.FrameType.headers, 1);
    await canary(bench, bench.edge);
  });
});
