import type http from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { httpServer, request, tcpServer } from '../harness/data-path.ts';
import { StaticProxy } from '../harness/static-proxy.ts';

// In real time: it is the timers of Node's own server that requests must not meet.

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Asks every `intervalMs` through a proxy of its own, POST and GET in turn; resolves with the statuses. */
async function sparse(upstream: number, intervalMs: number, count: number): Promise<number[]> {
  const proxy = await StaticProxy.start({ upstreams: [upstream], direction: 'outbound' });
  onTestFinished(() => proxy.close());
  const statuses: number[] = [];
  for (let i = 0; i < count; i++) {
    if (i > 0) await pause(intervalMs);
    const sent = i % 2 === 0 ? { method: 'GET' } : { method: 'POST', body: 'x' };
    statuses.push((await request(proxy.port, '/', sent)).status);
  }
  return statuses;
}

const range = (from: number, to: number, step: number) =>
  Array.from({ length: Math.round((to - from) / step) + 1 }, (_, i) => from + i * step);

async function stockServer(keepAliveTimeout: number): Promise<number> {
  const { port, server } = await httpServer((incoming, outgoing) => {
    incoming.resume();
    incoming.on('end', () => outgoing.end('ok'));
  });
  (server as http.Server).keepAliveTimeout = keepAliveTimeout;
  return port;
}

test('RS-20: sparse requests to a stock Node server never meet the end of its connections', {
  timeout: 60_000,
}, async () => {
  const [second, five] = [await stockServer(1_000), await stockServer(5_000)];
  const runs = [
    // Around the time that the server keeps a connection, with and without the grace that newer ones add.
    ...range(700, 2_200, 50).map((interval) => sparse(second, interval, 5)),
    ...range(3_600, 6_200, 100).map((interval) => sparse(five, interval, 3)),
  ];
  expect(new Set((await Promise.all(runs)).flat())).toEqual(new Set([200]));
});

test('RS-20: a server that does not say how long it waits is learned from', { timeout: 60_000 }, async () => {
  const silent = await tcpServer((socket) => {
    socket.setTimeout(1_000, () => socket.end());
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'));
    socket.on('end', () => socket.end());
  });
  const runs = [600, 850, 1_150, 1_400].map((interval) => sparse(silent, interval, 5));
  expect(new Set((await Promise.all(runs)).flat())).toEqual(new Set([200]));
});
