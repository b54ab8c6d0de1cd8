import { expect, test } from 'vitest';
import { RestartPlan } from './restart-plan.ts';

test('P-59: a worker comes back at once, and after quick ends later and later, up to 30 s, with an alarm', () => {
  const plan = new RestartPlan();
  expect(plan.delayAfter(60_000)).toBe(0);
  const delays = Array.from({ length: 8 }, () => [plan.delayAfter(100), plan.looping]);
  expect(delays).toEqual([
    [0, false],
    [1_000, false],
    [2_000, true],
    [4_000, true],
    [8_000, true],
    [16_000, true],
    [30_000, true],
    [30_000, true],
  ]);
  expect([plan.delayAfter(10_000), plan.looping]).toEqual([0, false]);
});
