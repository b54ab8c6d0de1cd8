import type { RequestHead } from './head.ts';
import { parseGrpcTimeout, parseRequestTimeout } from './request-timeout.ts';

/** Written by the outermost proxy that may retry; whoever sees it leaves retrying to that one (security.md P-49). */
export const attemptHeader = 'x-heddle-attempt';
/** How long the client waits for the whole; see {@link parseRequestTimeout}. Each hop writes what is left. */
export const requestTimeoutHeader = 'x-request-timeout';
export const grpcTimeoutHeader = 'grpc-timeout';

/** What the fields of a request say about how it wants to be called. */
export interface CallHeaders {
  /** Another proxy retries. */
  readonly attempted: boolean;
  readonly idempotencyKey: boolean;
  /** Milliseconds from the request's head on; `undefined` where nothing is said. */
  readonly requestTimeoutMs: number | undefined;
  readonly grpcTimeoutMs: number | undefined;
  /** Envoy's `x-envoy-…` fields that steer the router, by lower-case name; `undefined` where there is none. */
  readonly tuning: ReadonlyMap<string, string> | undefined;
}

const nothingSaid: CallHeaders = {
  attempted: false,
  idempotencyKey: false,
  requestTimeoutMs: undefined,
  grpcTimeoutMs: undefined,
  tuning: undefined,
};

/** Fields that an application beside us may steer its calls by. */
const tuningNames: ReadonlySet<string> = new Set([
  'x-envoy-retry-on',
  'x-envoy-retry-grpc-on',
  'x-envoy-max-retries',
  'x-envoy-retriable-status-codes',
  'x-envoy-upstream-rq-timeout-ms',
  'x-envoy-upstream-rq-per-try-timeout-ms',
  'x-envoy-hedge-on-per-try-timeout',
]);

/** Reads them in one pass; most requests have none. Where a time-out is said twice, the shorter counts. */
export function readCallHeaders(head: RequestHead): CallHeaders {
  const { names, values } = head.headers;
  let attempted = false;
  let idempotencyKey = false;
  let requestTimeoutMs: number | undefined;
  let grpcTimeoutMs: number | undefined;
  let tuning: Map<string, string> | undefined;
  let found = false;
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string;
    const first = name.charCodeAt(0);
    if (first === 120) {
      if (name === attemptHeader) found = attempted = true;
      else if (name === requestTimeoutHeader) {
        requestTimeoutMs = shorter(requestTimeoutMs, parseRequestTimeout(values[i] as string));
        found = true;
      } else if (name.charCodeAt(2) === 101 && tuningNames.has(name)) {
        tuning ??= new Map();
        tuning.set(name, values[i] as string);
        found = true;
      }
    } else if (first === 105 && name === 'idempotency-key') found = idempotencyKey = true;
    else if (first === 103 && name === grpcTimeoutHeader) {
      grpcTimeoutMs = shorter(grpcTimeoutMs, parseGrpcTimeout(values[i] as string));
      found = true;
    }
  }
  return found ? { attempted, idempotencyKey, requestTimeoutMs, grpcTimeoutMs, tuning } : nothingSaid;
}

function shorter(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined) return b;
  return b === undefined ? a : Math.min(a, b);
}
