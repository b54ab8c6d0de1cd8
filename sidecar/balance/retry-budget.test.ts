import { expect, test } from 'vitest';
import { RetryBudget } from './retry-budget.ts';

test('the minimum is allowed without any load, and a share comes back when released', () => {
  const budget = new RetryBudget(20, 3);
  expect([1, 2, 3, 4].map(() => budget.tryAcquire(0))).toEqual([true, true, true, false]);
  budget.release();
  expect([budget.tryAcquire(0), budget.tryAcquire(0)]).toEqual([true, false]);
});

test('above the minimum the share of active requests counts', () => {
  const budget = new RetryBudget(20, 3);
  const granted = Array.from({ length: 100 }, () => budget.tryAcquire(50)).filter(Boolean);
  expect(granted).toHaveLength(10);
  expect(budget.active).toBe(10);
  expect(budget.tryAcquire(54)).toBe(false);
  expect(budget.tryAcquire(55)).toBe(true);
});

test('a release too many gives nothing away', () => {
  const budget = new RetryBudget(0, 1);
  budget.release();
  expect([budget.tryAcquire(0), budget.tryAcquire(0)]).toEqual([true, false]);
});
