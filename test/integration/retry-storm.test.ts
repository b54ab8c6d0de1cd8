import http from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { httpServer } from '../harness/data-path.ts';
import { retryPolicy, StaticProxy } from '../harness/static-proxy.ts';

const policy = { ...retryPolicy, attempts: 3, on: new Set(['5xx' as const]) };

/** Proxies behind one another, each of which would retry, before an upstream that only fails; all in real time. */
async function startChain(hops: number) {
  let asked = 0;
  const attempts: (string | undefined)[] = [];
  const { port: upstream } = await httpServer((incoming, outgoing) => {
    asked++;
    attempts.push(incoming.headers['x-heddle-attempt'] as string | undefined);
    setTimeout(() => outgoing.writeHead(503).end(), 40);
  });
  let next = upstream;
  for (let hop = hops; hop > 0; hop--) {
    const direction = hop === 1 ? 'gateway' : hop % 2 === 0 ? 'outbound' : 'inbound';
    const proxy = await StaticProxy.start({ upstreams: [next], direction, forward: { retry: policy } });
    onTestFinished(() => proxy.close());
    next = proxy.port;
  }
  return { port: next, asked: () => asked, attempts };
}

/** So many clients at once, each asking again when it has its answer. */
async function load(port: number, clients: number, requestsEach: number): Promise<number[]> {
  const agent = new http.Agent({ keepAlive: true });
  onTestFinished(() => agent.destroy());
  const statuses: number[] = [];
  const ask = () =>
    new Promise<void>((resolve, reject) => {
      const sent = http.get({ host: '127.0.0.1', port, agent }, (response) => {
        statuses.push(response.statusCode ?? 0);
        response.resume().on('end', resolve);
      });
      sent.on('error', reject);
    });
  await Promise.all(
    Array.from({ length: clients }, async () => {
      for (let i = 0; i < requestsEach; i++) await ask();
    }),
  );
  return statuses;
}

test.each([1, 3])(
  'P-49: over %i hops that all may retry, a failing upstream is asked at most 1.2 times as often',
  async (hops) => {
    const { port, asked, attempts } = await startChain(hops);
    const clients = 120;
    const requestsEach = 8;
    const statuses = await load(port, clients, requestsEach);
    expect(statuses).toHaveLength(clients * requestsEach);
    expect(new Set(statuses)).toEqual(new Set([503]));
    expect(asked()).toBeGreaterThan(clients * requestsEach);
    expect(asked() / (clients * requestsEach)).toBeLessThanOrEqual(1.2);
    // Every one carries the mark of the outermost proxy.
    expect(attempts.every((attempt) => attempt !== undefined)).toBe(true);
  },
);
