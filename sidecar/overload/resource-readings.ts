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

/** `memoryShare` is the part of the cgroup's memory that this process may have. */
export function systemReadings(memoryShare = 1): ResourceReadings {
  const delay = monitorEventLoopDelay({ resolution: samplingMs });
  delay.enable();
  // Never reset: the first sample after that is lost, which would be the only one of a long turn.
  let count = 0;
  let sum = 0;
  const constrained = process.constrainedMemory();
  return {
    residentBytes: () => process.memoryUsage.rss(),
    // Without a limit some systems tell a number beyond all memory.
    memoryLimitBytes: constrained > 0 && constrained < os.totalmem() ? constrained * memoryShare : undefined,
    heapShare: () => {
      const { used_heap_size, heap_size_limit } = v8.getHeapStatistics();
      return used_heap_size / heap_size_limit;
    },
    loopLagMs: () => {
      const before = { count, sum };
      count = delay.count;
      sum = count === 0 ? 0 : delay.mean * count;
      if (count === before.count) return 0;
      return Math.max(0, (sum - before.sum) / (count - before.count) / 1e6 - samplingMs);
    },
    readFile: (file) => fs.readFileSync(file, 'latin1'),
    close: () => delay.disable(),
  };
}
