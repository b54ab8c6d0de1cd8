export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

export interface Ratio {
  median: number;
  min: number;
  max: number;
}

/**
 * Ratio of each round against the other's same round; rounds in which one of them got nothing done do not count. Nothing
 * when one of them has no such figures.
 */
export function ratios(values: readonly number[], others: readonly number[]): Ratio | undefined {
  if (values.length === 0 || others.length !== values.length) return undefined;
  const each = values.map((value, round) => value / (others[round] as number)).filter(Number.isFinite);
  if (each.length === 0) return undefined;
  return { median: median(each), min: Math.min(...each), max: Math.max(...each) };
}
