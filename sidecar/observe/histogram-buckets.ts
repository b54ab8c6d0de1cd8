import type { Sample } from './metric-family.ts';

/** Upper bounds in milliseconds; a proxied hop takes well below one, a time-out some thousands. */
export const latencyBoundsMs: readonly number[] = [
  0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000,
];

/** Cells a histogram takes: one for each bound, one above the last, and the sum. */
export const histogramCells = latencyBoundsMs.length + 2;

/** Adds a value to the histogram that starts at `offset`. */
export function recordLatency(cells: Float64Array, offset: number, ms: number): void {
  let bucket = 0;
  while (bucket < latencyBoundsMs.length && ms > (latencyBoundsMs[bucket] as number)) bucket++;
  const sum = offset + latencyBoundsMs.length + 1;
  cells[offset + bucket] = (cells[offset + bucket] as number) + 1;
  cells[sum] = (cells[sum] as number) + ms;
}

/** The lines of the histogram at `offset`, cumulative; none when nothing was recorded. */
export function histogramSamples(
  name: string,
  cells: Float64Array,
  offset: number,
  sharedLabels: Readonly<Record<string, string>>,
): Sample[] {
  const samples: Sample[] = [];
  let count = 0;
  for (let bucket = 0; bucket <= latencyBoundsMs.length; bucket++) {
    count += cells[offset + bucket] as number;
    const le = latencyBoundsMs[bucket] ?? '+Inf';
    samples.push({ metricName: `${name}_bucket`, labels: { le }, sharedLabels, value: count });
  }
  if (count === 0) return [];
  const sum = cells[offset + latencyBoundsMs.length + 1] as number;
  samples.push({ metricName: `${name}_sum`, labels: {}, sharedLabels, value: sum });
  samples.push({ metricName: `${name}_count`, labels: {}, sharedLabels, value: count });
  return samples;
}
