import type net from 'node:net';
import { describe, expect, test } from 'vitest';
import {
  closedPort,
  cluster,
  endpoint,
  request,
  retryOnce,
  TestProxy,
  tcpServer,
  until,
} from '../../test/harness/data-path.ts';
import type { BalancerConfig } from './cluster-config.ts';

type Sickness = 'answers 503' | 'hangs' | 'resets';

const answer = (status: string) => `HTTP/1.1 ${status}\r\ncontent-length: 0\r\n\r\n`;

/** Five servers, of which the first can be made sick. */
async function fiveServers() {
  const asked = [0, 0, 0, 0, 0];
  const state: { sickness: Sickness | undefined } = { sickness: undefined };
  const serve = (i: number, socket: net.Socket) => {
    asked[i] = (asked[i] ?? 0) + 1;
    if (i > 0 || state.sickness === undefined) socket.write(answer('200 OK'));
    else if (state.sickness === 'answers 503') socket.write(answer('503 Service Unavailable'));
    else if (state.sickness === 'resets') socket.resetAndDestroy();
  };
  const ports: number[] = [];
  for (let i = 0; i < 5; i++) ports.push(await tcpServer((socket) => socket.on('data', () => serve(i, socket))));
  return { ports, asked, state };
}

async function setUp(balancer: BalancerConfig) {
  const { ports, asked, state } = await fiveServers();
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', ports, { balancer }));
  const port = await under.listen('app', { action: { timeoutMs: 500 } });
  /** Statuses of requests that are sent together; time passes while they wait. */
  const send = async (count: number): Promise<number[]> => {
    const statuses: number[] = [];
    const sent = Promise.all(
      Array.from({ length: count }, async () => void statuses.push((await request(port, '/')).status)),
    );
    await until(() => {
      if (statuses.length < count) under.advance(10);
      return statuses.length === count;
    });
    await sent;
    return statuses;
  };
  const events = () => under.observer.endpointEvents.map(({ event }) => event);
  return { under, asked, state, send, events };
}

const sicknesses: readonly Sickness[] = ['answers 503', 'hangs', 'resets'];

test.each(sicknesses)('P-52: one of five %s: Peak-EWMA leaves it out as soon as it fails', async (sickness) => {
  const { state, send } = await setUp({ kind: 'peak-ewma', decayMs: 10_000, defaultRttMs: 30 });
  await send(10);
  state.sickness = sickness;
  for (let i = 0; i < 4; i++) await send(10);
  const later: number[] = [];
  for (let i = 0; i < 30; i++) later.push(...(await send(10)));
  expect(later.filter((status) => status !== 200).length).toBeLessThanOrEqual(later.length / 100);
});

describe.each<BalancerConfig>([{ kind: 'round-robin' }, { kind: 'least-request', choices: 2 }])(
  'P-52: one of five endpoints is sick, $kind',
  (balancer) => {
    test.each(sicknesses)('one that %s is found and left out, and its probe is one request', async (sickness) => {
      const { under, asked, state, send, events } = await setUp(balancer);
      await send(10);
      state.sickness = sickness;
      for (let i = 0; i < 60 && !events().includes('ejected'); i++) await send(10);
      expect(events()).toEqual(['ejected']);
      const later: number[] = [];
      for (let i = 0; i < 20; i++) later.push(...(await send(10)));
      expect(later.filter((status) => status !== 200).length).toBeLessThanOrEqual(later.length / 100);

      const before = asked[0] ?? 0;
      under.advance(31_000);
      for (let i = 0; i < 30 && asked[0] === before; i++) await send(20);
      expect(asked[0]).toBe(before + 1);
      await send(40);
      expect(asked[0]).toBe(before + 1);
      expect(events()).toEqual(['ejected', 'ejected']);

      state.sickness = undefined;
      under.advance(61_000);
      for (let i = 0; i < 60 && !events().includes('returned'); i++) await send(10);
      expect(await send(50)).toEqual(new Array(50).fill(200));
      expect(asked[0]).toBeGreaterThan(before + 1);
    });
  },
);

test('P-52: the last endpoint is never taken out, whatever it answers', async () => {
  const sick = await tcpServer((socket) => socket.on('data', () => socket.write(answer('500 Internal Server Error'))));
  const worse = await tcpServer((socket) => socket.on('data', () => socket.write(answer('502 Bad Gateway'))));
  for (const ports of [[sick], [sick, worse]]) {
    const under = new TestProxy();
    under.proxy.setCluster(cluster('app', ports));
    const port = await under.listen('app');
    for (let i = 0; i < 40; i++) expect((await request(port, '/')).headers['x-heddle-reason']).toBeUndefined();
    const available = under.proxy.describe().clusters[0]?.endpoints.filter((one) => one.available).length;
    expect(available).toBe(1);
  }
});

test('P-53: with three of five unhealthy all are used, counted and told; with three healthy again only those', async () => {
  const { ports, asked } = await fiveServers();
  const under = new TestProxy();
  const eds = { discovery: { kind: 'eds' as const, endpointsName: 'app' } };
  under.proxy.setCluster(cluster('app', [], eds));
  const set = (healthy: number) =>
    under.proxy.setEndpoints(
      'app',
      ports.map((port, i) => endpoint(port, { healthy: i < healthy })),
    );
  set(2);
  const port = await under.listen('app');
  for (let i = 0; i < 20; i++) expect((await request(port, '/')).status).toBe(200);
  expect(asked).toEqual([4, 4, 4, 4, 4]);
  expect(under.proxy.describe().clusters[0]?.panicPicks).toBe(20);
  set(3);
  for (let i = 0; i < 9; i++) await request(port, '/');
  expect(asked).toEqual([7, 7, 7, 4, 4]);
  expect(under.observer.endpointEvents.map(({ event }) => event)).toEqual(['panic-entered', 'panic-left']);
});

test('P-53: in panic Peak-EWMA and a retry find the one that answers, though two of three are dead', async () => {
  const alive = await tcpServer((socket) => socket.on('data', () => socket.write(answer('200 OK'))));
  const dead = [await closedPort(), await closedPort()].map((port) => endpoint(port, { healthy: false }));
  const under = new TestProxy();
  const balancer: BalancerConfig = { kind: 'peak-ewma', decayMs: 10_000, defaultRttMs: 30 };
  under.proxy.setCluster(cluster('app', [endpoint(alive), ...dead], { balancer }));
  const port = await under.listen('app', { action: { retry: retryOnce } });
  const statuses: number[] = [];
  for (let i = 0; i < 150; i++) {
    const sent = request(port, '/');
    let done = false;
    void sent.then(() => {
      done = true;
    });
    await until(() => {
      if (!done) under.advance(10);
      return done;
    });
    statuses.push((await sent).status);
  }
  // One of the dead is ejected, and of the other two the balancer knows which is better.
  expect(under.observer.endpointEvents.map(({ event }) => event)).toContain('ejected');
  expect(statuses.slice(50).filter((status) => status !== 200)).toEqual([]);
});

test('P-54: requests of a zone go there first, and to the others when it is gone', async () => {
  const { ports, asked } = await fiveServers();
  const more = await tcpServer((socket) => socket.on('data', () => socket.write(answer('200 OK'))));
  const group = (zone: string) => ({
    region: 'r',
    zone,
    subZone: '',
    weight: 0,
    priority: 0,
    overprovisioningFactor: 140,
  });
  const under = new TestProxy({ locality: { region: 'r', zone: 'a', subZone: '' } });
  const set = (healthy: boolean) =>
    under.proxy.setCluster(
      cluster(
        'app',
        [...ports, more].map((port, i) =>
          endpoint(port, { group: group(i < 3 ? 'a' : 'b'), healthy: i >= 3 || healthy }),
        ),
      ),
    );
  set(true);
  const port = await under.listen('app');
  for (let i = 0; i < 200; i++) await request(port, '/');
  const near = asked.slice(0, 3).reduce((sum, count) => sum + count, 0);
  expect(near).toBeGreaterThan(105);
  expect(Math.max(...asked) / (200 / 6)).toBeLessThan(1.3);
  set(false);
  for (let i = 0; i < 50; i++) expect((await request(port, '/')).status).toBe(200);
});
