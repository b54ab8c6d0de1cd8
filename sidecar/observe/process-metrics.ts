import { performance } from 'node:perf_hooks';
import type { Clock } from '../../lib/clock.ts';
import { type MetricFamily, scalar } from './metric-family.ts';

/** What the process costs, read when scraped. */
export function processMetrics(clock: Clock): MetricFamily[] {
  const startSeconds = clock.wallTime() / 1_000 - process.uptime();
  return [
    scalar('process_cpu_seconds_total', 'counter', 'CPU time of user and system', () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    }),
    scalar('process_resident_memory_bytes', 'gauge', 'Resident memory', () => process.memoryUsage.rss()),
    scalar('process_start_time_seconds', 'gauge', 'Start, since the Unix epoch', () => startSeconds),
    scalar('nodejs_heap_used_bytes', 'gauge', 'JavaScript heap in use', () => process.memoryUsage().heapUsed),
    scalar('nodejs_external_memory_bytes', 'gauge', 'Memory of buffers', () => process.memoryUsage().external),
    scalar(
      'nodejs_eventloop_utilization',
      'gauge',
      'Share of time the event loop was busy, since the start',
      () => performance.eventLoopUtilization().utilization,
    ),
  ];
}
