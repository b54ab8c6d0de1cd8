import { expect, test } from 'vitest';
import { mergeMetrics } from './merge-metrics.ts';
import type { CollectedFamily } from './worker-messages.ts';

const family = (type: 'counter' | 'gauge', value: number) => ({
  name: 'm',
  help: 'h',
  type,
  samples: [{ labels: { a: 'x' }, sharedLabels: { b: 'y' }, value }],
});

test('counters of workers are added up, gauges are shown for each', () => {
  const parts = (type: 'counter' | 'gauge') => [
    { worker: '1', families: [family(type, 2)] },
    { worker: '2', families: [family(type, 3)] },
  ];
  expect(mergeMetrics(parts('counter'))).toEqual([
    { name: 'm', help: 'h', type: 'counter', samples: [{ labels: { a: 'x', b: 'y' }, value: 5 }] },
  ]);
  expect(mergeMetrics(parts('gauge'))[0]?.samples).toEqual([
    { labels: { a: 'x', b: 'y', worker: '1' }, value: 2 },
    { labels: { a: 'x', b: 'y', worker: '2' }, value: 3 },
  ]);
});

test('the buckets of a histogram stay apart', () => {
  const histogram: CollectedFamily = {
    name: 'd',
    help: 'h',
    type: 'histogram',
    samples: [
      { metricName: 'd_bucket', labels: { le: '1' }, value: 1 },
      { metricName: 'd_bucket', labels: { le: '+Inf' }, value: 2 },
      { metricName: 'd_count', labels: {}, value: 2 },
    ],
  };
  const merged = mergeMetrics([
    { worker: '1', families: [histogram] },
    { worker: '2', families: [histogram] },
  ]);
  expect(merged[0]?.samples.map(({ metricName, value }) => [metricName, value])).toEqual([
    ['d_bucket', 2],
    ['d_bucket', 4],
    ['d_count', 4],
  ]);
});
