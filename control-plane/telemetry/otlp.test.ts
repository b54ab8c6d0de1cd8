import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeTraces } from './otlp.ts';
import { maxBodyBytes, readTraceRequest } from './otlp-http.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const spanId = '00f067aa0ba902b7';

function request(span: object, resource: object[] = []): object {
  return {
    resourceSpans: [
      {
        resource: { attributes: resource },
        scopeSpans: [
          {
            spans: [
              {
                traceId,
                spanId,
                name: 'GET /',
                kind: 2,
                startTimeUnixNano: '1700000000123456789',
                endTimeUnixNano: '1700000000125456789',
                ...span,
              },
            ],
          },
        ],
      },
    ],
  };
}

test('a span is read with its resource, times to the microsecond, and attributes of every kind', () => {
  const decoded = decodeTraces(
    request(
      {
        traceId: traceId.toUpperCase(),
        attributes: [
          { key: 'http.response.status_code', value: { intValue: '503' } },
          { key: 'heddle.retries', value: { intValue: 2 } },
          { key: 'big', value: { intValue: '9223372036854775807' } },
          { key: 'ratio', value: { doubleValue: 0.5 } },
          { key: 'nan', value: { doubleValue: 'NaN' } },
          { key: 'heddle.mtls', value: { boolValue: true } },
          { key: 'list', value: { arrayValue: { values: [{ stringValue: 'a' }, { intValue: '1' }] } } },
          { key: '__proto__', value: { stringValue: 'x' } },
          { key: 'long', value: { stringValue: 'y'.repeat(10_240) } },
          { key: 'nothing', value: {} },
        ],
        events: [{ name: 'attempt', attributes: [{ key: 'failure', value: { stringValue: 'UC' } }] }],
      },
      [
        { key: 'service.name', value: { stringValue: 'cart' } },
        { key: 'service.namespace', value: { stringValue: 'shop' } },
        { key: 'service.instance.id', value: { stringValue: 'cart-1' } },
        { key: 'heddle.proxy.mode', value: { stringValue: 'sidecar' } },
      ],
    ),
  );
  const [span] = decoded!.spans;
  expect(span).toMatchObject({
    traceId,
    parentSpanId: '',
    kind: 'server',
    service: 'cart',
    namespace: 'shop',
    workload: 'cart-1',
    mode: 'sidecar',
    startMicros: 1_700_000_000_123_456,
    durationMicros: 2000,
    status: 503,
    error: true,
  });
  const { long, ...attributes } = span!.attributes;
  expect(attributes).toEqual(
    Object.fromEntries([
      ['http.response.status_code', 503],
      ['heddle.retries', 2],
      ['big', '9223372036854775807'],
      ['ratio', 0.5],
      ['nan', 'NaN'],
      ['heddle.mtls', true],
      ['list', '["a",1]'],
      ['__proto__', 'x'],
      ['heddle.attempt.1', 'failure=UC'],
    ]),
  );
  expect(String(long)).toHaveLength(4096);
});

test('a span with a bad id or time is rejected alone, with the reason', () => {
  for (const bad of [
    { traceId: 'abc' },
    { traceId: '0'.repeat(32) },
    { spanId: 'zzzzzzzzzzzzzzzz' },
    { parentSpanId: 'x' },
    { startTimeUnixNano: '-5' },
    { endTimeUnixNano: {} },
  ]) {
    const both = request(bad) as { resourceSpans: unknown[] };
    both.resourceSpans.push(...(request({}) as { resourceSpans: unknown[] }).resourceSpans);
    const decoded = decodeTraces(both)!;
    expect([decoded.spans.length, decoded.rejected]).toEqual([1, 1]);
    expect(decoded.reason).not.toBe('');
  }
});

test('whatever JSON comes, reading it never throws', () => {
  const keys = ['resourceSpans', 'scopeSpans', 'spans', 'resource', 'attributes', 'key', 'value', 'events', 'traceId'];
  const shaped = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 6 },
      fc.jsonValue(),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...keys, 'stringValue', 'intValue', 'arrayValue', 'kvlistValue'), tie('value')),
    ),
  })).value;
  fc.assert(
    fc.property(shaped, (value) => {
      const result = readTraceRequest(Buffer.from(JSON.stringify({ resourceSpans: [value] })), 'application/json');
      expect(result.ok || result.response.status).toBeTruthy();
      decodeTraces(value);
      decodeTraces(request({ attributes: value, events: [value], status: value, kind: value }));
    }),
    { numRuns: 500 },
  );
});

test('bodies that are no OTLP JSON are answered with what to do', () => {
  const status = (body: Buffer, type: string, encoding?: string) => {
    const result = readTraceRequest(body, type, encoding);
    return result.ok ? 200 : result.response.status;
  };
  const json = Buffer.from(JSON.stringify(request({})));
  expect(status(json, 'application/json; charset=utf-8')).toBe(200);
  expect(status(gzipSync(json), 'application/json', 'gzip')).toBe(200);
  expect(status(json, 'application/json', 'gzip')).toBe(400);
  expect(status(json, 'application/json', 'br')).toBe(415);
  expect(status(json, 'text/plain')).toBe(415);
  expect(status(Buffer.from('{'), 'application/json')).toBe(400);
  expect(status(Buffer.from('[]'), 'application/json')).toBe(400);
  expect(status(Buffer.alloc(maxBodyBytes + 1, 0x20), 'application/json')).toBe(413);
  expect(status(gzipSync(Buffer.alloc(maxBodyBytes + 1, 0x20)), 'application/json', 'gzip')).toBe(413);
  const protobuf = readTraceRequest(Buffer.of(10, 0), 'application/x-protobuf');
  expect(protobuf).toMatchObject({ ok: false, response: { status: 415 } });
  expect(JSON.stringify(protobuf)).toContain('http/json');
});

test('nesting as deep as the limit allows is refused or read, not a crash', () => {
  const deep = Buffer.from('['.repeat(500_000));
  expect(readTraceRequest(deep, 'application/json')).toMatchObject({ ok: false });
  const closed = Buffer.from(`{"resourceSpans":${'['.repeat(200_000)}${']'.repeat(200_000)}}`);
  expect(() => readTraceRequest(closed, 'application/json')).not.toThrow();
});
