import os from 'node:os';
import type { Measurement, ScenarioResult } from './measure.ts';

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** Ratio of each round against the reference's same round: median, least and most. */
export function ratios(candidate: Measurement, reference: Measurement): { median: number; min: number; max: number } {
  const each = candidate.cpuMicrosPerRequest.map(
    (value, round) => value / (reference.cpuMicrosPerRequest[round] as number),
  );
  return { median: median(each), min: Math.min(...each), max: Math.max(...each) };
}

export function renderText(results: readonly ScenarioResult[]): string {
  const lines = [
    `${os.cpus()[0]?.model ?? 'unknown CPU'}, ${os.cpus().length} cores, ${os.release()}, Node ${process.versions.node}`,
  ];
  for (const { scenario, measurements, absent } of results) {
    lines.push('', `${scenario.name}: ${scenario.description}`, '');
    lines.push(
      row(['CANDIDATE', 'CPU µs/req', 'RATIO', 'MIN-MAX', 'req/s', 'p50 ms', 'p99 ms', 'RSS MiB', 'ERRORS', 'VERSION']),
    );
    const reference = measurements.find(({ candidate }) => candidate === scenario.reference);
    for (const each of measurements) {
      const ratio = reference === undefined ? undefined : ratios(each, reference);
      lines.push(
        row([
          each.candidate,
          median(each.cpuMicrosPerRequest).toFixed(1),
          ratio === undefined ? '-' : ratio.median.toFixed(2),
          ratio === undefined ? '-' : `${ratio.min.toFixed(2)}-${ratio.max.toFixed(2)}`,
          median(each.requestsPerSecond).toFixed(0),
          median(each.p50Ms).toFixed(2),
          median(each.p99Ms).toFixed(2),
          each.rssMiB.toFixed(0),
          String(each.errors),
          each.version,
        ]),
      );
    }
    for (const { candidate, reason } of absent) lines.push(`${candidate}: absent, ${reason}`);
    const own = measurements.find(({ candidate }) => candidate === 'heddle');
    if (own !== undefined && reference !== undefined) {
      const { median: got } = ratios(own, reference);
      const verdict = got <= scenario.expected ? 'met' : 'MISSED';
      lines.push(`expected at most ${scenario.expected} x ${scenario.reference}: ${got.toFixed(2)}, ${verdict}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

const widths = [12, 11, 6, 10, 8, 8, 8, 8, 7, 0];
const row = (cells: string[]): string =>
  cells
    .map((cell, index) => cell.padEnd(widths[index] as number))
    .join('  ')
    .trimEnd();

export function renderJson(results: readonly ScenarioResult[]): string {
  const machine = {
    cpu: os.cpus()[0]?.model,
    cores: os.cpus().length,
    kernel: os.release(),
    node: process.versions.node,
  };
  const scenarios = results.map(({ scenario, measurements, absent }) => {
    const reference = measurements.find(({ candidate }) => candidate === scenario.reference);
    return {
      name: scenario.name,
      description: scenario.description,
      reference: scenario.reference,
      expected: scenario.expected,
      measurements: measurements.map((each) => ({
        ...each,
        ratio: reference === undefined ? undefined : ratios(each, reference),
      })),
      absent,
    };
  });
  return `${JSON.stringify({ machine, scenarios }, undefined, 2)}\n`;
}
