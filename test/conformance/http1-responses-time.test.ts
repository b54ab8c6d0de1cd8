import { once } from 'node:events';
import net from 'node:net';
import { expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { Program, until } from '../harness/process.ts';
import { nextTurn, RawClient } from '../harness/raw-http.ts';
import type { RawResponse } from '../harness/raw-response.ts';
import { type Answer, type RecordedConnection, wellFormed } from '../harness/recording-upstream.ts';
import { clusterName, retryPolicy, type StaticProxy } from '../harness/static-proxy.ts';
import { canary, head, startBench } from './bench.ts';
import { response } from './hostile-upstream.ts';

// security.md §2.10: upstreams that are slow, frozen, or fail again and again.

const bench = startBench();
const breakers = {
  maxConnections: 1_024,
  maxPendingRequests: 1_024,
  maxRequests: 1_024,
  retryBudgetPercent: 20,
  minRetryConcurrency: 3,
};

/** One request over a connection of its own. */
async function ask(proxy: StaticProxy, input: string): Promise<RawResponse> {
  const client = await RawClient.connect(proxy.port);
  client.send(input);
  const answer = await client.response();
  await client.close();
  return answer;
}

/** A server in a process of its own that is stopped as soon as it listens: the kernel alone takes connections. */
async function frozenServer(backlog: number): Promise<{ port: number; kill(): Promise<void> }> {
  const code = `require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: ${backlog} }, function () {
    console.log(JSON.stringify({ port: this.address().port }));
  })`;
  const program = new Program('frozen', process.execPath, ['-e', code]);
  const { port } = await program.ready<{ port: number }>();
  program.child.kill('SIGSTOP');
  return { port, kill: () => program.stop('SIGKILL') };
}

test('UP-11: a response whose body never comes is broken off after the idle time', async () => {
  const proxy = await bench.start({ clock: new FakeClock(), forward: { timeoutMs: 0, idleTimeoutMs: 60_000 } });
  for (const start of [
    response('Content-Length: 1000000\r\n'),
    response('Transfer-Encoding: chunked\r\n'),
    response(''),
    `${response('Transfer-Encoding: chunked\r\n')}0\r\nX-Slow: `,
  ]) {
    let connection: RecordedConnection | undefined;
    bench.upstream.answer = (_, socket, recorded) => {
      connection = recorded;
      socket.write(start);
    };
    const client = await RawClient.connect(proxy.port);
    client.send(head());
    await client.until((received) => received.includes('\r\n\r\n'));
    proxy.advance(59_000);
    await nextTurn();
    expect([client.ended, client.closed]).toEqual([false, false]);
    proxy.advance(1_200);
    expect(await client.end()).toBe('ECONNRESET');
    await client.close();
    await until(() => connection?.closed === true, 'the upstream connection to be ended');
  }
  expect(await proxy.metric('heddle_requests_total', { response_flags: 'SI' })).toBe(4);
});

test('UP-11: a body of a byte now and then is broken off after the time of the whole request', async () => {
  const proxy = await bench.start({ clock: new FakeClock() });
  let upstream: RecordedConnection | undefined;
  bench.upstream.answer = (_, socket, connection) => {
    upstream = connection;
    socket.write(response('Transfer-Encoding: chunked\r\n'));
  };
  const client = await RawClient.connect(proxy.port);
  client.send(head());
  for (let second = 1; second <= 14; second++) {
    await until(() => upstream !== undefined, 'the request');
    upstream?.socket.write('1\r\nx\r\n');
    await client.until((received) => received.match(/\r\nx\r\n/g)?.length === second);
    proxy.advance(1_000);
  }
  expect(client.closed).toBe(false);
  proxy.advance(1_100);
  expect(await client.end()).toBe('ECONNRESET');
  await client.close();
  expect(await proxy.metric('heddle_requests_total', { response_flags: 'UT' })).toBe(1);
});

test('UP-11: trailers without end break the response off', async () => {
  const count = await bench.edge.refused('h1.trailers-too-large', clusterName);
  bench.upstream.answer = (_, socket) => {
    socket.write(`${response('Transfer-Encoding: chunked\r\n')}2\r\nok\r\n0\r\n`);
    for (let i = 0; i < 100; i++) socket.write(`X-${i}: ${'x'.repeat(100)}\r\n`);
  };
  const client = await RawClient.connect(bench.edge.port);
  client.send(head());
  expect(await client.end()).toBe('ECONNRESET');
  expect(client.received).not.toMatch(/\r\n0\r\n/);
  await client.close();
  expect(await bench.edge.refused('h1.trailers-too-large', clusterName)).toBe(count + 1);
});

test('UP-16: requests fail over from an endpoint that is frozen, and none that may have been processed goes twice', async () => {
  const frozen = await frozenServer(128);
  const proxy = await bench.start({
    upstreams: [frozen.port, bench.upstream.port],
    forward: { retry: { ...retryPolicy, perTryTimeoutMs: 100, backoffBaseMs: 1, backoffMaxMs: 1 } },
  });
  for (let i = 0; i < 8; i++) expect((await ask(proxy, head('', `GET /get/${i} HTTP/1.1`))).status).toBe(200);
  const [cluster] = proxy.describe().clusters;
  expect(cluster?.endpoints.map(({ failures }) => failures > 0)).toEqual([true, false]);
  const statuses: number[] = [];
  for (let i = 0; i < 4; i++)
    statuses.push((await ask(proxy, head('Content-Length: 0\r\n', `POST /post/${i} HTTP/1.1`))).status);
  const posts = bench.upstream.requests.filter(({ method }) => method === 'POST').map(({ target }) => target);
  expect(new Set(posts).size).toBe(posts.length);
  expect(statuses.filter((status) => status === 200)).toHaveLength(posts.length);
  expect(statuses.every((status) => status === 200 || status === 504)).toBe(true);
  await frozen.kill();
});

test('UP-16: of an upstream that resets every second request, all GETs are served and no POST goes twice', async () => {
  let count = 0;
  const everySecond: Answer = (request, socket, connection) => {
    if (++count % 2 === 1) socket.resetAndDestroy();
    else wellFormed(request, socket, connection);
  };
  bench.upstream.answer = everySecond;
  for (let i = 0; i < 50; i++) expect((await ask(bench.edge, head('', `GET /${i} HTTP/1.1`))).status).toBe(200);
  bench.upstream.clear();
  count = 0;
  const answers: RawResponse[] = [];
  for (let i = 0; i < 50; i++)
    answers.push(await ask(bench.edge, head('Content-Length: 1\r\n', 'POST / HTTP/1.1').concat('x')));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(25);
  const failed = answers.filter(({ status }) => status !== 200);
  expect(
    failed.every((answer) => answer.status === 503 && answer.get('x-heddle-reason')?.startsWith('upstream-reset;')),
  ).toBe(true);
  expect(bench.upstream.requests).toHaveLength(50);
});

test('UP-16: connections that nobody answers time out, and past the queue requests are refused at once', async () => {
  const silent = await frozenServer(1);
  // The kernel takes two and drops every further SYN.
  const fillers = Array.from({ length: 4 }, () => net.connect({ port: silent.port, host: '127.0.0.1' }));
  for (const filler of fillers) filler.on('error', () => {});
  await Promise.all(fillers.slice(0, 2).map((filler) => once(filler, 'connect')));
  const proxy = await bench.start({
    upstreams: [silent.port],
    cluster: { connectTimeoutMs: 300, breakers: { ...breakers, maxPendingRequests: 5 } },
    forward: { retry: { ...retryPolicy, attempts: 0 } },
  });
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask(proxy, head())));
  const reasons = answers.map((answer) => `${answer.status} ${answer.get('x-heddle-reason')?.split(';')[0]}`);
  expect(reasons.filter((reason) => reason === '503 overflow')).toHaveLength(15);
  expect(reasons.filter((reason) => reason === '503 connect-timeout')).toHaveLength(5);
  for (const filler of fillers) filler.destroy();
  await silent.kill();
});

test('UP-18: a storm of 503 with Retry-After: 0 meets no more retries than the budget', async () => {
  const held: (() => void)[] = [];
  bench.upstream.answer = (_, socket) => {
    const answer = () =>
      socket.write(
        response('Content-Length: 4\r\nRetry-After: 0\r\n', 'HTTP/1.1 503 Service Unavailable').concat('busy'),
      );
    if (held.length < 100) held.push(answer);
    else answer();
    if (held.length === 100) for (const release of held) release();
  };
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, i) => ask(bench.edge, head('', `GET /${i} HTTP/1.1`))),
  );
  expect(answers.map(({ status }) => status)).toEqual(Array(100).fill(503));
  expect(answers.every((answer) => answer.get('retry-after') === '0' && answer.body === 'busy')).toBe(true);
  const retries = bench.upstream.requests.filter((request) => request.get('x-heddle-attempt') === '2');
  expect(bench.upstream.requests.length).toBe(100 + retries.length);
  expect(retries.length).toBeGreaterThan(0);
  expect(retries.length).toBeLessThanOrEqual(20);
  bench.upstream.answer = wellFormed;
  await canary(bench, bench.edge);
});
