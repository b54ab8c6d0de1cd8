import { expect, test } from 'vitest';
import { cluster, httpServer, request, retryOnce, route, TestProxy, until } from '../../test/harness/data-path.ts';
import { answer, scriptedUpstream } from '../../test/harness/scripted-upstream.ts';
import { type BreakerConfig, defaultBreakers } from '../cluster/cluster-config.ts';

/** A proxy whose path /high has high priority, before an upstream that never answers. */
async function startProxy(breakers: Partial<BreakerConfig>) {
  const { port: upstream } = await httpServer(() => {});
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [upstream], { breakers: { ...defaultBreakers, ...breakers } }));
  const high = route('app', { priority: 'high' });
  const port = await under.listen('app', {
    routes: [{ ...high, match: { ...high.match, path: { kind: 'exact', value: '/high' } } }, route('app')],
  });
  const hang = (path: string) => void request(port, path).catch(() => {});
  const described = () => under.proxy.describe().clusters[0];
  return { under, port, hang, described };
}

test('P-55: priorities do not use up the breakers of one another, and what is left is told', async () => {
  const { port, hang, described } = await startProxy({ maxRequests: 1, high: { ...defaultBreakers, maxRequests: 2 } });
  hang('/');
  await until(() => described()?.activeRequests === 1);
  const refused = await request(port, '/');
  expect(refused).toMatchObject({ status: 503, headers: { 'x-envoy-overloaded': 'true' } });
  expect(refused.headers['x-heddle-reason']).toMatch(/^overflow/);
  hang('/high');
  hang('/high');
  await until(() => described()?.activeRequests === 3);
  expect((await request(port, '/high')).headers['x-envoy-overloaded']).toBe('true');
  expect(described()?.room).toMatchObject({ default: { requests: 0 }, high: { requests: 0 } });
});

test('P-55: the queue for connections is counted by priority', async () => {
  const breakers = { maxConnections: 1, maxPendingRequests: 1 };
  const { port, hang, described } = await startProxy({ ...breakers, high: { ...defaultBreakers, ...breakers } });
  hang('/');
  await until(() => described()?.endpoints[0]?.connections === 1);
  hang('/');
  hang('/high');
  await until(() => described()?.pendingRequests === 2);
  for (const path of ['/', '/high']) {
    expect((await request(port, path)).body).toContain('maxPendingRequests');
  }
});

test('P-55: a breaker is closed again as soon as there is room', async () => {
  const { under, port, hang, described } = await startProxy({ maxRequests: 1 });
  hang('/');
  await until(() => described()?.activeRequests === 1);
  expect((await request(port, '/')).status).toBe(503);
  const healed = await scriptedUpstream([answer(200, [], 'ok')]);
  under.advance(16_000);
  await until(() => described()?.activeRequests === 0);
  const breakers = { ...defaultBreakers, maxRequests: 1 };
  under.proxy.setCluster(cluster('app', [healed.port], { breakers }));
  expect(await request(port, '/')).toMatchObject({ status: 200, body: 'ok' });
});

test('RS-07: max_retries bounds the retries at one time', async () => {
  const up = await scriptedUpstream([answer(503)]);
  const under = new TestProxy();
  const breakers = { ...defaultBreakers, maxRetries: 0 };
  under.proxy.setCluster(cluster('app', [up.port], { breakers }));
  const port = await under.listen('app', { action: { retry: retryOnce } });
  expect((await under.pump(request(port, '/'))).status).toBe(503);
  expect(up.seen.length).toBe(1);
});
