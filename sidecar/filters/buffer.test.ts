import { expect, test } from 'vitest';
import {
  Buffer as BufferMessage,
  BufferPerRoute,
} from '../../proto/gen/envoy/extensions/filters/http/buffer/v3/buffer.ts';
import { cluster, httpServer, rawClient, request, route, TestProxy } from '../../test/harness/data-path.ts';
import { disabledHere, filterProblems, httpFilter, overrides, packed } from '../../test/harness/http-filters.ts';
import type { FilterOverrides } from '../http-filter-config.ts';

async function limited(maxRequestBytes: number, routeOverrides?: FilterOverrides) {
  const seen: { length: string | undefined; body: string }[] = [];
  const { port: upstream } = await httpServer(async (incoming, outgoing) => {
    let body = '';
    for await (const chunk of incoming) body += chunk;
    seen.push({ length: incoming.headers['content-length'], body });
    outgoing.end('served');
  });
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [upstream]));
  const port = await under.listen('app', {
    filters: [httpFilter('buffer', packed(BufferMessage, { maxRequestBytes }))],
    routes: [{ ...route('app'), ...(routeOverrides === undefined ? {} : { overrides: routeOverrides }) }],
  });
  return { port, seen, under };
}

test('L-05: a body goes on when it is complete, with its length', async () => {
  const { port, seen } = await limited(10);
  const client = rawClient(port);
  client.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
  client.send('2\r\nde\r\n0\r\n\r\n');
  expect((await client.response()).status).toBe(200);
  expect(seen).toEqual([{ length: '5', body: 'abcde' }]);
});

test('L-05: a body over the limit is answered 413, whether its length is told before or not', async () => {
  const { port, seen } = await limited(4);
  const told = await request(port, '/', { method: 'POST', body: 'abcde', headers: { 'content-length': '5' } });
  expect([told.status, told.headers['x-heddle-reason']]).toEqual([413, 'body-too-large; limit=4']);
  const client = rawClient(port);
  client.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n');
  expect((await client.response()).status).toBe(413);
  expect(seen).toEqual([]);
});

test('a client that waits for 100 Continue gets it where the body is waited for', async () => {
  const { port, seen } = await limited(10);
  const client = rawClient(port);
  client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n');
  expect((await client.response()).status).toBe(100);
  client.send('ok');
  expect((await client.response()).status).toBe(200);
  expect(seen).toEqual([{ length: '2', body: 'ok' }]);
});

test('a route may have another limit, or none', async () => {
  const wider = overrides({ buffer: packed(BufferPerRoute, { buffer: { maxRequestBytes: 100 } }) });
  const { port } = await limited(2, wider);
  expect((await request(port, '/', { method: 'POST', body: 'abcde' })).status).toBe(200);
  const { port: open } = await limited(2, overrides({ buffer: disabledHere }));
  expect((await request(open, '/', { method: 'POST', body: 'abcde' })).status).toBe(200);
});

test('a client that goes away in the middle leaves nothing behind', async () => {
  const { port, under } = await limited(10);
  const client = rawClient(port);
  client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab');
  await under.until(() => under.observer.started === 1);
  client.reset();
  await under.until(() => under.observer.streams.length === 1);
  expect(under.observer.streams[0]?.cluster).toBe('');
});

test('a filter without its limit is refused by path', () => {
  expect(filterProblems(packed(BufferMessage))).toEqual([
    'http_filters[0].typed_config.max_request_bytes: must be above 0',
  ]);
});
