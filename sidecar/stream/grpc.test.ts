import { expect, onTestFinished, test } from 'vitest';
import { closedPort, cluster, request, retryOnce, type SeenResponse, TestProxy } from '../../test/harness/data-path.ts';
import { answer, type ScriptedAnswer, scriptedUpstream } from '../../test/harness/scripted-upstream.ts';
import { StaticProxy } from '../../test/harness/static-proxy.ts';
import type { ForwardAction, RetryPolicy } from '../route/route-table.ts';
import { grpcFromHttp, grpcMessage, httpFromGrpc } from './grpc-status.ts';

const call = { method: 'POST', headers: { 'content-type': 'application/grpc', te: 'trailers' }, body: '\0\0\0\0\0' };
const trailersOnly = (code: number, lines: string[] = []) =>
  answer(200, ['content-type: application/grpc', `grpc-status: ${code}`, ...lines]);
const withTrailers = (code: number) =>
  'HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ntransfer-encoding: chunked\r\ntrailer: grpc-status\r\n\r\n' +
  `5\r\n\0\0\0\0\0\r\n0\r\ngrpc-status: ${code}\r\n\r\n`;

async function startProxy(answers: readonly ScriptedAnswer[], action: Partial<ForwardAction> = {}) {
  const up = await scriptedUpstream(answers);
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [up.port]));
  const port = await under.listen('app', { action });
  const send = (options = {}): Promise<SeenResponse> => under.pump(request(port, '/p.S/M', { ...call, ...options }));
  return { up, under, port, send };
}

test('an error of ours answers a gRPC request in trailers alone', async () => {
  const { under, send } = await startProxy([]);
  under.proxy.setCluster(cluster('app', [await closedPort()]));
  const response = await send();
  expect(response).toMatchObject({
    status: 200,
    body: '',
    headers: {
      'content-type': 'application/grpc',
      'grpc-status': '14',
      'grpc-message': expect.stringContaining('no connection to app.default'),
      'x-heddle-reason': expect.stringMatching(/^connect-refused/),
    },
  });
  expect(under.observer.streams[0]).toMatchObject({ status: 200, grpcStatus: 14, reason: 'connect-refused' });
});

test.each<[Partial<ForwardAction>, Record<string, string>, string, string]>([
  [{}, {}, '4', 'request-timeout'],
  [{ timeoutMs: 0 }, { 'grpc-timeout': '1S' }, '4', 'deadline-exceeded'],
  [{ timeoutMs: 0 }, { 'grpc-timeout': '0m' }, '4', 'deadline-exceeded'],
  [
    { timeoutMs: 0, streamDuration: { maxMs: undefined, grpcMaxMs: 500, grpcOffsetMs: 0 } },
    { 'grpc-timeout': '1H' },
    '4',
    'deadline-exceeded',
  ],
  [{ timeoutMs: 0, idleTimeoutMs: 1_000 }, {}, '14', 'stream-idle'],
])('RS-17: with %o and %o the call ends with %s, %s', async (action, headers, status, reason) => {
  const { send } = await startProxy(['silence'], action);
  expect((await send({ headers: { ...call.headers, ...headers } })).headers).toMatchObject({
    'grpc-status': status,
    'x-heddle-reason': expect.stringMatching(new RegExp(`^${reason}`)),
  });
});

test('a route that is not there is UNIMPLEMENTED to a gRPC client', async () => {
  const { under, port } = await startProxy([]);
  under.proxy.setRouteTable({ name: 'none', virtualHosts: [] });
  const empty = await under.listen('app', { name: 'none', routes: 'none' });
  expect(port).not.toBe(empty);
  expect((await under.pump(request(empty, '/', call))).headers['grpc-status']).toBe('12');
});

test('the status in a head or in trailers is told to the log', async () => {
  const { under, send } = await startProxy([trailersOnly(5), withTrailers(0), withTrailers(13)]);
  for (let i = 0; i < 3; i++) expect((await send()).status).toBe(200);
  expect(under.observer.streams.map(({ grpcStatus }) => grpcStatus)).toEqual([5, 0, 13]);
});

test('an upstream that answers in anything but gRPC is told to the client in gRPC', async () => {
  const { under, send } = await startProxy([
    answer(503, ['content-type: text/html'], '<h1>busy</h1>'),
    answer(200, ['content-type: text/html'], '<h1>hello</h1>'),
    answer(401),
    answer(200, [], ''),
  ]);
  const statuses: unknown[] = [];
  for (let i = 0; i < 4; i++) {
    const { status, headers, body } = await send();
    expect({ status, body }).toEqual({ status: 200, body: '' });
    expect(headers['x-heddle-reason']).toMatch(/^upstream-not-grpc/);
    statuses.push(headers['grpc-status']);
  }
  expect(statuses).toEqual(['14', '2', '16', '2']);
  expect(under.observer.streams[0]).toMatchObject({ grpcStatus: 14, reason: 'upstream-not-grpc' });
  expect(under.proxy.describe().clusters[0]).toMatchObject({ activeRequests: 0 });
});

test('gRPC-Web is not gRPC', async () => {
  const { send } = await startProxy([answer(200, ['content-type: text/html'], 'x')]);
  expect(await send({ headers: { 'content-type': 'application/grpc-web+proto' } })).toMatchObject({ body: 'x' });
});

const retryOn = (word: string): Partial<ForwardAction> => ({
  retry: { ...retryOnce, on: new Set([word]) as RetryPolicy['on'] },
});

test.each<[string, number]>([
  ['cancelled', 1],
  ['deadline-exceeded', 4],
  ['resource-exhausted', 8],
  ['internal', 13],
  ['unavailable', 14],
])('retry_on %s tries a call again that was answered with %i and no message', async (word, code) => {
  const { up, send } = await startProxy([trailersOnly(code), trailersOnly(0)], retryOn(word));
  expect((await send()).headers['grpc-status']).toBe('0');
  expect(up.seen).toHaveLength(2);
  const others = await startProxy([trailersOnly(code === 1 ? 2 : 1), trailersOnly(0)], retryOn(word));
  await others.send();
  expect(others.up.seen).toHaveLength(1);
});

test('a call that was answered with a message is not tried again', async () => {
  const { up, send } = await startProxy([withTrailers(14), trailersOnly(0)], retryOn('unavailable'));
  await send();
  expect(up.seen).toHaveLength(1);
});

test('RS-05: grpc-retry-pushback-ms says when, or never', async () => {
  const { up, send, under } = await startProxy(
    [trailersOnly(14, ['grpc-retry-pushback-ms: 2000']), trailersOnly(0)],
    retryOn('unavailable'),
  );
  const began = under.clock.now();
  expect((await send()).headers['grpc-status']).toBe('0');
  expect(under.clock.now() - began).toBeGreaterThanOrEqual(2_000);
  expect(up.seen).toHaveLength(2);
  for (const never of ['-1', 'later']) {
    const refusing = await startProxy(
      [trailersOnly(14, [`grpc-retry-pushback-ms: ${never}`]), trailersOnly(0)],
      retryOn('unavailable'),
    );
    expect((await refusing.send()).headers['grpc-status']).toBe('14');
    expect(refusing.up.seen).toHaveLength(1);
  }
});

test('the gRPC status says whether an endpoint failed', async () => {
  const bad = await scriptedUpstream([trailersOnly(14)]);
  const good = await scriptedUpstream([trailersOnly(3)]);
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [bad.port, good.port]));
  const port = await under.listen('app');
  for (let i = 0; i < 12; i++) await under.pump(request(port, '/', call));
  expect(under.proxy.describe().clusters[0]?.endpoints).toMatchObject([{ failures: 5 }, { failures: 0 }]);
});

test('statuses map as gRPC says', () => {
  expect([400, 401, 403, 404, 429, 502, 503, 504, 200, 418, 500].map(grpcFromHttp)).toEqual([
    13, 16, 7, 12, 14, 14, 14, 14, 2, 2, 2,
  ]);
  expect([0, 4, 8, 14, 16, 99].map(httpFromGrpc)).toEqual([200, 504, 429, 503, 401, 500]);
  expect(grpcMessage('50% caf\u00e9\n')).toBe('50%25 caf%C3%A9%0A');
});

test('a gRPC status is a label of the metrics', async () => {
  const up = await scriptedUpstream([trailersOnly(14)]);
  const proxy = await StaticProxy.start({ upstreams: [up.port], direction: 'outbound' });
  onTestFinished(() => proxy.close());
  expect((await request(proxy.port, '/p.S/M', call)).headers['grpc-status']).toBe('14');
  const labels = { request_protocol: 'grpc', grpc_response_status: '14', response_code: '200' };
  expect(await proxy.metric('heddle_requests_total', labels)).toBe(1);
});
