import type net from 'node:net';
import { expect, test } from 'vitest';
import {
  closedPort,
  cluster,
  endpoint,
  httpServer,
  noRetry,
  rawClient,
  request,
  retryOnce,
  type SeenResponse,
  TestProxy,
  tcpServer,
  until,
} from '../../test/harness/data-path.ts';
import type { RetryPolicy } from '../route/route-table.ts';

const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

/** A proxy in front of one service. */
async function startProxy(endpoints: readonly number[], retry: RetryPolicy) {
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', endpoints));
  const port = await under.listen('app', { action: { retry } });
  /** Lets time pass while something runs: enough for a back-off, and far from the time-outs. */
  const pump = async <T>(running: Promise<T>): Promise<T> => {
    let done = false;
    const finished = running.finally(() => {
      done = true;
    });
    while (!done) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      under.advance(10);
    }
    return finished;
  };
  const send = (options: Parameters<typeof request>[2] = {}): Promise<SeenResponse> =>
    pump(request(port, '/', options));
  return { under, port, pump, send };
}

/** Answers the n-th request, over whatever connection, as `answers` says; undefined closes the connection. */
async function scripted(answers: readonly (string | undefined)[]): Promise<{ port: number; seen: string[] }> {
  const seen: string[] = [];
  const port = await tcpServer((socket: net.Socket) => {
    socket.on('data', (chunk) => {
      const answer = answers[Math.min(seen.length, answers.length - 1)];
      seen.push(String(chunk));
      if (answer === undefined) socket.destroy();
      else socket.write(answer);
    });
  });
  return { port, seen };
}

test('a connection that cannot be made is tried at another endpoint, whatever the method', async () => {
  const up = await scripted([ok]);
  const { send, under } = await startProxy([await closedPort(), up.port], retryOnce);
  for (let i = 0; i < 2; i++) expect((await send({ method: 'POST', body: 'x' })).status).toBe(200);
  expect(up.seen).toHaveLength(2);
  const retried = under.observer.streams.find((info) => info.attemptCount === 2);
  expect(retried?.attempts).toMatchObject([
    { failure: 'UF', status: 0 },
    { failure: '', status: 200 },
  ]);
});

test('a status that the policy names is tried again for a safe method, with its attempt numbered', async () => {
  const up = await scripted(['HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n', ok]);
  const { send } = await startProxy([up.port], retryOnce);
  expect(await send()).toMatchObject({ status: 200, body: 'ok' });
  expect(up.seen.map((text) => /x-heddle-attempt: (\d)/.exec(text)?.[1])).toEqual(['1', '2']);
});

test('a POST is not tried again after it was sent, unless the client vouches for it', async () => {
  const busy = 'HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n';
  const up = await scripted([busy, busy, ok]);
  const { send } = await startProxy([up.port], retryOnce);
  expect((await send({ method: 'POST', body: 'x' })).status).toBe(503);
  expect(up.seen).toHaveLength(1);
  expect((await send({ method: 'POST', body: 'x', headers: { 'idempotency-key': '1' } })).status).toBe(200);
  expect(up.seen).toHaveLength(3);
  expect(up.seen[2]).toMatch(/\r\n\r\nx$|1\r\nx\r\n/);
});

test('a body that was too long to keep is not sent again', async () => {
  const up = await tcpServer((socket) => void socket.once('data', () => setTimeout(() => socket.destroy(), 20)));
  const { send, under } = await startProxy([up], { ...retryOnce, on: new Set(['reset']) });
  expect((await send({ method: 'PUT', body: Buffer.alloc(200_000) })).status).toBe(503);
  expect(under.observer.streams[0]?.attemptCount).toBe(1);
});

test('a request that another proxy retries already is not retried here', async () => {
  const up = await scripted(['HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n', ok]);
  const { send } = await startProxy([up.port], retryOnce);
  expect((await send({ headers: { 'x-heddle-attempt': '1' } })).status).toBe(503);
  expect(up.seen).toHaveLength(1);
});

test('a reused connection that the upstream closes under a safe request is replaced, without any retry policy', async () => {
  const up = await scripted([ok, undefined, ok]);
  const { send, under } = await startProxy([up.port], noRetry);
  expect((await send()).status).toBe(200);
  expect((await send()).status).toBe(200);
  expect(up.seen).toHaveLength(3);
  expect(under.observer.streams[1]).toMatchObject({ status: 200, flags: 0, attemptCount: 1 });
});

test('an unsafe request on such a connection fails, for it may have been done', async () => {
  const up = await scripted([ok, undefined, ok]);
  const { send } = await startProxy([up.port], noRetry);
  expect((await send()).status).toBe(200);
  expect(await send({ method: 'POST', body: 'x' })).toMatchObject({
    status: 503,
    headers: { 'x-heddle-reason': expect.stringContaining('upstream-reset') },
  });
});

test('P-49: retries stay within the budget when everything fails', async () => {
  let asked = 0;
  const { port: upstream } = await httpServer((_incoming, outgoing) => {
    asked++;
    // Answers come when all have asked, so that all are active at once.
    setTimeout(() => outgoing.writeHead(503).end(), 100);
  });
  const { port, pump } = await startProxy([upstream], retryOnce);
  const clients = 100;
  const responses = await pump(Promise.all(Array.from({ length: clients }, () => request(port, '/'))));
  expect(responses.every(({ status }) => status === 503)).toBe(true);
  expect(asked).toBeGreaterThan(clients);
  expect(asked).toBeLessThanOrEqual(clients * 1.2);
});

test('P-52: an endpoint that only fails is left out, the last one never', async () => {
  const bad = await scripted([undefined]);
  const good = await scripted([ok]);
  const { send, under } = await startProxy([bad.port, good.port], noRetry);
  const statuses: number[] = [];
  for (let i = 0; i < 20; i++) statuses.push((await send()).status);
  expect(statuses.filter((status) => status === 503)).toHaveLength(5);
  expect(under.proxy.describe().clusters[0]?.endpoints).toMatchObject([
    { ejected: true, failures: 5 },
    { ejected: false },
  ]);
  under.proxy.setCluster(cluster('app', [endpoint(bad.port)]));
  expect((await send()).status).toBe(503);
  expect(under.proxy.describe().clusters[0]?.endpoints).toMatchObject([{ ejected: false }]);
});

test('an idle connection is closed before the upstream would do it, as its Keep-Alive says', async () => {
  let closed = 0;
  const upstream = await tcpServer((socket) => {
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nkeep-alive: timeout=1\r\ncontent-length: 0\r\n\r\n'));
    socket.on('end', () => closed++);
  });
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [upstream]));
  const port = await under.listen('app');
  expect((await request(port, '/')).status).toBe(200);
  under.advance(700);
  expect(under.proxy.describe().clusters[0]?.connections).toBe(1);
  under.advance(500);
  await until(() => closed === 1);
  expect(under.proxy.describe().clusters[0]?.connections).toBe(0);
});

test('P-21: bytes that nobody asked for end the connection and are counted', async () => {
  const upstream = await tcpServer((socket) => {
    socket.once('data', () => socket.write(`${ok}HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged`));
  });
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [upstream]));
  const client = rawClient(await under.listen('app')).send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  await client.see(/ok$/);
  await until(() => under.observer.refused.length === 1);
  expect(under.observer.refused).toMatchObject([{ listener: 'app', reason: 'h1.unsolicited-bytes' }]);
  client.received = '';
  client.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  expect(await client.see(/\r\n\r\n/)).not.toContain('forged');
});
