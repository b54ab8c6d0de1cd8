import type { RuntimeFractionalPercent } from '../../proto/gen/envoy/config/core/v3/base.ts';
import { type FractionalPercent, FractionalPercent_DenominatorType } from '../../proto/gen/envoy/type/v3/percent.ts';
import { join, type Reader } from './reader.ts';

const denominators: Readonly<Record<number, number>> = {
  [FractionalPercent_DenominatorType.HUNDRED]: 100,
  [FractionalPercent_DenominatorType.TEN_THOUSAND]: 10_000,
  [FractionalPercent_DenominatorType.MILLION]: 1_000_000,
};

/** A share between 0 and 1; more than the whole is the whole, as in Envoy. 1 when it is not set. */
export function decodeFraction(reader: Reader, path: string, message: FractionalPercent | undefined): number {
  if (message === undefined) return 1;
  const denominator = denominators[message.denominator];
  if (denominator === undefined) reader.problem(join(path, 'denominator'), 'not supported');
  return Math.min(1, message.numerator / (denominator ?? 100));
}

/** There is no runtime here: its default is what counts, and `runtime_key` only names it. */
export function decodeRuntimeFraction(
  reader: Reader,
  path: string,
  message: RuntimeFractionalPercent | undefined,
): number {
  return message === undefined ? 1 : decodeFraction(reader, join(path, 'default_value'), message.defaultValue);
}
