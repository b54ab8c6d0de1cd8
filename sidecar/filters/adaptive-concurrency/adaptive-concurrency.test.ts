import { expect, test } from 'vitest';
import { seededRandom } from '../../../lib/random.ts';
import { AdaptiveConcurrency } from '../../../proto/gen/envoy/extensions/filters/http/adaptive_concurrency/v3/adaptive_concurrency.ts';
import { cluster, httpServer, request, TestProxy } from '../../../test/harness/data-path.ts';
import { filterProblems, httpFilter, packed } from '../../../test/harness/http-filters.ts';
import { type GradientConfig, GradientController } from './gradient-controller.ts';

const config: GradientConfig = {
  percentile: 0.5,
  maxLimit: 1_000,
  updateMs: 100,
  minRttIntervalMs: 60_000,
  minRttRequests: 50,
  minRttJitter: 0,
  minLimit: 3,
  minRttBuffer: 0.25,
};

/**
 * A service of `workers` that takes `serviceMs` for a request, behind the controller, with a request offered every
 * `everyMs`. Tells how many were served in the last of the seconds, and the limit.
 */
function simulate(workers: number, serviceMs: number, everyMs: number, seconds: number) {
  const controller = new GradientController(config, seededRandom(7), 0);
  const free = new Array<number>(workers).fill(0);
  const done: { at: number; latencyMs: number }[] = [];
  let served = 0;
  for (let now = 0; now < seconds * 1_000; now += everyMs) {
    for (let next = done[0]; next !== undefined && next.at <= now; next = done[0]) {
      done.shift();
      controller.end(next.latencyMs, next.at);
      if (next.at > (seconds - 1) * 1_000) served++;
    }
    if (!controller.begin(now)) continue;
    const earliest = free.indexOf(Math.min(...free));
    const at = Math.max(now, free[earliest] as number) + serviceMs;
    free[earliest] = at;
    done.push({ at, latencyMs: at - now });
    done.sort((a, b) => a.at - b.at);
  }
  return { served, limit: controller.limit, minRttMs: controller.minRttMs };
}

test('RS-15: P-51: at five times the capacity at least 85 % of it is served, within 30 s, and the queue stays short', () => {
  // 20 workers at 10 ms serve 2,000 in a second; 10,000 are offered.
  const { served, limit, minRttMs } = simulate(20, 10, 0.1, 30);
  expect(served).toBeGreaterThan(2_000 * 0.85);
  expect(minRttMs).toBeCloseTo(10, 1);
  // The gradient with its buffer of a quarter settles at 1.5 times what runs at once: half a service time of waiting.
  expect(limit).toBeGreaterThanOrEqual(20);
  expect(limit).toBeLessThanOrEqual(32);
});

test('RS-15: without load the limit grows, and nothing is refused', () => {
  const { served, limit } = simulate(100, 10, 5, 30);
  expect(limit).toBeGreaterThan(100);
  expect(served).toBeGreaterThan(190);
});

test('RS-15: the limit falls when the service becomes slower, and comes back', () => {
  const controller = new GradientController(config, seededRandom(1), 0);
  let now = 0;
  const run = (latencyMs: number, rounds: number) => {
    for (let i = 0; i < rounds; i++) {
      now += 5;
      if (controller.begin(now)) controller.end(latencyMs, now);
    }
    return controller.limit;
  };
  const before = run(10, 2_000);
  const slow = run(200, 200);
  expect(slow).toBeLessThan(before / 2);
  expect(run(10, 2_000)).toBeGreaterThan(slow * 2);
});

test('RS-15: requests over the limit are answered at once; one that ends gives its place back', async () => {
  let held: (() => void)[] = [];
  const { port: upstream } = await httpServer((_, outgoing) => {
    held.push(() => outgoing.end());
  });
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [upstream]));
  const gradientControllerConfig = {
    concurrencyLimitParams: { concurrencyUpdateInterval: '0.1s' },
    minRttCalcParams: { interval: '60s', minConcurrency: 2 },
  };
  const port = await under.listen('app', {
    filters: [httpFilter('limit', packed(AdaptiveConcurrency, { gradientControllerConfig }))],
  });
  const first = [request(port, '/'), request(port, '/')];
  await under.until(() => held.length === 2);
  const refused = await request(port, '/');
  expect([refused.status, refused.headers['x-heddle-reason']]).toEqual([503, 'concurrency-limit; limit=2']);
  for (const answer of held) answer();
  await Promise.all(first);
  held = [];
  const next = request(port, '/');
  await under.until(() => held.length === 1);
  held[0]?.();
  expect((await next).status).toBe(200);
});

test('what is missing or out of range is refused by path', () => {
  expect(filterProblems(packed(AdaptiveConcurrency))).toEqual([
    'http_filters[0].typed_config.gradient_controller_config: missing',
  ]);
  const gradientControllerConfig = {
    sampleAggregatePercentile: { value: 101 },
    concurrencyLimitParams: { maxConcurrencyLimit: 0 },
  };
  expect(filterProblems(packed(AdaptiveConcurrency, { gradientControllerConfig }))).toEqual(
    [
      'concurrency_limit_params.concurrency_update_interval: missing',
      'min_rtt_calc_params.interval: missing',
      'concurrency_limit_params.max_concurrency_limit: must be above 0',
      'sample_aggregate_percentile.value: not from 0 to 100',
    ].map((problem) => `http_filters[0].typed_config.gradient_controller_config.${problem}`),
  );
});
