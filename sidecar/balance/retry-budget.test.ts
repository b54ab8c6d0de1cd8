import { expect, test } from 'vitest';
import { RetryBudget } from './retry-budget.ts';

/** A budget that so many requests have been counted for. */
function budgetAfter(requests: number, percent = 20, minConcurrency = 3): RetryBudget {
  const budget = new RetryBudget(percent, minConcurrency);
  for (let i = 0; i < requests; i++) budget.onRequest();
  return budget;
}

test('the minimum is allowed without any load, and a share comes back when released', () => {
  const budget = budgetAfter(100);
  expect([1, 2, 3, 4].map(() => budget.tryAcquire(0, 0))).toEqual([true, true, true, false]);
  budget.release();
  expect([budget.tryAcquire(0, 0), budget.tryAcquire(0, 0)]).toEqual([true, false]);
});

test('above the minimum the share of active requests counts', () => {
  const budget = budgetAfter(1_000);
  const granted = Array.from({ length: 100 }, () => budget.tryAcquire(50, 0)).filter(Boolean);
  expect(granted).toHaveLength(10);
  expect(budget.active).toBe(10);
  expect(budget.remaining(100)).toBe(10);
  expect(budget.tryAcquire(54, 0)).toBe(false);
  expect(budget.tryAcquire(55, 0)).toBe(true);
});

test('P-49: retries that are over at once are bounded by the share of all requests', () => {
  const budget = new RetryBudget(20, 3);
  let retries = 0;
  for (let i = 0; i < 1_000; i++) {
    budget.onRequest();
    // 1,000 requests in a second, each of them tried again as often as it may be.
    while (budget.tryAcquire(100, i)) {
      retries++;
      budget.release();
    }
  }
  // What was there before the first request had earned anything was counted against what the next ones earned.
  expect(retries).toBeLessThanOrEqual(200);
  expect(retries).toBeGreaterThan(197);
});

test('a quiet service has some retries again after a second, and none without a minimum', () => {
  const taken = (budget: RetryBudget, now: number) => {
    let count = 0;
    while (budget.tryAcquire(1, now)) {
      count++;
      budget.release();
    }
    return count;
  };
  const budget = budgetAfter(0);
  expect([taken(budget, 5_000), taken(budget, 5_900), taken(budget, 6_000)]).toEqual([10, 0, 10]);
  const without = budgetAfter(0, 20, 0);
  expect([taken(without, 0), taken(without, 2_000)]).toEqual([0, 0]);
});

test('what was earned long ago is forgotten', () => {
  const budget = budgetAfter(100_000);
  let granted = 0;
  while (budget.tryAcquire(1e6, 0)) granted++;
  expect(granted).toBe(200);
});

test('a fixed bound holds at any load', () => {
  const budget = new RetryBudget(100, 3, 2);
  for (let i = 0; i < 100; i++) budget.onRequest();
  expect([1, 2, 3].map(() => budget.tryAcquire(100, 0))).toEqual([true, true, false]);
});

test('a release too many gives nothing away', () => {
  const budget = new RetryBudget(0, 1);
  budget.release();
  expect([budget.tryAcquire(0, 0), budget.tryAcquire(0, 0)]).toEqual([true, false]);
});
