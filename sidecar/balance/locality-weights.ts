/** One locality's endpoints of a priority, counted. */
export interface LocalityCounts {
  /** Where we are too. */
  own: boolean;
  /** Of the locality, by configuration. */
  weight: number;
  /** Weights of all its endpoints, and of those that are available. */
  total: number;
  available: number;
}

/** No endpoint gets more than so many times the mean load because callers prefer their own zone (security.md P-54). */
const largestOverload = 1.2;

/** By its own weight, less where it lost more endpoints than over-provisioning makes up for (Envoy's formula). */
export function weightedShares(localities: readonly LocalityCounts[], overprovisioningFactor: number): number[] {
  return localities.map(({ weight, total, available }) =>
    total === 0 ? 0 : weight * Math.min(1, (available * overprovisioningFactor) / (100 * total)),
  );
}

/**
 * Prefers our own locality as far as that cannot overload it: how callers are spread over zones is not known, so even
 * if all of them stood in this one, its endpoints must not get more than 1.2 times the mean. The rest goes to the
 * others by their size. `routingPercent` of requests are sent this way, the others by size alone.
 */
export function zoneAwareShares(localities: readonly LocalityCounts[], routingPercent: number): number[] {
  const total = localities.reduce((sum, { available }) => sum + available, 0);
  const near = localities.reduce((sum, { own, available }) => (own ? sum + available : sum), 0);
  if (total === 0 || near === 0 || near === total) return localities.map(({ available }) => available);
  const fair = near / total;
  const preferred = Math.min(1, largestOverload * fair);
  const nearShare = fair + ((preferred - fair) * routingPercent) / 100;
  return localities.map(({ own, available }) =>
    own ? (nearShare * available) / near : ((1 - nearShare) * available) / (total - near),
  );
}
