import { expect, test } from 'vitest';
import {
  cluster,
  endpoint,
  httpListener,
  rawClient,
  request,
  retryOnce,
  TestProxy,
  until,
} from '../../test/harness/data-path.ts';
import { answer, scriptedUpstream } from '../../test/harness/scripted-upstream.ts';
import type { ForwardAction } from '../route/route-table.ts';
import { formatGrpcTimeout, longestTimeoutMs, parseGrpcTimeout, parseRequestTimeout } from './request-timeout.ts';

async function startProxy(first: Parameters<typeof scriptedUpstream>[0], action: Partial<ForwardAction> = {}) {
  const up = await scriptedUpstream(first);
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [up.port]));
  const port = await under.listen('app', { action });
  const send = (headers: Record<string, string>, options: Parameters<typeof request>[2] = {}) =>
    under.pump(request(port, '/', { headers, ...options }));
  return { up, under, port, send };
}

const sentTimeout = (text: string | undefined, name = 'x-request-timeout'): number =>
  Number(new RegExp(`\r\n${name}: (\\d+)m`).exec(text ?? '')?.[1]);

test.each<[string, number | undefined]>([
  ['1H', 3_600_000],
  ['2M', 120_000],
  ['3S', 3_000],
  ['4m', 4],
  ['5000u', 5],
  ['1n', 1e-6],
  ['0S', 0],
  ['99999999H', longestTimeoutMs],
  ['99999999999999999999999H', longestTimeoutMs],
  ['-1S', undefined],
  ['1', undefined],
  ['S', undefined],
  ['1.5S', undefined],
  ['', undefined],
])('P-22: the grpc-timeout %s is %s ms', (text, ms) => expect(parseGrpcTimeout(text)).toBe(ms));

test.each<[string, number | undefined]>([
  ['2', 2_000],
  ['1500ms', 1_500],
  ['0.25s', 250],
  ['2 s', 2_000],
  ['1m', 60_000],
  ['1h', 3_600_000],
  ['9999999999999999999h', longestTimeoutMs],
  ['-1', undefined],
  ['soon', undefined],
  ['1e9', undefined],
  ['Infinity', undefined],
])('RS-17: the x-request-timeout %s is %s ms', (text, ms) => expect(parseRequestTimeout(text)).toBe(ms));

test('P-22: a grpc-timeout is written in at most eight digits and never grows', () => {
  for (const ms of [0, 0.0004, 0.5, 1, 1.9, 999, 99_999_999, 100_000_000, longestTimeoutMs]) {
    const text = formatGrpcTimeout(ms);
    expect(text).toMatch(/^\d{1,8}[HMSmun]$/);
    expect(parseGrpcTimeout(text)).toBeLessThanOrEqual(ms);
  }
});

test('RS-17: the client\u2019s own time-out ends the request, and the message says whose it was', async () => {
  const { send, under } = await startProxy(['silence']);
  const began = under.clock.now();
  expect(await send({ 'x-request-timeout': '2' })).toMatchObject({
    status: 504,
    headers: { 'x-heddle-reason': expect.stringMatching(/^deadline-exceeded/) },
    body: expect.stringContaining('2000 ms that the client gave it in x-request-timeout'),
  });
  expect(under.clock.now() - began).toBeLessThan(3_000);
});

test('RS-17: what is left is told to the upstream, less at each hop and at each try', async () => {
  const up = await scriptedUpstream([answer(503), answer(503), answer(200, [], 'ok')]);
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [up.port]));
  const inner = await under.listen('app', { name: 'inner', direction: 'inbound' });
  under.proxy.setCluster(cluster('inner', [endpoint(inner)]));
  const backoff = { ...retryOnce, attempts: 2, backoffBaseMs: 900, backoffMaxMs: 1_000 };
  const outer = await under.listen('inner', { name: 'outer', action: { retry: backoff } });
  const sent = request(outer, '/', { headers: { 'x-request-timeout': '10', 'grpc-timeout': '20S' } });
  expect(await under.pump(sent)).toMatchObject({ status: 200 });
  const told = up.seen.map((text) => sentTimeout(text));
  expect(told).toHaveLength(3);
  expect(told[0]).toBeLessThanOrEqual(10_000);
  expect(told[1]).toBeLessThan(told[0] as number);
  expect(told[2]).toBeLessThan(told[1] as number);
  // The tighter of two counts for both fields.
  expect(sentTimeout(up.seen[2], 'grpc-timeout')).toBeLessThanOrEqual(told[2] as number);
  expect(up.seen[2]).toMatch(/x-envoy-expected-rq-timeout-ms: \d+\r\n/);
});

test('RS-17: a request whose time is over is answered at once and not sent', async () => {
  const { send, up } = await startProxy([answer(200)]);
  expect((await send({ 'x-request-timeout': '0' })).status).toBe(504);
  expect((await send({ 'x-request-timeout': '5', 'grpc-timeout': '0n' })).status).toBe(504);
  expect(up.seen).toEqual([]);
});

test('RS-17: a time-out that cannot be read is passed on and changes nothing', async () => {
  const { send, up } = await startProxy([answer(200)]);
  expect((await send({ 'x-request-timeout': 'soon' })).status).toBe(200);
  expect(up.seen[0]).toContain('x-request-timeout: soon');
});

test('RS-17: no retry is begun that the client would not wait for', async () => {
  const { send, up } = await startProxy([answer(503)], {
    retry: { ...retryOnce, backoffBaseMs: 100_000, backoffMaxMs: 100_000 },
  });
  expect((await send({ 'x-request-timeout': '50ms' })).status).toBe(503);
  expect(up.seen).toHaveLength(1);
});

test('max_stream_duration ends a response that never does, and the route\u2019s own goes before the chain\u2019s', async () => {
  const up = await scriptedUpstream(['HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: 1\n\n']);
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [up.port]));
  const open = async (streamDuration: ForwardAction['streamDuration'], name: string) => {
    const config = httpListener('app', { name, action: { streamDuration } });
    const chains = config.chains.map((chain) => ({
      ...chain,
      protocol: { ...chain.protocol, maxStreamDurationMs: 5_000 },
    }));
    const port = await under.proxy.setListener({ ...config, chains });
    const client = rawClient(port).send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    await client.see(/data: 1/);
    return client;
  };
  const byChain = await open(undefined, 'a');
  const byRoute = await open({ maxMs: 60_000, grpcMaxMs: undefined, grpcOffsetMs: 0 }, 'b');
  under.advance(6_000);
  await until(() => byChain.closed);
  expect(byRoute.closed).toBe(false);
  under.advance(60_000);
  await until(() => byRoute.closed);
  expect(under.observer.streams).toMatchObject([{ reason: 'max-stream-duration' }, { reason: 'max-stream-duration' }]);
});

test('stream_idle_timeout of the chain holds where the route says nothing', async () => {
  const up = await scriptedUpstream(['silence']);
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [up.port]));
  const config = httpListener('app', { action: { timeoutMs: 0 } });
  const chains = config.chains.map((chain) => ({
    ...chain,
    protocol: { ...chain.protocol, streamIdleTimeoutMs: 3_000 },
  }));
  const port = await under.proxy.setListener({ ...config, chains });
  expect(await under.pump(request(port, '/'))).toMatchObject({ status: 504, body: expect.stringContaining('3000 ms') });
});

test('a request for server-sent events waits for its first event as long as the idle time-out allows', async () => {
  const { under, port, up } = await startProxy(['silence'], { idleTimeoutMs: 100_000, retry: retryOnce });
  const client = rawClient(port).send('GET / HTTP/1.1\r\nhost: a\r\naccept: text/event-stream\r\n\r\n');
  await until(() => up.seen.length === 1);
  under.advance(20_000);
  expect(client.received).toBe('');
  under.advance(100_000);
  expect(await client.see(/\r\n\r\n/)).toMatch(/^HTTP\/1.1 504 [\s\S]*stream-idle/);
});

test('UP-11: an endless response of one byte a minute is ended by the request time-out', async () => {
  const { under, port } = await startProxy(['HTTP/1.1 200 OK\r\n\r\nx']);
  const client = rawClient(port).send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  await client.see(/x/);
  under.advance(16_000);
  await until(() => client.closed);
  expect(under.observer.streams[0]).toMatchObject({ status: 200, reason: 'request-timeout' });
});

test('an application may shorten the route\u2019s time-out by Envoy\u2019s header', async () => {
  const { send, under } = await startProxy(['silence']);
  const began = under.clock.now();
  expect((await send({ 'x-envoy-upstream-rq-timeout-ms': '700' })).headers['x-heddle-reason']).toMatch(
    /^request-timeout/,
  );
  expect(under.clock.now() - began).toBeLessThan(2_000);
});
