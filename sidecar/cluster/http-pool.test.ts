import { expect, test } from 'vitest';
import { cluster, request, retryOnce, TestProxy, until } from '../../test/harness/data-path.ts';
import { FrameType, goAway, ping, rstStream } from '../../test/harness/http2-frames.ts';
import { okResponse, rawHttp2Server } from '../../test/harness/raw-http2.ts';
import { type AppResponse, send, startApp } from '../../test/harness/versions.ts';
import type { ClusterConfig } from './cluster-config.ts';
import { defaultUpstreamHttp } from './upstream-http.ts';

async function startProxy(port: number, more: Partial<ClusterConfig> = {}) {
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [port], { protocol: 'http2', ...more }));
  return { under, port: await under.listen('app') };
}

/** An application that keeps every request waiting until the test answers it. */
async function startWaitingApp() {
  const waiting: AppResponse[] = [];
  const app = await startApp('http2', (_request, response) => void waiting.push(response));
  return { app, waiting };
}

test('many requests share one HTTP/2 connection', async () => {
  const { app, waiting } = await startWaitingApp();
  const { port } = await startProxy(app.port);
  const answers = Promise.all(Array.from({ length: 20 }, () => request(port, '/')));
  await until(() => waiting.length === 20);
  for (const response of waiting) response.end('done');
  expect((await answers).every(({ status }) => status === 200)).toBe(true);
  expect(app.connections()).toBe(1);
});

test('a further connection is made only when all streams are taken', async () => {
  const { app, waiting } = await startWaitingApp();
  const http2 = { ...defaultUpstreamHttp.http2, maxConcurrentStreams: 2 };
  const { port } = await startProxy(app.port, { http: { ...defaultUpstreamHttp, http2 } });
  const answers = Promise.all(Array.from({ length: 5 }, () => request(port, '/')));
  await until(() => waiting.length === 5);
  expect(app.connections()).toBe(3);
  for (const response of waiting) response.end();
  await answers;
  waiting.length = 0;
  const last = request(port, '/');
  await until(() => waiting.length === 1);
  waiting[0]?.end();
  await last;
  expect(app.connections()).toBe(3);
});

test('LB-10: an endpoint gets no more connections than it may have, and requests wait for one of them', async () => {
  const { app, waiting } = await startWaitingApp();
  const http2 = { ...defaultUpstreamHttp.http2, maxConcurrentStreams: 1 };
  const breakers = { ...cluster('app', []).breakers, maxConnectionsPerHost: 2 };
  const { port, under } = await startProxy(app.port, { http: { ...defaultUpstreamHttp, http2 }, breakers });
  const answers = Promise.all(Array.from({ length: 4 }, () => request(port, '/')));
  await until(() => waiting.length === 2 && under.proxy.describe().clusters[0]?.pendingRequests === 2);
  for (let done = 0; done < 4; done++) {
    await until(() => waiting.length > done);
    waiting[done]?.end();
  }
  expect((await answers).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  expect(app.connections()).toBe(2);
});

test('a connection is replaced after the requests that it may carry', async () => {
  const app = await startApp('http2', (_request, response) => void response.end());
  const { port } = await startProxy(app.port, { http: { ...defaultUpstreamHttp, maxRequestsPerConnection: 2 } });
  for (let i = 0; i < 5; i++) expect((await request(port, '/')).status).toBe(200);
  expect(app.connections()).toBe(3);
});

test('a connection is replaced after its time', async () => {
  const app = await startApp('http2', (_request, response) => void response.end());
  const http = { ...defaultUpstreamHttp, maxConnectionDurationMs: 10_000 };
  const { port, under } = await startProxy(app.port, { http });
  await request(port, '/');
  under.advance(11_100);
  await request(port, '/');
  expect(app.connections()).toBe(2);
});

test('H2-33: streams above the last one of a GOAWAY are sent again elsewhere, exactly once', async () => {
  const seen: number[] = [];
  const upstream = await rawHttp2Server((frame, connection) => {
    if (frame.type !== FrameType.headers) return;
    seen.push(connection.index);
    if (connection.index === 0) connection.send(goAway(0, 0));
    else connection.send(okResponse(frame.stream));
  });
  const { port } = await startProxy(upstream);
  expect((await request(port, '/', { method: 'POST', body: 'once' })).status).toBe(200);
  expect(seen).toEqual([0, 1]);
});

test('H2-33: an endpoint that refuses every time is asked twice and no more', async () => {
  const seen: number[] = [];
  const upstream = await rawHttp2Server((frame, connection) => {
    if (frame.type !== FrameType.headers) return;
    seen.push(connection.index);
    connection.send(goAway(0, 0));
  });
  const { port } = await startProxy(upstream);
  expect((await request(port, '/')).status).toBe(503);
  expect(seen).toEqual([0, 1]);
});

test('a stream that a GOAWAY does not concern runs on, and new ones take another connection', async () => {
  const streams: [number, number][] = [];
  let finish = () => {};
  const upstream = await rawHttp2Server((frame, connection) => {
    if (frame.type !== FrameType.headers) return;
    streams.push([connection.index, frame.stream]);
    if (connection.index > 0) connection.send(okResponse(frame.stream));
    else {
      connection.send(goAway(frame.stream, 0));
      finish = () => connection.send(okResponse(frame.stream));
    }
  });
  const { port } = await startProxy(upstream);
  const first = request(port, '/');
  await until(() => streams.length === 1);
  expect((await request(port, '/')).status).toBe(200);
  finish();
  expect((await first).status).toBe(200);
  expect(streams).toEqual([
    [0, 1],
    [1, 1],
  ]);
});

test('a refused stream is sent again once, since it was not processed', async () => {
  let count = 0;
  const upstream = await rawHttp2Server((frame, connection) => {
    if (frame.type !== FrameType.headers) return;
    count++;
    connection.send(count === 1 ? rstStream(frame.stream, 7) : okResponse(frame.stream));
  });
  const { port } = await startProxy(upstream);
  expect((await request(port, '/', { method: 'POST', body: 'x' })).status).toBe(200);
  expect(count).toBe(2);
});

test('P-56: an endpoint that answers no PING is given up, and its requests fail over', async () => {
  const seen: string[] = [];
  const upstream = await rawHttp2Server((frame, connection) => {
    if (frame.type === FrameType.ping) seen.push(frame.flags === 0 ? `ping ${connection.index}` : 'pong');
    if (frame.type !== FrameType.headers) return;
    seen.push(`request ${connection.index}`);
    if (connection.index > 0) connection.send(okResponse(frame.stream));
    // Its answer shows that the settings have been exchanged, before time flies.
    else connection.send(ping());
  });
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [upstream], { protocol: 'http2' }));
  // Nothing but the PING is to find out: no time-out, one retry.
  const retry = { ...retryOnce, perTryTimeoutMs: 0, on: new Set(['reset'] as const) };
  const port = await under.listen('app', { action: { timeoutMs: 0, retry } });
  const answer = request(port, '/');
  await until(() => seen.length === 2);
  // The endpoint was heard of when it began, so that the second half minute is the first silent one.
  under.advance(61_000);
  await until(() => seen.length === 3);
  while (under.proxy.describe().clusters[0]?.connections !== 0) under.advance(100);
  // The wait before a retry.
  under.advance(300);
  expect((await answer).status).toBe(200);
  expect(seen).toEqual(['request 0', 'pong', 'ping 0', 'request 1']);
});

test('use_downstream_protocol: an endpoint is spoken to as the client spoke', async () => {
  for (const version of ['http1', 'http2'] as const) {
    const app = await startApp(version, (incoming, response) => void response.end(incoming.httpVersion));
    const { port, under } = await startProxy(app.port, { protocol: 'downstream' });
    const answer = await send(version, port);
    expect([answer.status, String(answer.body)]).toEqual([200, version === 'http1' ? '1.1' : '2.0']);
    await until(() => under.observer.streams.length === 1);
    expect(under.observer.streams[0]).toMatchObject({ upstreamProtocol: version === 'http1' ? '1.1' : '2' });
  }
});
