import { expect, onTestFinished, test } from 'vitest';
import { defaultBreakers } from '../../sidecar/cluster/cluster-config.ts';
import { noRetry } from '../../sidecar/route/route-table.ts';
import { request } from '../harness/data-path.ts';
import { startFrozenServer } from '../harness/frozen-server.ts';
import { StaticProxy } from '../harness/static-proxy.ts';

const reasonOf = (response: Awaited<ReturnType<typeof request>>) =>
  /^[a-z-]+/.exec(String(response.headers['x-heddle-reason'] ?? 'none'))?.[0];

test('UP-16 P-55: behind a stopped upstream the queue is bounded, the rest is refused at once, and all goes on after', async () => {
  const server = await startFrozenServer();
  const proxy = await StaticProxy.start({
    upstreams: [server.port],
    direction: 'outbound',
    forward: { timeoutMs: 3_000, retry: noRetry },
    cluster: {
      connectTimeoutMs: 500,
      breakers: { ...defaultBreakers, maxConnections: 8, maxPendingRequests: 10, maxRequests: 100 },
    },
  });
  onTestFinished(() => proxy.close());
  server.freeze();
  const responses = await Promise.all(Array.from({ length: 60 }, () => request(proxy.port, '/')));
  const reasons = responses.map(reasonOf);
  const count = (reason: string) => reasons.filter((one) => one === reason).length;
  // The queue holds 10; what the kernel took for the stopped process has no answer in time; the rest is no connection.
  expect(count('overflow')).toBeGreaterThanOrEqual(40);
  expect(count('connect-timeout') + count('request-timeout') + count('overflow')).toBe(60);
  const { room } = proxy.describe().clusters[0] ?? {};
  expect(room?.default).toMatchObject({ pendingRequests: 10, requests: 100 });
  server.thaw();
  // Connections that were tried meanwhile may still run out of time.
  let status = 0;
  while (status !== 200) status = (await request(proxy.port, '/')).status;
});
