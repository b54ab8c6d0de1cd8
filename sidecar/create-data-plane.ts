import type { LogLevel } from '../lib/log.ts';
import { type DataPlane, type DataPlaneDependencies, type DataPlaneSettings, LocalDataPlane } from './data-plane.ts';
import { HeldResources } from './discovery/held-resources.ts';
import type { SecretStore } from './identity/secret-store.ts';
import type { OverloadConfig } from './overload/overload-config.ts';
import { WorkerPool } from './workers/worker-pool.ts';

/** What a data plane of workers needs more than one of this process. */
export interface DataPlaneParts extends DataPlaneDependencies {
  /** Processes that carry the traffic; 1 is this one. */
  readonly workers: number;
  readonly accessLogTarget: string | undefined;
  readonly logLevel: LogLevel;
  /** As in `DecodeContext`. */
  readonly mayReadFiles: boolean;
  readonly hasAds: boolean;
  /** What discovery has accepted; `undefined` before there is one. */
  held(): HeldResources | undefined;
  trustDomain(): string;
  readonly secrets: SecretStore;
}

/** The data plane in this process, or in as many as are asked for. */
export function createDataPlane(settings: DataPlaneSettings, parts: DataPlaneParts): DataPlane {
  const { workers, accessLogTarget, logLevel, mayReadFiles, hasAds, secrets, clock, wheel, log } = parts;
  if (workers === 1) return new LocalDataPlane(settings, parts);
  return new WorkerPool({
    workers,
    settings: {
      ...settings,
      overload: shareOf(settings.overload, workers),
      accessLogTarget,
      logLevel,
      mayReadFiles,
      hasAds,
    },
    secrets,
    identity: () => ({ spiffeId: parts.ownId(), trustDomain: parts.trustDomain() }),
    held: () => parts.held() ?? new HeldResources(),
    clock,
    wheel,
    log,
  });
}

/** The kernel spreads connections evenly, so each worker has its part of the limit. */
function shareOf(overload: OverloadConfig, workers: number): OverloadConfig {
  const { maxConnections } = overload;
  return maxConnections === undefined ? overload : { ...overload, maxConnections: Math.ceil(maxConnections / workers) };
}
