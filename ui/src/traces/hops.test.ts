import { expect, test } from 'vitest';
import type { Span } from '../../../proto/api/v1.ts';
import { responseFlags } from '../../../sidecar/stream/response-flags.ts';
import { pairHops } from './hops.ts';
import { flagMeanings } from './response-flags.ts';
import { barOf, ticksOf } from './time-axis.ts';

function span(spanId: string, parentSpanId: string, kind: string, startMs: number, durationMs: number): Span {
  return {
    spanId,
    parentSpanId,
    kind,
    startMs,
    durationMs,
    depth: 0,
    name: '',
    service: '',
    workload: '',
    status: 200,
    error: false,
    peer: '',
    route: '',
    retries: 0,
    flags: '',
    reason: '',
    attributes: {},
  };
}

test('a client span and the server span below it are one hop with the network gap on both ends', () => {
  const spans = [
    span('root', '', 'server', 0, 20),
    span('c', 'root', 'client', 1, 10),
    span('s', 'c', 'server', 1.5, 8),
    span('again', 'c', 'server', 3, 1),
    span('lone', 'root', 'client', 12, 1),
  ];
  const pairs = pairHops(spans);
  expect([...pairs.keys()].map((one) => one.spanId)).toEqual(['c', 's']);
  expect(pairs.get(spans[1]!)).toMatchObject({ outMs: 0.5, backMs: 1.5 });
});

test('the axis has round ticks, and a bar is clipped to the range shown', () => {
  expect(ticksOf({ from: 0, to: 23 }, 5)).toEqual([0, 5, 10, 15, 20]);
  expect(ticksOf({ from: 3, to: 3 }, 5)).toEqual([]);
  expect(barOf(5, 10, { from: 0, to: 20 })).toEqual({ left: 25, width: 50 });
  expect(barOf(-5, 100, { from: 0, to: 20 })).toEqual({ left: 0, width: 100 });
  expect(barOf(20, 0, { from: 0, to: 20 }).width).toBeGreaterThan(0);
});

test('every response flag of the proxy has its meaning here', () => {
  const meanings = Object.fromEntries(Object.entries(responseFlags).map(([flag, { meaning }]) => [flag, meaning]));
  expect(flagMeanings).toEqual(meanings);
});
