import { expect, test } from 'vitest';
import { seededRandom } from '../../lib/random.ts';
import { defaultOutlier, type OutlierConfig } from '../cluster/cluster-config.ts';
import type { BalancedEndpoint } from './balancer.ts';
import { updateAvailability } from './endpoint-health.ts';
import { OutlierDetector } from './outlier.ts';
import { type RequestResult, resultOf } from './request-result.ts';
import { endpoint } from './shared-suite.ts';

function setUp(count: number, config: Partial<OutlierConfig> = {}, random: () => number = () => 0) {
  const endpoints = Array.from({ length: count }, (_, i) => endpoint(i));
  const reasons: string[] = [];
  const detector = new OutlierDetector<BalancedEndpoint>(random, {
    onAvailability: updateAvailability,
    onEjected: (_endpoint, reason) => reasons.push(reason),
    onReturned: () => {},
  });
  detector.configure({ ...defaultOutlier, ...config }, 0);
  detector.update(endpoints, 0);
  /** Requests with this result, one after the other. */
  const answer = (index: number, result: RequestResult, times: number, now = 0) => {
    for (let i = 0; i < times; i++) detector.onResult(endpoints[index] as BalancedEndpoint, result, now);
  };
  const fail = (index: number, times = 5, now = 0) => {
    let ejected = false;
    for (let i = 0; i < times; i++)
      ejected = detector.onResult(endpoints[index] as BalancedEndpoint, 'server-error', now);
    return ejected;
  };
  const available = () => endpoints.map((one) => one.available);
  return { endpoints, detector, reasons, answer, fail, available, first: endpoints[0] as BalancedEndpoint };
}

test('five failures in a row eject; a success between them starts the count again', () => {
  const { detector, fail, available, first } = setUp(2);
  expect(fail(0, 4)).toBe(false);
  detector.onResult(first, 'success', 0);
  expect(fail(0, 4)).toBe(false);
  expect(fail(0, 1)).toBe(true);
  expect(available()).toEqual([false, true]);
  expect(detector.ejected).toBe(1);
});

test('the last endpoint is never ejected, nor more than half of them', () => {
  const one = setUp(1);
  expect(one.fail(0, 50)).toBe(false);
  expect(one.available()).toEqual([true]);
  const five = setUp(5);
  expect([0, 1, 2, 3].map((index) => five.fail(index, 20))).toEqual([false, false, false, false]);
  expect(five.available()).toEqual([false, false, true, true, true]);
});

test('an endpoint is kept when all others are unhealthy by discovery', () => {
  const { endpoints, detector, fail } = setUp(2);
  const sick = endpoint(1);
  const others = [endpoints[0] as BalancedEndpoint, { ...sick, config: { ...sick.config, healthy: false } }];
  for (const one of others) updateAvailability(one);
  detector.update(others, 0);
  expect(others[1]?.available).toBe(false);
  expect(fail(0, 9)).toBe(false);
});

test('after 30 s one request is let through, and its success ends the ejection', () => {
  const { detector, fail, first } = setUp(2);
  fail(0);
  detector.refresh(29_999);
  expect(first.available).toBe(false);
  detector.refresh(30_000);
  expect([first.available, detector.stateOf(first)]).toEqual([true, 'half-open']);
  detector.onStart(first, 30_000);
  expect([first.available, detector.stateOf(first)]).toEqual([false, 'probing']);
  detector.onResult(first, 'success', 30_010);
  expect([first.available, detector.stateOf(first), detector.ejected]).toEqual([true, 'serving', 0]);
});

test('each failed probe makes the ejection longer, up to 300 s', () => {
  const { detector, fail, first } = setUp(2);
  fail(0);
  let now = 0;
  for (const seconds of [30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300]) {
    detector.refresh(now + seconds * 1_000 - 1);
    expect(first.available).toBe(false);
    now += seconds * 1_000;
    detector.refresh(now);
    expect(first.available).toBe(true);
    detector.onStart(first, now);
    expect(detector.onResult(first, 'server-error', now)).toBe(true);
  }
});

test('time in service is forgiven in steps of the base time', () => {
  const { detector, fail, first } = setUp(2);
  fail(0);
  detector.refresh(30_000);
  detector.onStart(first, 30_000);
  detector.onResult(first, 'success', 30_000);
  fail(0, 5, 60_000);
  detector.refresh(90_000);
  expect(detector.stateOf(first)).toBe('half-open');
});

test('a cancelled probe leaves the place to the next, and one without an answer is given up', () => {
  const { detector, fail, first } = setUp(2);
  fail(0);
  detector.refresh(30_000);
  detector.onStart(first, 30_000);
  detector.onCancel(first);
  expect(first.available).toBe(true);
  detector.onStart(first, 30_000);
  detector.refresh(59_999);
  expect(first.available).toBe(false);
  detector.refresh(60_000);
  expect(first.available).toBe(true);
});

test('when endpoints go, ejected ones come back rather than leave nobody', () => {
  const { endpoints, detector, fail } = setUp(4);
  fail(0, 5, 0);
  fail(1, 5, 1_000);
  detector.update(endpoints.slice(0, 2), 2_000);
  expect(endpoints.slice(0, 2).map((one) => one.available)).toEqual([true, false]);
  detector.update(endpoints.slice(1, 2), 2_000);
  expect(endpoints[1]?.available).toBe(true);
});

test('answers that arrive late, while ejected, change nothing', () => {
  const { detector, fail, first } = setUp(2);
  fail(0);
  detector.onResult(first, 'success', 10);
  expect(detector.onResult(first, 'server-error', 10)).toBe(false);
  expect(detector.stateOf(first)).toBe('ejected');
  detector.refresh(30_000);
  expect(first.available).toBe(true);
});

test('RS-08: gateway failures and failures without an answer have limits of their own', () => {
  const gateway = setUp(2, { consecutiveGatewayFailure: 3, enforcingGatewayFailure: 100 });
  gateway.answer(0, 'gateway-error', 2);
  gateway.answer(0, 'server-error', 1);
  gateway.answer(0, 'local-origin', 2);
  expect(gateway.reasons).toEqual(['consecutive-5xx']);
  const other = setUp(2, { consecutiveGatewayFailure: 3, enforcingGatewayFailure: 100, consecutive5xx: 9 });
  other.answer(0, 'gateway-error', 3);
  expect(other.reasons).toEqual(['consecutive-gateway-failure']);
});

test('RS-08: split, failures of local origin do not count as answers', () => {
  const split = { splitLocalOrigin: true, consecutiveLocalOriginFailure: 7, enforcingLocalOriginFailure: 100 };
  const { answer, reasons } = setUp(2, split);
  answer(0, 'local-origin', 6);
  expect(reasons).toEqual([]);
  answer(0, 'local-origin', 1);
  expect(reasons).toEqual(['consecutive-local-origin-failure']);
  const answered = setUp(2, split);
  answered.answer(0, 'local-origin', 6);
  answered.answer(0, 'server-error', 4);
  answered.answer(0, 'local-origin', 6);
  expect(answered.reasons).toEqual([]);
});

test('RS-08: what is not enforced does not eject, and what is enforced in part does in part', () => {
  const never = setUp(2, { enforcing5xx: 0 });
  never.answer(0, 'server-error', 100);
  expect(never.reasons).toEqual([]);
  const half = setUp(2, { enforcing5xx: 50 }, seededRandom(3));
  half.answer(0, 'server-error', 20);
  expect(half.reasons).toEqual(['consecutive-5xx']);
  const disabled = setUp(2, { consecutive5xx: 0 });
  disabled.answer(0, 'server-error', 100);
  expect(disabled.reasons).toEqual([]);
});

test('RS-08: 429 is no failure', () => {
  expect(resultOf(429 >= 500, 429)).toBe('success');
  expect([resultOf(true, 500), resultOf(true, 503), resultOf(true, 0)]).toEqual([
    'server-error',
    'gateway-error',
    'local-origin',
  ]);
});

test('RS-09: an endpoint whose success rate is far below the mean is ejected at the end of the interval', () => {
  const { successRate } = defaultOutlier;
  const { answer, detector, reasons, available } = setUp(6, {
    consecutive5xx: 0,
    successRate: { ...successRate, enforcing: 100 },
  });
  for (let i = 0; i < 6; i++) {
    const failures = i === 0 ? 40 : 1;
    answer(i, 'success', 120 - failures);
    answer(i, 'server-error', failures);
  }
  detector.refresh(9_999);
  expect(reasons).toEqual([]);
  detector.refresh(10_000);
  expect(reasons).toEqual(['success-rate']);
  expect(available()).toEqual([false, true, true, true, true, true]);
});

test('RS-09: too few requests or too few endpoints prove nothing', () => {
  const { successRate } = defaultOutlier;
  for (const [hosts, requests] of [
    [6, 99],
    [4, 200],
  ] as const) {
    const { answer, detector, reasons } = setUp(hosts, {
      consecutive5xx: 0,
      successRate: { ...successRate, enforcing: 100 },
    });
    for (let i = 0; i < hosts; i++) answer(i, i === 0 ? 'server-error' : 'success', requests);
    detector.refresh(10_000);
    expect(reasons).toEqual([]);
  }
});

test('RS-09: the share of failures may be limited too, of answers and of connections', () => {
  const { failurePercentage } = defaultOutlier;
  const config = { ...failurePercentage, threshold: 30, enforcing: 100, enforcingLocalOrigin: 100 };
  const answers = setUp(5, { consecutive5xx: 0, failurePercentage: config });
  const connections = setUp(5, { consecutive5xx: 0, failurePercentage: config, splitLocalOrigin: true });
  for (let i = 0; i < 5; i++) {
    for (const [under, failure] of [
      [answers, 'server-error'],
      [connections, 'local-origin'],
    ] as const) {
      under.answer(i, 'success', i === 4 ? 65 : 75);
      under.answer(i, failure, i === 4 ? 35 : 25);
    }
  }
  for (const under of [answers, connections]) {
    under.detector.refresh(10_000);
    expect(under.reasons).toEqual(['failure-percentage']);
    expect(under.available()).toEqual([true, true, true, true, false]);
  }
});

test('an ejection may last longer by chance, so that proxies do not probe together', () => {
  const { fail, detector, first } = setUp(2, { maxEjectionJitterMs: 10_000 }, () => 0.5);
  fail(0);
  detector.refresh(34_999);
  expect(first.available).toBe(false);
  detector.refresh(35_000);
  expect(first.available).toBe(true);
});

test('a passed health check ends an ejection only where asked to', () => {
  for (const checkReturns of [false, true]) {
    const { fail, detector, first } = setUp(2, { checkReturns });
    fail(0);
    detector.onCheckPassed(first, 1_000);
    expect(first.available).toBe(checkReturns);
  }
});

test('P-52: an endpoint that flaps every second is out nearly all of the time, and comes back less and less often', () => {
  const { detector, endpoints, first, reasons } = setUp(5);
  let served = 0;
  const returns: number[] = [];
  for (let now = 0; now < 1_800_000; now += 50) {
    detector.refresh(now);
    if (!first.available) continue;
    served++;
    const up = Math.floor(now / 1_000) % 2 === 0;
    detector.onStart(first, now);
    const before = reasons.length;
    detector.onResult(first, up ? 'success' : 'server-error', now);
    if (reasons.length > before) returns.push(now);
  }
  expect(endpoints.slice(1).every((one) => one.available)).toBe(true);
  // 36,000 requests in half an hour, had it served all the time.
  expect(served).toBeLessThan(1_000);
  const gaps = returns.map((at, i) => at - (returns[i - 1] ?? 0));
  expect(gaps.at(-1)).toBeGreaterThan(200_000);
});
