import type { RetryPolicy } from '../route/route-table.ts';
import type { AttemptFailure } from './attempt.ts';
import type { RequestHead } from './head.ts';

/** Written by the outermost proxy that may retry; whoever sees it leaves retrying to that one (security.md P-49). */
export const attemptHeader = 'x-heddle-attempt';

const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/** Whether doing it twice does the same as doing it once (RFC 9110 §9.2.2), or the client says that it does. */
export function isIdempotent(head: RequestHead): boolean {
  return safeMethods.has(head.method) || head.headers.has('idempotency-key');
}

/** Whether the policy lets a request be sent again after this failure, which came before any response head. */
export function mayRetryFailure(
  policy: RetryPolicy,
  kind: AttemptFailure['kind'] | 'timeout',
  idempotent: boolean,
): boolean {
  switch (kind) {
    case 'connect-refused':
    case 'connect-timeout':
    case 'tls-failure':
    case 'connect-failure':
      // Nothing was sent, so it is safe for every method.
      return policy.on.has('connect-failure') || policy.on.has('reset-before-request');
    case 'refused':
      return policy.on.has('refused-stream') || policy.on.has('reset-before-request');
    case 'remote-reset':
      return idempotent && (policy.on.has('reset') || policy.on.has('5xx'));
    case 'timeout':
      return idempotent && (policy.on.has('gateway-error') || policy.on.has('5xx') || policy.on.has('reset'));
    case 'overflow':
    case 'protocol-error':
    case 'local-reset':
      return false;
  }
}

/** Whether the policy lets a request be sent again after a response with this status. */
export function mayRetryStatus(policy: RetryPolicy, status: number, idempotent: boolean): boolean {
  if (status < 400 || !idempotent) return false;
  if (policy.on.has('5xx') && status >= 500) return true;
  if (policy.on.has('gateway-error') && status >= 502 && status <= 504) return true;
  return policy.on.has('retriable-status-codes') && policy.statuses.includes(status);
}

/** Milliseconds to wait before retry number `retry` (from 1): full jitter below a ceiling that doubles. */
export function retryDelay(policy: RetryPolicy, retry: number, random: number): number {
  return random * Math.min(policy.backoffMaxMs, policy.backoffBaseMs * 2 ** Math.min(retry - 1, 20));
}
