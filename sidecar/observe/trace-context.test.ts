import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../lib/random.ts';
import type { RequestHead } from '../stream/head.ts';
import { Headers } from '../stream/headers.ts';
import { IdPool } from './id-pool.ts';
import { type Direction, StreamInfo } from './stream-info.ts';
import { formatTraceparent, parseTraceparent } from './trace-context.ts';
import { Tracing } from './tracing.ts';

const trace = '0af7651916cd43dd8448eb211c80319c';
const parent = 'b7ad6b7169203331';

test.each<[string, boolean]>([
  [`00-${trace}-${parent}-01`, true],
  [`00-${trace}-${parent}-00`, false],
  [`00-${trace}-${parent}-0b`, true],
  [`00-${trace}-${parent}-0a`, false],
  [`00-${trace}-${parent}-ff`, true],
  [`cc-${trace}-${parent}-01`, true],
  [`cc-${trace}-${parent}-01-what-the-future-will-be`, true],
])('%s is read, sampled %s', (value, sampled) => {
  expect(parseTraceparent(value)).toEqual({ traceId: trace, parentId: parent, sampled });
});

test.each([
  '',
  'x',
  `00-${trace}-${parent}-0`,
  `00-${trace}-${parent}-01-more`,
  `00-${trace}-${parent}-01.`,
  `cc-${trace}-${parent}-01.more`,
  `ff-${trace}-${parent}-01`,
  `0G-${trace}-${parent}-01`,
  `00-${trace.toUpperCase()}-${parent}-01`,
  `00-${'0'.repeat(32)}-${parent}-01`,
  `00-${trace}-${'0'.repeat(16)}-01`,
  `00_${trace}-${parent}-01`,
  `00-${trace}-${parent}-0é`,
])('"%s" is not read', (value) => {
  expect(parseTraceparent(value)).toBeUndefined();
});

test('no text makes the reader throw, and what is written is read back', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 70 }), (text) => parseTraceparent(text) === undefined));
  const ids = new IdPool();
  for (let i = 0; i < 300; i++) {
    const [traceId, spanId] = [ids.traceId(), ids.spanId()];
    const text = formatTraceparent(traceId, spanId, i % 2 === 0);
    expect(parseTraceparent(text)).toEqual({ traceId, parentId: spanId, sampled: i % 2 === 0 });
  }
});

test('request ids are UUIDs, and no id comes twice', () => {
  const ids = new IdPool();
  const made = Array.from({ length: 5_000 }, () => ids.uuid());
  expect(new Set(made).size).toBe(made.length);
  expect(made.every((id) => /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/.test(id))).toBe(true);
});

describe('at the start of a stream', () => {
  function start(
    fields: [string, string][],
    options: { direction?: Direction; sampling?: number; trust?: boolean } = {},
  ) {
    const headers = new Headers();
    for (const [name, value] of fields) headers.append(name, value);
    const info = new StreamInfo(options.direction ?? 'outbound', 'l', 0, 0);
    const tracing = new Tracing({
      sampling: options.sampling ?? 1,
      trustRequestId: options.trust ?? false,
      random: seededRandom(1),
    });
    tracing.start(info, { headers } as RequestHead);
    return { headers, info };
  }
  const from = `00-${trace}-${parent}-01`;

  test('a caller’s trace goes on under a span of our own', () => {
    const { headers, info } = start([
      ['TraceParent', from],
      ['tracestate', 'a=1'],
      ['tracestate', 'b=2'],
    ]);
    expect(info.trace).toMatchObject({ traceId: trace, parentSpanId: parent, sampled: true, tracestate: 'a=1,b=2' });
    expect(headers.getAll('traceparent')).toEqual([`00-${trace}-${info.trace?.spanId}-01`]);
    expect(headers.getAll('tracestate')).toEqual(['a=1', 'b=2']);
    expect(info.trace?.spanId).not.toBe(parent);
  });

  test('the caller’s decision not to sample is kept at any ratio, and its decision to sample too', () => {
    expect(start([['traceparent', `00-${trace}-${parent}-00`]], { sampling: 1 }).info.trace?.sampled).toBe(false);
    expect(start([['traceparent', from]], { sampling: 0 }).info.trace?.sampled).toBe(true);
  });

  test('an invalid or repeated traceparent begins a new trace and drops the old state', () => {
    for (const bad of [
      [['traceparent', 'x']],
      [
        ['traceparent', from],
        ['traceparent', from],
      ],
    ] as [string, string][][]) {
      const { headers, info } = start([...bad, ['tracestate', 'a=1']]);
      expect(info.trace?.parentSpanId).toBeUndefined();
      expect(info.trace?.traceId).not.toBe(trace);
      expect(headers.getAll('traceparent')).toHaveLength(1);
      expect(headers.has('tracestate')).toBe(false);
    }
  });

  test('a gateway has a server span besides the one it sends on', () => {
    const { headers, info } = start([], { direction: 'gateway' });
    expect(info.trace?.serverSpanId).toMatch(/^[0-9a-f]{16}$/);
    expect(headers.get('traceparent')).toContain(info.trace?.spanId);
    expect(info.trace?.serverSpanId).not.toBe(info.trace?.spanId);
  });

  test('new traces are sampled at the ratio', () => {
    const tracing = new Tracing({ sampling: 0.25, trustRequestId: false, random: seededRandom(5) });
    const sampled = Array.from({ length: 4_000 }, () => tracing.root().sampled).filter(Boolean).length;
    expect(sampled / 4_000).toBeCloseTo(0.25, 1);
  });

  test('a request id is kept in the mesh, and made anew at the edge unless it is trusted', () => {
    const sent: [string, string][] = [['x-request-id', 'abc']];
    expect(start(sent).info.requestId).toBe('abc');
    expect(start(sent, { direction: 'gateway', trust: true }).info.requestId).toBe('abc');
    const edge = start(sent, { direction: 'gateway' });
    expect(edge.info.requestId).not.toBe('abc');
    expect(edge.headers.getAll('x-request-id')).toEqual([edge.info.requestId]);
    const made = start([]);
    expect(made.headers.get('x-request-id')).toBe(made.info.requestId);
    expect(start([['x-request-id', 'x'.repeat(129)]]).info.requestId).toHaveLength(36);
  });
});
