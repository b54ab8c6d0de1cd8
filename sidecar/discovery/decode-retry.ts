import {
  HedgePolicy,
  RetryPolicy_RateLimitedRetryBackOff,
  RetryPolicy_ResetHeaderFormat,
  RetryPolicy as RetryPolicyMessage,
} from '../../proto/gen/envoy/config/route/v3/route_components.ts';
import { isRetryCondition, type RetryCondition, retryConditions } from '../route/retry-conditions.ts';
import { noRetry, type RetryPolicy } from '../route/route-table.ts';
import { decodeHeaderMatch, requestPseudoHeaders } from './decode-value-match.ts';
import { fieldsOf } from './message-fields.ts';
import { join, type Reader } from './reader.ts';

const alwaysElsewhere = 'a retry always goes to another endpoint while there is one';

export const retryPolicyFields = fieldsOf(RetryPolicyMessage, {
  supported: [
    'retryOn',
    'numRetries',
    'perTryTimeout',
    'perTryIdleTimeout',
    'retriableStatusCodes',
    'retriableHeaders',
    'retriableRequestHeaders',
    'retryBackOff',
    'rateLimitedRetryBackOff',
  ],
  ignored: { retryHostPredicate: alwaysElsewhere, hostSelectionRetryMaxAttempts: alwaysElsewhere },
  limits: {
    numRetries: 'at most 10',
    retryOn:
      'a request that may not be idempotent is tried again only when nothing of it was processed, it has an `Idempotency-Key`, or a gRPC status is named; no HTTP/3',
  },
});

export const rateLimitedBackOffFields = fieldsOf(RetryPolicy_RateLimitedRetryBackOff, {
  supported: ['resetHeaders', 'maxInterval'],
  limits: { maxInterval: 'nobody is waited for longer than 60 s' },
});

export const hedgePolicyFields = fieldsOf(HedgePolicy, {
  supported: ['hedgeOnPerTryTimeout'],
  limits: { hedgeOnPerTryTimeout: 'of idempotent requests, within the retry budget' },
});

/** Reads a retry policy with the hedge policy beside it; without one nothing is tried again. */
export function decodeRetry(
  reader: Reader,
  path: string,
  policy: RetryPolicyMessage | undefined,
  hedge: HedgePolicy | undefined,
): RetryPolicy {
  if (hedge !== undefined) reader.only(join(path, 'hedge_policy'), hedge, hedgePolicyFields);
  if (policy === undefined) return noRetry;
  const at = join(path, 'retry_policy');
  reader.only(at, policy, retryPolicyFields);
  const attempts = policy.numRetries ?? 1;
  if (attempts > 10) reader.problem(join(at, 'num_retries'), `${attempts}; at most 10`);
  const backoff = join(at, 'retry_back_off');
  const base = reader.positiveDuration(join(backoff, 'base_interval'), policy.retryBackOff?.baseInterval, 25);
  const max = reader.positiveDuration(join(backoff, 'max_interval'), policy.retryBackOff?.maxInterval, base * 10);
  if (max < base) reader.problem(join(backoff, 'max_interval'), 'below base_interval');
  return {
    attempts,
    perTryTimeoutMs: reader.duration(join(at, 'per_try_timeout'), policy.perTryTimeout, 0),
    perTryIdleTimeoutMs: reader.duration(join(at, 'per_try_idle_timeout'), policy.perTryIdleTimeout, 0),
    on: decodeConditions(reader, join(at, 'retry_on'), policy.retryOn),
    statuses: policy.retriableStatusCodes,
    responseHeaders: policy.retriableHeaders.map((matcher, index) =>
      decodeHeaderMatch(reader, join(at, `retriable_headers[${index}]`), matcher, [':status']),
    ),
    requestHeaders: policy.retriableRequestHeaders.map((matcher, index) =>
      decodeHeaderMatch(reader, join(at, `retriable_request_headers[${index}]`), matcher, requestPseudoHeaders),
    ),
    backoffBaseMs: base,
    backoffMaxMs: max,
    rateLimited: decodeRateLimited(reader, join(at, 'rate_limited_retry_back_off'), policy.rateLimitedRetryBackOff),
    hedgeOnPerTryTimeout: hedge?.hedgeOnPerTryTimeout === true,
  };
}

function decodeConditions(reader: Reader, path: string, text: string): Set<RetryCondition> {
  const on = new Set<RetryCondition>();
  for (const word of text.split(',').map((one) => one.trim())) {
    if (isRetryCondition(word)) on.add(word);
    else if (word !== '') {
      reader.problem(path, `"${word}" is not supported; known are ${retryConditions.join(', ')}`);
    }
  }
  return on;
}

function decodeRateLimited(
  reader: Reader,
  path: string,
  message: RetryPolicy_RateLimitedRetryBackOff | undefined,
): RetryPolicy['rateLimited'] {
  if (message === undefined) return undefined;
  reader.only(path, message, rateLimitedBackOffFields);
  if (message.resetHeaders.length === 0) reader.problem(join(path, 'reset_headers'), 'missing');
  const { SECONDS, UNIX_TIMESTAMP } = RetryPolicy_ResetHeaderFormat;
  const resetHeaders = message.resetHeaders.map(({ name, format }, index) => {
    const at = join(path, `reset_headers[${index}]`);
    if (format !== SECONDS && format !== UNIX_TIMESTAMP) reader.problem(join(at, 'format'), 'not supported');
    return {
      name: reader.required(join(at, 'name'), name).toLowerCase(),
      format: format === UNIX_TIMESTAMP ? ('unix-timestamp' as const) : ('seconds' as const),
    };
  });
  return { resetHeaders, maxMs: reader.positiveDuration(join(path, 'max_interval'), message.maxInterval, 300_000) };
}
