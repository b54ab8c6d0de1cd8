import { afterEach, expect, test } from 'vitest';
import { FakeClock } from './clock.ts';
import { TimerWheel } from './timer-wheel.ts';

const clock = new FakeClock();
let wheel = new TimerWheel(10, 8, clock);
afterEach(() => {
  wheel.close();
  wheel = new TimerWheel(10, 8, clock);
});

function advance(ms: number): void {
  for (let passed = 0; passed < ms; passed += 5) {
    clock.advance(5);
    wheel.tick();
  }
}

test('a timer fires once, never early and at most one tick late', () => {
  for (const delay of [1, 10, 79, 80, 81, 500]) {
    const start = clock.now();
    const fired: number[] = [];
    wheel.start(delay, () => fired.push(clock.now() - start));
    advance(delay + 30);
    expect(fired).toHaveLength(1);
    expect(fired[0]).toBeGreaterThanOrEqual(delay);
    expect(fired[0]).toBeLessThanOrEqual(delay + 15);
  }
});

test('a stopped timer does not fire and a restarted one fires at its new time', () => {
  let stopped = 0;
  let restarted = 0;
  const first = wheel.start(20, () => stopped++);
  const second = wheel.start(20, () => restarted++);
  first.stop();
  advance(10);
  second.start(50);
  advance(40);
  expect([stopped, restarted]).toEqual([0, 0]);
  advance(30);
  expect([stopped, restarted]).toEqual([0, 1]);
});

test('a callback may stop or restart another timer that is due in the same turn', () => {
  const fired: string[] = [];
  const other = wheel.timer(() => fired.push('other'));
  const again = wheel.timer(() => fired.push('again'));
  wheel.start(20, () => {
    fired.push('first');
    other.stop();
    again.start(30);
  });
  other.start(20);
  again.start(20);
  advance(30);
  expect(fired).toEqual(['first']);
  advance(60);
  expect(fired).toEqual(['first', 'again']);
});
