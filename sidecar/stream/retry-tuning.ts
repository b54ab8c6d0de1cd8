import { isRetryCondition, type RetryCondition } from '../route/retry-conditions.ts';
import type { RetryPolicy } from '../route/route-table.ts';
import { longestTimeoutMs } from './request-timeout.ts';

const maxRetries = 10;

/**
 * The route's policy as the request's own `x-envoy-…` fields change it (Envoy's router filter): words and statuses are
 * added, numbers take the route's place. What cannot be read is as if it were not there.
 */
export function tunedRetry(policy: RetryPolicy, tuning: ReadonlyMap<string, string>): RetryPolicy {
  const words = [...wordsOf(tuning.get('x-envoy-retry-on')), ...wordsOf(tuning.get('x-envoy-retry-grpc-on'))];
  const statuses = listOf(tuning.get('x-envoy-retriable-status-codes')).map(Number).filter(isStatus);
  const retries = milliseconds(tuning.get('x-envoy-max-retries'));
  // Words without a number mean one retry.
  const attempts = retries ?? (words.length > 0 ? Math.max(1, policy.attempts) : policy.attempts);
  const hedge = tuning.get('x-envoy-hedge-on-per-try-timeout');
  return {
    ...policy,
    attempts: Math.min(attempts, maxRetries),
    on: words.length === 0 ? policy.on : new Set([...policy.on, ...words]),
    statuses: statuses.length === 0 ? policy.statuses : [...policy.statuses, ...statuses],
    perTryTimeoutMs: milliseconds(tuning.get('x-envoy-upstream-rq-per-try-timeout-ms')) ?? policy.perTryTimeoutMs,
    hedgeOnPerTryTimeout: hedge === undefined ? policy.hedgeOnPerTryTimeout : hedge === 'true',
  };
}

/** A decimal integer, cut to what a timer can wait; `undefined` for anything else. */
export function milliseconds(value: string | undefined): number | undefined {
  if (value === undefined || !/^\d{1,20}$/.test(value)) return undefined;
  return Math.min(Number(value), longestTimeoutMs);
}

function wordsOf(value: string | undefined): RetryCondition[] {
  return listOf(value).filter(isRetryCondition);
}

function listOf(value: string | undefined): string[] {
  return value === undefined ? [] : value.split(',').map((item) => item.trim());
}

function isStatus(status: number): boolean {
  return Number.isInteger(status) && status >= 100 && status <= 599;
}
