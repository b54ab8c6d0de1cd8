import { expect, test } from 'vitest';
import type { BalancedEndpoint } from './balancer.ts';
import { OutlierDetector } from './outlier.ts';
import { endpoint } from './shared-suite.ts';

function setUp(count: number) {
  const endpoints = Array.from({ length: count }, (_, i) => endpoint(i));
  const detector = new OutlierDetector<BalancedEndpoint>();
  detector.update(endpoints, 0);
  const fail = (index: number, times = 5, now = 0) => {
    let ejected = false;
    for (let i = 0; i < times; i++) ejected = detector.onResult(endpoints[index] as BalancedEndpoint, true, now);
    return ejected;
  };
  const available = () => endpoints.map((one) => one.available);
  return { endpoints, detector, fail, available, first: endpoints[0] as BalancedEndpoint };
}

test('five failures in a row eject; a success between them starts the count again', () => {
  const { detector, fail, available, first } = setUp(2);
  expect(fail(0, 4)).toBe(false);
  detector.onResult(first, false, 0);
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
  detector.onResult(first, false, 30_010);
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
    expect(detector.onResult(first, true, now)).toBe(true);
  }
});

test('time in service is forgiven in steps of the base time', () => {
  const { detector, fail, first } = setUp(2);
  fail(0);
  detector.refresh(30_000);
  detector.onStart(first, 30_000);
  detector.onResult(first, false, 30_000);
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
  detector.onResult(first, false, 10);
  expect(detector.onResult(first, true, 10)).toBe(false);
  expect(detector.stateOf(first)).toBe('ejected');
  detector.refresh(30_000);
  expect(first.available).toBe(true);
});
