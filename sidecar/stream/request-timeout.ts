/** The longest that is told apart from longer ones, in milliseconds: what a timer can wait. */
export const longestTimeoutMs = 2 ** 31 - 1;

const grpcUnits: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };

/**
 * Milliseconds of a `grpc-timeout` (gRPC over HTTP/2: digits and a unit), or `undefined` where it is none. What is too
 * long is cut to {@link longestTimeoutMs}, also where there are more digits than the eight that are allowed.
 */
export function parseGrpcTimeout(value: string): number | undefined {
  const match = /^(\d{1,64})([HMSmun])$/.exec(value);
  if (match === null) return undefined;
  return Math.min(longestTimeoutMs, Number(match[1]) * (grpcUnits[match[2] as string] as number));
}

/** The same, in at most eight digits, and never more than `ms`. */
export function formatGrpcTimeout(ms: number): string {
  const whole = Math.floor(ms);
  if (whole < 1) return `${Math.max(0, Math.floor(ms * 1_000))}u`;
  return whole < 100_000_000 ? `${whole}m` : `${Math.floor(whole / 1_000)}S`;
}

const plainUnits: Readonly<Record<string, number>> = { '': 1_000, ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/**
 * Milliseconds of an `x-request-timeout`: a decimal number, followed by `ms`, `s`, `m` or `h`; without a unit it is
 * seconds. `undefined` where it is none; cut to {@link longestTimeoutMs}.
 */
export function parseRequestTimeout(value: string): number | undefined {
  const match = /^(\d{1,64}(?:\.\d{1,9})?) ?(ms|s|m|h|)$/.exec(value);
  if (match === null) return undefined;
  return Math.min(longestTimeoutMs, Number(match[1]) * (plainUnits[match[2] as string] as number));
}

export function formatRequestTimeout(ms: number): string {
  return `${Math.max(0, Math.floor(ms))}ms`;
}
