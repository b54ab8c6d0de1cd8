/** Bounds grow by a quarter from 0.1 ms to over a minute, so a quantile read from them is at most 12 % off. */
const growth = 1.25;
const firstMs = 0.1;
const logGrowth = Math.log(growth);

/** Buckets of a histogram; the last one has no upper bound. */
export const latencyBuckets = 62;

/** The bucket of a duration in milliseconds. */
export function latencyBucket(ms: number): number {
  if (!(ms > firstMs)) return 0;
  return Math.min(latencyBuckets - 1, Math.ceil(Math.log(ms / firstMs) / logGrowth - 1e-9));
}

/** Upper bound of a bucket in milliseconds. */
export function latencyBound(bucket: number): number {
  return firstMs * growth ** bucket;
}

/** The quantile `q` (0-1) in milliseconds, interpolated inside its bucket; 0 when nothing was counted. */
export function latencyQuantile(counts: Readonly<ArrayLike<number>>, q: number): number {
  let total = 0;
  for (let bucket = 0; bucket < latencyBuckets; bucket++) total += counts[bucket] ?? 0;
  if (total === 0) return 0;
  const wanted = q * total;
  let below = 0;
  for (let bucket = 0; bucket < latencyBuckets; bucket++) {
    const count = counts[bucket] ?? 0;
    if (count > 0 && below + count >= wanted) {
      const low = bucket === 0 ? 0 : latencyBound(bucket - 1);
      return low + (latencyBound(bucket) - low) * ((wanted - below) / count);
    }
    below += count;
  }
  return latencyBound(latencyBuckets - 1);
}
