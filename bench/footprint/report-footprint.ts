import { median } from '../statistics.ts';
import type { Footprint, FootprintResult } from './measure-footprint.ts';

/** The most that an idle proxy should have; said in the report, never asserted. */
const expected = { idleRssMiB: 64, startMs: 250, bytesPerConnection: 4_096 } as const;

export function footprintRows({ measurements }: FootprintResult): string[][] {
  return [
    ['candidate', 'start ms', 'least-most', 'idle RSS MiB', 'idle PSS MiB', 'bytes/idle connection'],
    ...measurements.map((each) => [
      each.candidate,
      median(each.startMs).toFixed(0),
      `${Math.min(...each.startMs).toFixed(0)}-${Math.max(...each.startMs).toFixed(0)}`,
      each.idleRssMiB.toFixed(1),
      each.idlePssMiB.toFixed(1),
      each.bytesPerConnection.toFixed(0),
    ]),
  ];
}

export function footprintVerdicts({ measurements }: FootprintResult): string[] {
  const bare = measurements.find(({ candidate }) => candidate === 'node:net');
  return measurements
    .filter(({ candidate }) => candidate.startsWith('heddle'))
    .flatMap((each) => [
      verdict(each, 'start to first proxied request', median(each.startMs), expected.startMs, 'ms'),
      verdict(each, 'idle RSS', each.idleRssMiB, expected.idleRssMiB, 'MiB'),
      verdict(
        each,
        'idle connection over the socket of node:net',
        each.bytesPerConnection - (bare?.bytesPerConnection ?? 0),
        expected.bytesPerConnection,
        'bytes',
      ),
    ]);
}

function verdict({ candidate }: Footprint, what: string, got: number, most: number, unit: string): string {
  return `${candidate}, ${what}: expected at most ${most} ${unit}: ${got.toFixed(0)}, ${got <= most ? 'met' : 'MISSED'}`;
}
