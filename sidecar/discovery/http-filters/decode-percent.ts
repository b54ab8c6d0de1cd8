import type { Percent } from '../../../proto/gen/envoy/type/v3/percent.ts';
import { join, type Reader } from '../reader.ts';

/** A share between 0 and 1, or `fallback` when it is not set. */
export function decodePercent(reader: Reader, path: string, message: Percent | undefined, fallback: number): number {
  if (message === undefined) return fallback;
  if (!(message.value >= 0 && message.value <= 100)) reader.problem(join(path, 'value'), 'not from 0 to 100');
  return message.value / 100;
}
