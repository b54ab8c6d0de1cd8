import { expected, type ValueFault } from './read-scalar.ts';

/** Seconds and the rest in nanoseconds, both of one sign; of a duration, or of a time since 1970. */
export interface SecondsAndNanos {
  readonly seconds: number;
  readonly nanos: number;
}

/** About 10,000 years, the range of `google.protobuf.Duration`. */
const maxSeconds = 315_576_000_000;
const units: Readonly<Record<string, number>> = { ms: 0.001, m: 60, h: 3_600, d: 86_400 };

/** Reads `1.5s`, the one form of a duration in ProtoJSON (security.md CF-08). */
export function readDuration(value: unknown): SecondsAndNanos | ValueFault {
  const [, sign, whole, fraction = ''] =
    typeof value === 'string' ? (/^(-?)(\d+)(?:\.(\d{1,9}))?s$/.exec(value) ?? []) : [];
  if (whole === undefined) return expected('a duration in seconds, such as "1.5s"', value, durationHint(value));
  const seconds = Number(whole);
  if (seconds > maxSeconds) return { message: `${value} is longer than 10,000 years` };
  const nanos = Number(fraction.padEnd(9, '0'));
  return sign === '-' ? { seconds: 0 - seconds, nanos: 0 - nanos } : { seconds, nanos };
}

function durationHint(value: unknown): string | undefined {
  if (typeof value === 'number' && value >= 0) return `write "${value}s"`;
  const [, number, unit = ''] = typeof value === 'string' ? (/^(\d+(?:\.\d+)?)(ms|m|h|d)$/.exec(value) ?? []) : [];
  return number === undefined ? undefined : `write "${Number((Number(number) * (units[unit] ?? 1)).toFixed(9))}s"`;
}

/** Reads `2026-01-31T12:00:00.5Z` (RFC 3339). */
export function readTimestamp(value: unknown): SecondsAndNanos | ValueFault {
  const syntax = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/;
  const [, time, fraction = '', zone] = typeof value === 'string' ? (syntax.exec(value) ?? []) : [];
  const ms = Date.parse(`${time}${zone}`);
  if (Number.isNaN(ms)) return expected('a time such as "2026-01-31T12:00:00Z"', value);
  return { seconds: ms / 1000, nanos: Number(fraction.padEnd(9, '0')) };
}
