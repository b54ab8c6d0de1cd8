import { expect, onTestFinished, test } from 'vitest';
import { HTTPFault } from '../../proto/gen/envoy/extensions/filters/http/fault/v3/fault.ts';
import { cluster, httpServer, rawClient, request, retryOnce, TestProxy, until } from '../../test/harness/data-path.ts';
import { httpFilter, packed } from '../../test/harness/http-filters.ts';
import * as h2 from '../../test/harness/http2-frames.ts';
import { Http2Peer } from '../../test/harness/http2-peer.ts';
import { answer, scriptedUpstream } from '../../test/harness/scripted-upstream.ts';
import { defaultBreakers } from '../cluster/cluster-config.ts';

// What a request holds is given back once, however it ends.

test('a connection that comes after the deadline of who waited for it serves the next', async () => {
  const up = await scriptedUpstream([answer(200, [], 'ok')]);
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [up.port], { breakers: { ...defaultBreakers, maxConnections: 1 } }));
  const port = await under.listen('app');
  let made = 0;
  // Time passes while the connection is made, and no timer has seen it yet.
  under.observer.onHttpConnection = (side) => {
    if (side === 'upstream' && ++made === 1) under.clock.advance(1_500);
  };
  const late = await request(port, '/late', { headers: { 'x-request-timeout': '1s' } });
  expect(late.headers['x-heddle-reason']).toMatch(/^deadline-exceeded/);
  expect(await under.pump(request(port, '/next'))).toMatchObject({ status: 200, body: 'ok' });
  expect([made, up.seen.length]).toEqual([1, 1]);
});

test('a response that is given up with its last bytes ends once', async () => {
  const { port: upstream } = await scriptedUpstream([answer(200, [], 'x'.repeat(16_000))]);
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [upstream]));
  const port = await under.listen('app');
  // No byte of a body may be sent, so all wait in the proxy, until that is more than one connection may hold.
  const client = Http2Peer.connect(port, Buffer.concat([h2.connectionPreface, h2.settings([4, 0])]));
  const streams = Array.from({ length: 400 }, (_, i) => 2 * i + 1);
  client.send(...streams.map((id) => h2.headers(id, h2.block(h2.get))));
  await until(() => under.observer.started === streams.length && client.of(h2.FrameType.rstStream).length > 0);
  client.destroy();
  await until(() => under.observer.open === 0);
  expect(under.observer.streams).toHaveLength(streams.length);
});

test('RS-06: a racing try that our own limits forbid says nothing about the endpoint', async () => {
  const up = await scriptedUpstream(['silence']);
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [up.port], { breakers: { ...defaultBreakers, maxRequests: 1 } }));
  const retry = { ...retryOnce, perTryTimeoutMs: 200, hedgeOnPerTryTimeout: true };
  const port = await under.listen('app', { action: { timeoutMs: 0, retry } });
  request(port, '/').catch(() => {});
  await until(() => {
    under.advance(10);
    return up.seen.length === 1;
  });
  under.advance(1_000);
  const [described] = under.proxy.describe().clusters;
  expect([described?.activeRequests, described?.endpoints[0]?.failures]).toEqual([1, 0]);
});

test('what a filter holds of a response does not grow because the client reads again', async () => {
  let written = 0;
  const { port: upstream } = await httpServer((_, outgoing) => {
    const piece = Buffer.alloc(65_536);
    const write = () => {
      while (written < 200_000_000) {
        written += piece.length;
        if (!outgoing.write(piece)) return;
      }
      outgoing.end();
    };
    outgoing.on('drain', write);
    write();
  });
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [upstream]));
  const fault = { responseRateLimit: { fixedLimit: { limitKbps: 100 }, percentage: { numerator: 100 } } };
  const port = await under.listen('app', { filters: [httpFilter('fault', packed(HTTPFault, fault))] });
  const client = Http2Peer.connect(port, Buffer.concat([h2.connectionPreface, h2.settings([4, 1_000])]));
  onTestFinished(() => client.destroy());
  client.send(h2.headers(1, h2.block(h2.get)));
  // A part of what the filter holds goes on, and most of that waits for the client.
  await until(() => {
    under.advance(10);
    return client.of(h2.FrameType.data).length > 0;
  });
  const before = await standstill(() => written);
  client.send(h2.windowUpdate(1, 1_000_000));
  await until(() => client.of(h2.FrameType.data).length > 1);
  expect((await standstill(() => written)) - before).toBeLessThan(2_000_000);
});

const fixedDelay = { delay: { fixedDelay: '1s', percentage: { numerator: 100 } } };
const slowRetry = { ...retryOnce, backoffBaseMs: 5_000, backoffMaxMs: 5_000 };
const hedged = { ...retryOnce, perTryTimeoutMs: 100, hedgeOnPerTryTimeout: true };

/** Each brings a request of a client to where it waits for something. */
const waits: Record<string, (under: TestProxy) => Promise<number>> = {
  'for a connection': async (under) => {
    const { port } = await scriptedUpstream(['silence']);
    const breakers = { ...defaultBreakers, maxConnections: 1 };
    under.proxy.setCluster(cluster('app', [port], { breakers }));
    const listener = await under.listen('app', { action: { timeoutMs: 0 } });
    const first = rawClient(listener).send(get);
    await until(() => activeRequests(under) === 1);
    onWaiting = async () => {
      await until(() => under.proxy.describe().clusters[0]?.pendingRequests === 1);
      first.reset();
    };
    return listener;
  },
  'for an answer': async (under) => {
    const up = await scriptedUpstream(['silence']);
    under.proxy.setCluster(cluster('app', [up.port]));
    onWaiting = () => until(() => up.seen.length === 1);
    return under.listen('app', { action: { timeoutMs: 0 } });
  },
  'for its filter': async (under) => {
    under.proxy.setCluster(cluster('app', [1]));
    onWaiting = () => until(() => under.observer.started === 1);
    return under.listen('app', { filters: [httpFilter('fault', packed(HTTPFault, fixedDelay))] });
  },
  'for its next try': async (under) => {
    const up = await scriptedUpstream([answer(503)]);
    under.proxy.setCluster(cluster('app', [up.port]));
    onWaiting = () => until(() => up.seen.length === 1 && activeRequests(under) === 0);
    return under.listen('app', { action: { retry: slowRetry } });
  },
  'for two tries that race': async (under) => {
    const up = await scriptedUpstream(['silence']);
    under.proxy.setCluster(cluster('app', [up.port]));
    onWaiting = () =>
      until(() => {
        under.advance(10);
        return up.seen.length === 2;
      });
    return under.listen('app', { action: { timeoutMs: 0, retry: hedged } });
  },
};
const get = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n';
let onWaiting = async (): Promise<void> => {};
const activeRequests = (under: TestProxy) => under.proxy.describe().clusters[0]?.activeRequests;

test.each(Object.keys(waits))(
  'a client that goes away while its request waits %s leaves nothing behind',
  async (what) => {
    const under = new TestProxy();
    const port = (await waits[what]?.(under)) ?? 0;
    const client = rawClient(port).send(get);
    await onWaiting();
    client.reset();
    await until(() => under.observer.open === 0);
    expect(under.observer.streams).toHaveLength(under.observer.started);
    under.advance(20_000);
    const [described] = under.proxy.describe().clusters;
    expect(described).toMatchObject({ activeRequests: 0, pendingRequests: 0 });
    expect(described?.room.default).toMatchObject({ requests: 1_024, retries: 3 });
    expect(described?.endpoints[0]?.activeRequests).toBe(0);
  },
);

/** Waits until nothing moves any more. */
async function standstill(amount: () => number): Promise<number> {
  for (;;) {
    const before = amount();
    await new Promise((resolve) => setTimeout(resolve, 100));
    if (amount() === before) return before;
  }
}
