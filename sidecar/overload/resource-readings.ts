import fs from 'node:fs';
import os from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import v8 from 'node:v8';

/** What the process and its machine say of themselves. */
export interface ResourceReadings {
  /** Resident memory in bytes. */
  residentBytes(): number;
  /** Memory that the cgroup allows; `undefined` without a limit. */
  memoryLimitBytes: number | undefined;
  /** JavaScript heap in shares of V8's limit. */
  heapShare(): number;
  /** How late the event loop was since the last call, on average, in milliseconds. */
  loopLagMs(): number;
  /** Throws when it cannot be read. */
  readFile(file: string): string;
  close(): void;
}

/** How often the loop's delay is sampled, in milliseconds. */
const samplingMs = 20;

export function systemReadings(): ResourceReadings {
  const delay = monitorEventLoopDelay({ resolution: samplingMs });
  delay.enable();
  const constrained = process.constrainedMemory();
  return {
    residentBytes: () => process.memoryUsage.rss(),
    // Without a limit some systems tell a number beyond all memory.
    memoryLimitBytes: constrained > 0 && constrained < os.totalmem() ? constrained : undefined,
    heapShare: () => {
      const { used_heap_size, heap_size_limit } = v8.getHeapStatistics();
      return used_heap_size / heap_size_limit;
    },
    loopLagMs: () => {
      const { mean } = delay;
      delay.reset();
      return Number.isFinite(mean) ? Math.max(0, mean / 1e6 - samplingMs) : 0;
    },
    readFile: (file) => fs.readFileSync(file, 'latin1'),
    close: () => delay.disable(),
  };
}
