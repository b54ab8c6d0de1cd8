/** Envoy's words of `retry_on`, of `x-envoy-retry-on` and of `x-envoy-retry-grpc-on`. */
export const retryConditions = [
  'connect-failure',
  'refused-stream',
  'reset-before-request',
  'reset',
  '5xx',
  'gateway-error',
  'retriable-4xx',
  'retriable-status-codes',
  'retriable-headers',
  'envoy-ratelimited',
  'cancelled',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
  'unavailable',
] as const;

export type RetryCondition = (typeof retryConditions)[number];

/** The words that speak of a gRPC status, with its code. */
export const grpcConditions: readonly (readonly [RetryCondition, number])[] = [
  ['cancelled', 1],
  ['deadline-exceeded', 4],
  ['internal', 13],
  ['resource-exhausted', 8],
  ['unavailable', 14],
];

export function isRetryCondition(word: string): word is RetryCondition {
  return (retryConditions as readonly string[]).includes(word);
}
