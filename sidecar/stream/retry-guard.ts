import { matchResponseHeaders } from '../route/match-values.ts';
import { grpcConditions } from '../route/retry-conditions.ts';
import type { RetryPolicy } from '../route/route-table.ts';
import type { Attempt, AttemptFailure } from './attempt.ts';
import { grpcStatusIn } from './grpc-status.ts';
import type { ResponseHead } from './head.ts';

const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/** Whether doing it twice does the same as doing it once (RFC 9110 §9.2.2). */
export function isIdempotentMethod(method: string): boolean {
  return safeMethods.has(method);
}

/** Reasons of a proxy's own answer that prove that no application has seen the request. */
const unprocessedReasons: ReadonlySet<string> = new Set([
  'connect-refused',
  'connect-timeout',
  'tls-failure',
  'no-healthy-endpoints',
  'no-cluster',
  'no-route-table',
]);

/** Whether the proxy that answered says that it got no further with the request than itself. */
export function wasNotProcessed(head: ResponseHead): boolean {
  const reason = head.headers.get('x-heddle-reason');
  if (reason === undefined) return false;
  const end = reason.indexOf(';');
  return unprocessedReasons.has(end < 0 ? reason : reason.slice(0, end));
}

/** Whether the policy lets a request be sent again after this failure, which came before any response head. */
export function mayRetryFailure(
  { on }: RetryPolicy,
  kind: AttemptFailure['kind'] | 'timeout',
  idempotent: boolean,
): boolean {
  const anyFailure = on.has('5xx') || on.has('reset');
  switch (kind) {
    case 'connect-refused':
    case 'connect-timeout':
    case 'tls-failure':
    case 'connect-failure':
      // Nothing was sent, so it is safe for every method.
      return anyFailure || on.has('connect-failure') || on.has('reset-before-request');
    case 'refused':
      return anyFailure || on.has('refused-stream') || on.has('reset-before-request');
    case 'remote-reset':
      return idempotent && anyFailure;
    case 'timeout':
      return idempotent && (anyFailure || on.has('gateway-error'));
    case 'overflow':
    case 'protocol-error':
    case 'local-reset':
      return false;
  }
}

/**
 * Whether the policy lets a request be sent again after this answer. A gRPC status that the policy names is its
 * author's word that such an answer may be asked for again (gRFC A6); for all else a request that is not idempotent
 * stays answered.
 */
export function mayRetryResponse(policy: RetryPolicy, head: ResponseHead, idempotent: boolean, grpc: boolean): boolean {
  const { on } = policy;
  if (grpc && mayRetryGrpc(policy, head)) return true;
  if (!idempotent) return false;
  if (head.status >= 400) {
    if (head.headers.has('x-envoy-ratelimited')) return on.has('envoy-ratelimited');
    if (mayRetryStatus(policy, head.status)) return true;
  }
  return on.has('retriable-headers') && matchResponseHeaders(policy.responseHeaders, head);
}

function mayRetryStatus({ on, statuses }: RetryPolicy, status: number): boolean {
  if (on.has('5xx') && status >= 500) return true;
  if (on.has('gateway-error') && status >= 502 && status <= 504) return true;
  if (on.has('retriable-4xx') && status === 409) return true;
  return on.has('retriable-status-codes') && statuses.includes(status);
}

/** Only a status in the head counts: behind a message the call has been answered in part. */
function mayRetryGrpc({ on }: RetryPolicy, { headers }: ResponseHead): boolean {
  const code = grpcStatusIn(headers);
  if (code === undefined || code === 0) return false;
  for (const [word, wanted] of grpcConditions) if (code === wanted && on.has(word)) return true;
  return false;
}

/**
 * Whether an attempt failed without the endpoint having done anything: HTTP/2 proves that a stream was not processed
 * (REFUSED_STREAM, GOAWAY), or the endpoint closed a connection between two requests, just when the next was sent.
 */
export function costNothing(attempt: Attempt, failure: AttemptFailure, idempotent: boolean): boolean {
  const { kind, detail } = failure;
  if (kind === 'refused') return true;
  if (kind !== 'remote-reset' || !attempt.reused || !idempotent) return false;
  // One stream of HTTP/2 that is reset says nothing of its connection.
  return attempt.connection?.protocol === 'http1' || detail === 'h2.connection-closed';
}
