import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { createLog, silentLog } from '../../lib/log.ts';
import { seededRandom } from '../../lib/random.ts';
import { exportRequests, frontPage, order, type ShopTrace } from '../../test/harness/shop-traces.ts';
import { openTelemetry, type Telemetry, type TelemetryOptions } from './telemetry.ts';
import { TraceStore } from './trace-store.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

function temporaryFolder(): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'heddle-telemetry-'));
  cleanups.push(() => fs.rmSync(folder, { recursive: true }));
  return folder;
}

const clock = new FakeClock();

function open(options: Partial<TelemetryOptions> = {}): Telemetry {
  const telemetry = openTelemetry({
    stateDir: options.stateDir ?? temporaryFolder(),
    retentionHours: 24,
    clock,
    log: silentLog,
    ...options,
  });
  cleanups.push(() => telemetry.close());
  return telemetry;
}

function send(telemetry: Telemetry, traces: readonly ShopTrace[]): void {
  for (const body of exportRequests(traces)) {
    const response = telemetry.ingest(Buffer.from(JSON.stringify(body)), 'application/json');
    expect(response).toEqual({ status: 200, body: '{}' });
  }
}

test('a trace sent by five proxies is one row in the list and one tree of hops', () => {
  const telemetry = open();
  const trace = frontPage(seededRandom(1), clock.wallTime() - 2000);
  send(telemetry, [trace]);
  const [summary, ...others] = telemetry.traces({}).items;
  expect(others).toEqual([]);
  expect(summary).toMatchObject({
    traceId: trace.traceId,
    name: 'GET /',
    service: 'edge',
    spans: 9,
    services: 5,
    errors: 0,
    status: 200,
  });
  const found = telemetry.trace(trace.traceId.slice(0, 8).toUpperCase());
  if (found === undefined || found === 'ambiguous') throw new Error('not found');
  expect(found.spans.map((span) => `${' '.repeat(span.depth)}${span.kind} ${span.service}`)).toEqual([
    'server edge',
    ' client edge',
    '  server front',
    '   client front',
    '    server catalog',
    '   client front',
    '    server ratings',
    '   client front',
    '    server cart',
  ]);
  expect(found.spans[3]).toMatchObject({
    route: 'default/shop/catalog',
    peer: 'spiffe://cluster.local/ns/shop/sa/catalog',
    retries: 0,
    flags: '',
    attributes: { 'heddle.mtls': true, 'heddle.workload': 'catalog-1' },
  });
});

test('the list filters by service, route, duration and error, and pages without gap or repeat', () => {
  const telemetry = open();
  const random = seededRandom(2);
  const pages = Array.from({ length: 20 }, (_, i) => frontPage(random, clock.wallTime() - 60_000 + i * 0.3));
  const orders = [order(random, clock.wallTime() - 500), order(random, clock.wallTime() - 400, true)];
  send(telemetry, [...pages, ...orders]);
  const ids = (query: Parameters<Telemetry['traces']>[0]) => telemetry.traces(query).items.map((item) => item.traceId);
  expect(ids({ service: 'checkout' })).toEqual([orders[1]?.traceId, orders[0]?.traceId]);
  expect(ids({ service: 'checkout.shop' })).toHaveLength(2);
  expect(ids({ service: 'checkout.other' })).toEqual([]);
  // It has no span in that trace: nobody of it could be reached.
  expect(ids({ service: 'cart.shop', error: true })).toEqual([orders[1]?.traceId]);
  expect(ids({ error: true })).toEqual([orders[1]?.traceId]);
  expect(ids({ route: 'default/shop/ratings' })).toHaveLength(20);
  expect(ids({ route: 'HTTPRoute/shop/front' })).toHaveLength(22);
  expect(ids({ route: 'HTTPRoute/shop/fro' })).toEqual([]);
  expect(ids({ minDurationMs: 1e6 })).toEqual([]);
  expect(ids({ service: `' OR 1=1 --` })).toEqual([]);
  const seen: string[] = [];
  for (let before: string | undefined; ; ) {
    const { items } = telemetry.traces({ limit: 7, before });
    if (items.length === 0) break;
    seen.push(...items.map((item) => item.traceId));
    before = items.at(-1)?.startTime;
  }
  expect(seen).toHaveLength(22);
  expect(new Set(seen).size).toBe(22);
});

test('an id prefix must be hex, at least 4 digits, and unique', () => {
  const telemetry = open();
  const traces = ['aaaa1', 'aaaa2', 'bbbb1'].map((start, i) => ({
    ...order(seededRandom(i), clock.wallTime()),
    traceId: start.padEnd(32, '0'),
  }));
  send(telemetry, traces);
  expect(telemetry.trace('aaaa')).toBe('ambiguous');
  expect(telemetry.trace('bbb')).toBeUndefined();
  expect(telemetry.trace('bbbb')).toMatchObject({ traceId: traces[2]?.traceId });
  expect(telemetry.trace('cccc')).toBeUndefined();
  expect(telemetry.trace("aa' OR '1")).toBeUndefined();
  expect(telemetry.trace('a'.repeat(33))).toBeUndefined();
});

test('a batch sent twice is stored once, and a partly bad one says how much of it was refused', () => {
  const telemetry = open();
  const trace = order(seededRandom(3), clock.wallTime());
  send(telemetry, [trace]);
  send(telemetry, [trace]);
  expect(telemetry.traces({}).items[0]?.spans).toBe(5);
  expect(telemetry.counters().spansStored).toBe(5);
  const body = { resourceSpans: [{ scopeSpans: [{ spans: [{ traceId: 'nonsense' }, {}] }] }] };
  const response = telemetry.ingest(Buffer.from(JSON.stringify(body)), 'application/json');
  expect(response.status).toBe(200);
  expect(JSON.parse(response.body)).toMatchObject({ partialSuccess: { rejectedSpans: '2' } });
});

test('traces survive a restart; those over age and over number go, oldest first', () => {
  const stateDir = temporaryFolder();
  const first = open({ stateDir });
  const random = seededRandom(4);
  send(
    first,
    Array.from({ length: 30 }, (_, i) => order(random, clock.wallTime() - (30 - i) * 1000)),
  );
  first.close();

  const store = new TraceStore({ stateDir, retentionHours: 24, maxSpans: 50, clock, log: silentLog });
  cleanups.push(() => store.close());
  expect(store.spans).toBe(150);
  const newest = store.list({ limit: 10 }).map((item) => item.traceId);
  store.sweep();
  expect(store.spans).toBe(50);
  expect(store.list({}).map((item) => item.traceId)).toEqual(newest);
  clock.advance(25 * 3_600_000);
  store.sweep();
  expect(store.list({})).toEqual([]);
  expect(store.spans).toBe(0);
});

test('a trace of a client that never ends it stops growing at its limit', () => {
  const telemetry = open();
  const [body] = exportRequests([order(seededRandom(5), clock.wallTime())]) as [
    { resourceSpans: { scopeSpans: { spans: { spanId: string }[] }[] }[] },
  ];
  const spans = body.resourceSpans[0]!.scopeSpans[0]!.spans;
  const template = spans[0]!;
  spans.length = 0;
  for (let i = 1; i <= 2500; i++) spans.push({ ...template, spanId: i.toString(16).padStart(16, '0') });
  telemetry.ingest(Buffer.from(JSON.stringify(body)), 'application/json');
  expect(telemetry.traces({}).items[0]?.spans).toBe(2000);
  expect(telemetry.counters().spansDropped).toBe(500);
});

test('P-60: a store that is no database, or damaged while in use, is set aside and made anew', () => {
  const stateDir = temporaryFolder();
  const file = path.join(stateDir, 'telemetry.db');
  fs.writeFileSync(file, 'not a database, although it is long enough to hold a header of one'.repeat(100));
  const lines: string[] = [];
  const log = createLog((line) => lines.push(line));
  const telemetry = open({ stateDir, log });
  send(telemetry, [order(seededRandom(6), clock.wallTime())]);
  expect(telemetry.traces({}).items).toHaveLength(1);
  expect(fs.existsSync(`${file}.corrupt`)).toBe(true);
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0]!)).toMatchObject({ level: 'warn', file });
  expect(fs.statSync(file).mode & 0o777).toBe(0o600);

  telemetry.close();
  const size = fs.statSync(file).size;
  fs.writeFileSync(file, Buffer.concat([fs.readFileSync(file).subarray(0, 4096), Buffer.alloc(size - 4096, 0xff)]));
  const again = open({ stateDir, log });
  send(again, [order(seededRandom(7), clock.wallTime())]);
  again.traces({});
  send(again, [order(seededRandom(8), clock.wallTime())]);
  expect(again.traces({}).items.length).toBeGreaterThan(0);
});

test('P-60: with no folder to write to, traces are kept in memory', () => {
  const telemetry = open({ stateDir: path.join(temporaryFolder(), 'absent') });
  send(telemetry, [order(seededRandom(9), clock.wallTime())]);
  expect(telemetry.traces({}).items).toHaveLength(1);
});
