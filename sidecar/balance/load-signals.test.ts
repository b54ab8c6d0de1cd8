import { expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { seededRandom } from '../../lib/random.ts';
import type { BalancedEndpoint } from './balancer.ts';
import { createBalancer } from './create-balancer.ts';
import { parseLoadReport } from './load-report.ts';
import { PenaltyBox, parseRetryAfter } from './penalty-box.ts';
import { noteLoadReport } from './reported-weights.ts';
import { endpoint } from './shared-suite.ts';

const wallTime = Date.UTC(2026, 0, 1, 12);

test.each([
  ['5', 5_000],
  ['0', 0],
  ['1000000000', 60_000],
  ['1e9', 0],
  ['-5', 0],
  ['99999999999999999999999999999', 60_000],
  ['', 0],
  ['soon', 0],
  ['Thu, 01 Jan 2026 12:00:30 GMT', 30_000],
  ['Thu, 01 Jan 2026 11:00:00 GMT', 0],
  ['Thu, 01 Jan 2099 11:00:00 GMT', 60_000],
  ['Thu, 99 Foo 9999 99:99:99 GMT', 0],
  [`Thu, ${'9'.repeat(10_000)}`, 0],
])('AZ-25: Retry-After %j means %i ms', (value, ms) => {
  expect(parseRetryAfter(value, wallTime)).toBe(ms);
});

test('LB-05: an endpoint is avoided for the time that it asks for, at most a minute', () => {
  const box = new PenaltyBox<BalancedEndpoint>();
  const [a, b] = [endpoint(0), endpoint(1)] as const;
  box.avoid(a, 5_000, 0);
  box.avoid(b, 10 ** 9, 0);
  box.avoid(b, 1_000, 10);
  box.refresh(4_999);
  expect([a.signals.avoided, b.signals.avoided]).toEqual([true, true]);
  box.refresh(5_000);
  expect([a.signals.avoided, b.signals.avoided]).toEqual([false, true]);
  box.refresh(60_000);
  expect([b.signals.avoided, box.size]).toEqual([false, 0]);
  box.avoid(a, 5_000, 0);
  box.update([b]);
  expect([a.signals.avoided, box.size]).toEqual([false, 0]);
});

test('LB-06: load reports are read as text and as JSON, and nothing else is', () => {
  const report = { cpuUtilization: 0.5, applicationUtilization: 0.7, requestsPerSecond: 100, errorsPerSecond: 2 };
  expect(
    parseLoadReport('TEXT cpu_utilization=0.5,application_utilization=0.7,rps_fractional=100,eps=2,mem_utilization=1'),
  ).toEqual(report);
  expect(parseLoadReport('cpu_utilization=0.5, application_utilization=0.7, rps_fractional=100, eps=2')).toEqual(
    report,
  );
  expect(
    parseLoadReport('JSON {"cpu_utilization":0.5,"application_utilization":0.7,"rps_fractional":100.0,"eps":2}'),
  ).toEqual(report);
  expect(parseLoadReport('TEXT cpu_utilization=-1,rps_fractional=Infinity,eps=x')).toEqual({
    cpuUtilization: 0,
    applicationUtilization: 0,
    requestsPerSecond: 0,
    errorsPerSecond: 0,
  });
  const nothing = { cpuUtilization: 0, applicationUtilization: 0, requestsPerSecond: 0, errorsPerSecond: 0 };
  for (const odd of ['{"toString":1,"valueOf":1}', '[5]', 'null', 'true', '"x"']) {
    expect(parseLoadReport(`JSON {"eps":${odd},"cpu_utilization":${odd}}`)).toEqual(nothing);
  }
  for (const bad of ['', 'BIN AAAA', 'JSON [1]', 'JSON {', 'JSON null', 'x'.repeat(5_000)]) {
    expect(parseLoadReport(bad)).toBeUndefined();
  }
});

test('LB-06: endpoints get requests by what they report, after the blackout and until the reports expire', () => {
  const clock = new FakeClock();
  const balancer = createBalancer<BalancedEndpoint>(
    { kind: 'client-side-weighted', blackoutMs: 10_000, expirationMs: 180_000, updateMs: 1_000, errorPenalty: 1 },
    clock,
    seededRandom(1),
  );
  const endpoints = [endpoint(0), endpoint(1), endpoint(2)] as const;
  balancer.update(endpoints);
  const shares = () => {
    const counts = [0, 0, 0];
    for (let i = 0; i < 900; i++) {
      const picked = balancer.pick([])?.config.port ?? 0;
      counts[picked] = (counts[picked] ?? 0) + 1;
    }
    return counts.map((count) => Math.round(count / 100));
  };
  const tell = () => {
    const report = { cpuUtilization: 0, requestsPerSecond: 100, errorsPerSecond: 0 };
    noteLoadReport(endpoints[0], { ...report, applicationUtilization: 0.25 }, 1, clock.now());
    noteLoadReport(endpoints[1], { ...report, applicationUtilization: 0.5 }, 1, clock.now());
  };
  tell();
  expect(shares()).toEqual([3, 3, 3]);
  clock.advance(10_000);
  tell();
  // 400 and 200 requests for each unit of utilization; the third counts as their mean, 300.
  expect(shares()).toEqual([4, 2, 3]);
  clock.advance(180_000);
  expect(shares()).toEqual([3, 3, 3]);
  tell();
  clock.advance(5_000);
  expect(shares()).toEqual([3, 3, 3]);
});

test('LB-06: errors count as load', () => {
  const one = endpoint(0);
  const report = { cpuUtilization: 0.5, applicationUtilization: 0, requestsPerSecond: 100, errorsPerSecond: 50 };
  noteLoadReport(one, report, 1, 0);
  expect(one.signals.reportedWeight).toBe(100);
  noteLoadReport(one, report, 0, 0);
  expect(one.signals.reportedWeight).toBe(200);
});
