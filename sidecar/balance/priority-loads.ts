/** How many endpoints of a priority there are, by health. */
export interface LevelCounts {
  healthy: number;
  degraded: number;
  total: number;
}

export interface LevelLoad {
  /** Percent of all requests that its healthy endpoints get, and its degraded ones. */
  healthy: number;
  degraded: number;
  /** All endpoints are used, whatever their health; their load is in `healthy`. */
  panic: boolean;
}

/**
 * Shares the load among priorities as Envoy does: a level gets what it is able to take, reckoned with
 * `overprovisioningFactor` (140 for 1.4), the rest falls to the next; degraded endpoints get what the healthy ones of
 * all levels leave. A level with less than `panicPercent` available panics, unless all levels together suffice.
 */
export function priorityLoads(
  levels: readonly LevelCounts[],
  overprovisioningFactor: number,
  panicPercent: number,
): LevelLoad[] {
  const able = (count: number, total: number): number =>
    total === 0 ? 0 : Math.min(100, (overprovisioningFactor * count) / total);
  const healthy = levels.map((level) => able(level.healthy, level.total));
  const degraded = levels.map((level) => able(level.degraded, level.total));
  const ability = Math.min(100, sum(healthy) + sum(degraded));
  if (ability === 0) return loadsWithoutHealth(levels, panicPercent);
  let left = 100;
  const take = (share: number): number => {
    const taken = Math.min(left, (share * 100) / ability);
    left -= taken;
    return taken;
  };
  const healthyLoads = healthy.map(take);
  const degradedLoads = degraded.map(take);
  return levels.map((level, i) => {
    const available = level.total === 0 ? 100 : ((level.healthy + level.degraded) * 100) / level.total;
    const panic = ability < 100 && available < panicPercent;
    const [own, reserve] = [healthyLoads[i] ?? 0, degradedLoads[i] ?? 0];
    return panic ? { healthy: own + reserve, degraded: 0, panic } : { healthy: own, degraded: reserve, panic };
  });
}

/** Nothing is available: all levels panic and share by their size, or, without panic, none can serve. */
function loadsWithoutHealth(levels: readonly LevelCounts[], panicPercent: number): LevelLoad[] {
  const total = sum(levels.map((level) => level.total));
  const panic = panicPercent > 0;
  return levels.map((level) => ({
    healthy: panic && total > 0 ? (level.total * 100) / total : 0,
    degraded: 0,
    panic,
  }));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
