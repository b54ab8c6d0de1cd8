import { expect, test } from 'vitest';
import type { SpanRecord } from './span-record.ts';
import { buildTrace } from './trace-tree.ts';

const second = 1_700_000_000_000_000;

function span(spanId: string, parentSpanId: string, startMs: number, durationMs: number, service = 'a'): SpanRecord {
  return {
    traceId: 't',
    spanId,
    parentSpanId,
    kind: 'internal',
    name: spanId,
    service,
    namespace: 'default',
    workload: `${service}-1`,
    mode: 'sidecar',
    startMicros: second + startMs * 1000,
    durationMicros: durationMs * 1000,
    status: 200,
    error: false,
    route: '',
    attributes: {},
  };
}

const shape = (records: SpanRecord[]) => buildTrace('t', records).spans.map((one) => `${one.depth}${one.spanId}`);

test('spans come depth first, children by start time, whatever order they arrived in', () => {
  const records = [span('d', 'b', 3, 1), span('c', 'a', 5, 1), span('b', 'a', 2, 4), span('a', '', 0, 10)];
  expect(shape(records)).toEqual(['0a', '1b', '2d', '1c']);
  const trace = buildTrace('t', records);
  expect([trace.startTime, trace.durationMs]).toEqual(['2023-11-14T22:13:20.000000Z', 10]);
  expect(trace.spans.map((one) => one.startMs)).toEqual([0, 2, 3, 5]);
});

test('a span whose parent never came stands as a root', () => {
  const trace = buildTrace('t', [span('b', 'missing', 2, 1), span('a', '', 0, 10)]);
  expect(trace.spans.map((one) => [one.spanId, one.depth, one.parentSpanId])).toEqual([
    ['a', 0, ''],
    ['b', 0, ''],
  ]);
});

test('circles of parents end, and a chain of thousands does not overflow the stack', () => {
  expect(shape([span('a', 'b', 0, 1), span('b', 'a', 1, 1), span('s', 's', 2, 1)])).toEqual(['0a', '1b', '0s']);
  const chain = Array.from({ length: 20_000 }, (_, i) => span(`${i}`, i === 0 ? '' : `${i - 1}`, 0, 1));
  expect(buildTrace('t', chain).spans.at(-1)?.depth).toBe(19_999);
  expect(buildTrace('t', []).spans).toEqual([]);
});

test('a machine whose clock is off has its spans moved into the caller, with all below them', () => {
  const trace = buildTrace('t', [
    span('client', '', 0, 10, 'front'),
    span('server', 'client', -5000, 6, 'cart'),
    span('inner', 'server', -4998, 2, 'cart'),
    span('late', 'client', 7000, 4, 'ratings'),
  ]);
  const starts = Object.fromEntries(trace.spans.map((one) => [one.spanId, one.startMs]));
  expect(starts).toEqual({ client: 0, server: 0, inner: 2, late: 6 });
  expect(trace.durationMs).toBe(10);
  expect(trace.spans[1]?.attributes['heddle.clock_adjusted_ms']).toBe(5000);
});

test('a span of the same proxy may outlast its parent', () => {
  const trace = buildTrace('t', [span('a', '', 0, 10), span('b', 'a', 8, 10)]);
  expect(trace.spans.map((one) => one.startMs)).toEqual([0, 8]);
  expect(trace.durationMs).toBe(18);
});
