/** An unsigned 64-bit number as two of 32 bits; a BigInt would cost microseconds for each request. */
export interface Hash64 {
  readonly high: number;
  readonly low: number;
}

/** Below, equal or above 0 as `a` is before, at or after `b`. */
export function compareHashes(a: Hash64, b: Hash64): number {
  return a.high - b.high || a.low - b.low;
}

/** The remainder of a division by a number below 2^26. */
export function hashModulo({ high, low }: Hash64, divisor: number): number {
  return ((high % divisor) * (2 ** 32 % divisor) + (low % divisor)) % divisor;
}

/** Joins the hash of one more policy to what the policies before it gave: rotated, so that equal ones do not cancel out. */
export function combineHashes(before: Hash64 | undefined, next: Hash64): Hash64 {
  if (before === undefined) return next;
  const high = ((before.high << 1) | (before.low >>> 31)) >>> 0;
  const low = ((before.low << 1) | (before.high >>> 31)) >>> 0;
  return { high: (high ^ next.high) >>> 0, low: (low ^ next.low) >>> 0 };
}

export function hashToBigInt({ high, low }: Hash64): bigint {
  return (BigInt(high) << 32n) | BigInt(low);
}

export function hashFromBigInt(value: bigint): Hash64 {
  return { high: Number((value >> 32n) & 0xffff_ffffn), low: Number(value & 0xffff_ffffn) };
}
