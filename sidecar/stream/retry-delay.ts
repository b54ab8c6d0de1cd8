import type { RetryPolicy } from '../route/route-table.ts';
import type { ResponseHead } from './head.ts';

/** No upstream makes us wait for longer, whatever it says (security.md AZ-25). Milliseconds. */
const longestWaitMs = 60_000;

/** Milliseconds to wait before retry number `retry` (from 1): full jitter below a ceiling that doubles. */
export function backoffDelay(policy: RetryPolicy, retry: number, random: number): number {
  return random * Math.min(policy.backoffMaxMs, policy.backoffBaseMs * 2 ** Math.min(retry - 1, 20));
}

/**
 * Milliseconds that an answer asks to be left alone for, at most 60 s; `undefined` where it says nothing, and `'never'`
 * where it wants no retry. Read are `grpc-retry-pushback-ms` (gRFC A6), the fields of the policy's
 * `rate_limited_retry_back_off`, and `retry-after` of a 429 or 503. `wallMs` is the time of day.
 */
export function askedDelay(
  policy: RetryPolicy,
  head: ResponseHead,
  grpc: boolean,
  wallMs: number,
): number | 'never' | undefined {
  const pushback = grpc ? head.headers.get('grpc-retry-pushback-ms') : undefined;
  // What is negative or no number says: do not.
  if (pushback !== undefined) return /^\d{1,9}$/.test(pushback) ? Math.min(Number(pushback), longestWaitMs) : 'never';
  const { rateLimited } = policy;
  if (rateLimited !== undefined) {
    for (const { name, format } of rateLimited.resetHeaders) {
      const value = head.headers.get(name);
      const ms = value === undefined ? undefined : resetDelay(value, format, wallMs);
      if (ms !== undefined && ms <= rateLimited.maxMs) return Math.min(ms, longestWaitMs);
    }
  }
  if (head.status !== 429 && head.status !== 503) return undefined;
  const after = head.headers.get('retry-after');
  return after === undefined ? undefined : retryAfterDelay(after, wallMs);
}

/** `Retry-After` (RFC 9110 §10.2.3): seconds or a date. What is neither is as if it were not there. */
function retryAfterDelay(value: string, wallMs: number): number | undefined {
  // A date begins with the name of a day; JavaScript would make a date of nearly anything.
  const date = /^[A-Z][a-z]{2,8},? /.test(value) ? Date.parse(value) : Number.NaN;
  const ms = resetDelay(value, 'seconds', wallMs) ?? date - wallMs;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(0, ms), longestWaitMs);
}

function resetDelay(value: string, format: 'seconds' | 'unix-timestamp', wallMs: number): number | undefined {
  if (!/^\d{1,12}$/.test(value)) return undefined;
  return format === 'seconds' ? Number(value) * 1_000 : Math.max(0, Number(value) * 1_000 - wallMs);
}
