import type { ForwardAction } from '../route/route-table.ts';
import { type CallHeaders, grpcTimeoutHeader, requestTimeoutHeader } from './call-headers.ts';
import type { RequestHead } from './head.ts';
import { formatGrpcTimeout, formatRequestTimeout } from './request-timeout.ts';
import { milliseconds } from './retry-tuning.ts';

/** Told to the upstream beside the client's own field: milliseconds after which nobody waits any more. */
const expectedTimeoutHeader = 'x-envoy-expected-rq-timeout-ms';

/** A bound on a whole stream, from its head on. */
export interface HardLimit {
  /** Of the monotonic clock. */
  readonly at: number;
  readonly ms: number;
  readonly reason: 'deadline-exceeded' | 'max-stream-duration';
  /** The knob, for people. */
  readonly source: string;
}

/** The route's time-out, or the one in its place that the application asked for; milliseconds, 0 for none. */
export function totalTimeoutMs(action: ForwardAction, said: CallHeaders): number {
  return milliseconds(said.tuning?.get('x-envoy-upstream-rq-timeout-ms')) ?? action.timeoutMs;
}

/**
 * The tightest of what the client said (`x-request-timeout`, `grpc-timeout`) and how long a stream may last by the
 * route or, where that is silent, by the chain (`chainMs`, 0 for none).
 */
export function hardLimit(
  { streamDuration }: ForwardAction,
  said: CallHeaders,
  chainMs: number,
  startTime: number,
): HardLimit | undefined {
  const maxMs = streamDuration?.maxMs ?? chainMs;
  let limit: HardLimit | undefined;
  if (maxMs > 0) {
    limit = { at: startTime + maxMs, ms: maxMs, reason: 'max-stream-duration', source: 'max_stream_duration' };
  }
  const { requestTimeoutMs, grpcTimeoutMs } = said;
  if (requestTimeoutMs !== undefined) limit = tighter(limit, requestTimeoutMs, requestTimeoutHeader, startTime);
  if (grpcTimeoutMs === undefined) return limit;
  const cap = streamDuration?.grpcMaxMs ?? 0;
  const offset = streamDuration?.grpcOffsetMs ?? 0;
  const ms = Math.max(0, (cap > 0 ? Math.min(grpcTimeoutMs, cap) : grpcTimeoutMs) - offset);
  return tighter(limit, ms, grpcTimeoutHeader, startTime);
}

function tighter(limit: HardLimit | undefined, ms: number, source: string, startTime: number): HardLimit {
  if (limit !== undefined && limit.ms <= ms) return limit;
  return { at: startTime + ms, ms, reason: 'deadline-exceeded', source };
}

/** Writes what is left into the fields in which the client said its time-out, so that it shrinks from hop to hop. */
export function writeRemaining(head: RequestHead, said: CallHeaders, limit: HardLimit, now: number): void {
  const left = limit.at - now;
  if (said.requestTimeoutMs === undefined && said.grpcTimeoutMs === undefined) return;
  if (said.requestTimeoutMs !== undefined) head.headers.set(requestTimeoutHeader, formatRequestTimeout(left));
  if (said.grpcTimeoutMs !== undefined) head.headers.set(grpcTimeoutHeader, formatGrpcTimeout(left));
  head.headers.set(expectedTimeoutHeader, String(Math.max(0, Math.floor(left))));
}
