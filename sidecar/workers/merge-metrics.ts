import type { Sample } from '../observe/metric-family.ts';
import type { CollectedFamily } from './worker-messages.ts';

/** What one process collected, and what it is called in the label `worker`. */
export interface ProcessMetrics {
  readonly worker: string;
  readonly families: readonly CollectedFamily[];
}

/**
 * The metrics of several processes as those of one proxy: counters and histograms are added up; a gauge is shown for
 * each, with the label `worker`, since not every sum of gauges means something.
 */
export function mergeMetrics(processes: readonly ProcessMetrics[]): CollectedFamily[] {
  const merged = new Map<string, { about: Omit<CollectedFamily, 'samples'>; samples: Map<string, Sample> }>();
  for (const { worker, families } of processes) {
    for (const { name, help, type, samples } of families) {
      let family = merged.get(name);
      if (family === undefined) {
        family = { about: { name, help, type }, samples: new Map() };
        merged.set(name, family);
      }
      for (const { metricName, sharedLabels, labels, value } of samples) {
        const own = { ...sharedLabels, ...labels, ...(type === 'gauge' ? { worker } : {}) };
        const key = `${metricName ?? ''} ${JSON.stringify(Object.entries(own).sort())}`;
        const before = family.samples.get(key)?.value ?? 0;
        family.samples.set(key, {
          ...(metricName === undefined ? {} : { metricName }),
          labels: own,
          value: before + value,
        });
      }
    }
  }
  return [...merged.values()].map(({ about, samples }) => ({ ...about, samples: [...samples.values()] }));
}
