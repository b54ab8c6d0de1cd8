import { expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { seededRandom } from '../../lib/random.ts';
import { exportRequests, frontPage, order, type ShopTrace, spiffeId } from '../../test/harness/shop-traces.ts';
import type { MeshSnapshot, MeshWorkload } from '../registry/mesh-snapshot.ts';
import { clampWindow, GoldenSignals } from './golden-signals.ts';
import { buildGraph } from './graph.ts';
import { latencyBucket, latencyBuckets, latencyQuantile } from './latency-histogram.ts';
import { decodeTraces } from './otlp.ts';
import { buildServiceStats } from './service-stats.ts';

function feed(signals: GoldenSignals, traces: readonly ShopTrace[]): void {
  for (const body of exportRequests(traces)) for (const span of decodeTraces(body)!.spans) signals.add(span);
}

function workload(name: string, services: string[], meshed = true): [string, MeshWorkload] {
  return [
    `shop/${name}`,
    {
      namespace: 'shop',
      name,
      serviceAccount: name,
      labels: {},
      address: '127.0.0.1',
      ports: [],
      upstreams: [],
      meshed,
      services,
    },
  ];
}

test('each hop is counted once, from its caller, with the edge of gateway and external clients', () => {
  const clock = new FakeClock();
  const signals = new GoldenSignals(clock);
  const random = seededRandom(1);
  feed(
    signals,
    Array.from({ length: 10 }, () => frontPage(random, clock.wallTime() - 900)),
  );
  feed(signals, [order(random, clock.wallTime() - 900, true)]);
  const graph = buildGraph(10, signals.read(10));
  expect(graph.edges.map((edge) => [edge.source, edge.destination, edge.rate, edge.mtls])).toEqual([
    ['checkout.shop', 'cart.shop', 0.1, false],
    ['external', 'gateway/edge.shop', 1.1, false],
    ['front.shop', 'cart.shop', 1, true],
    ['front.shop', 'catalog.shop', 1, true],
    ['front.shop', 'ratings.shop', 1, true],
    ['gateway/edge.shop', 'checkout.shop', 0.1, true],
    ['gateway/edge.shop', 'front.shop', 1, true],
  ]);
  expect(graph.nodes.map((node) => `${node.kind} ${node.id}`)).toContain('gateway gateway/edge.shop');
  const ratings = graph.edges.find((edge) => edge.destination === 'ratings.shop')!;
  expect([ratings.sourceId, ratings.destinationId]).toEqual([spiffeId('front'), spiffeId('ratings')]);
  expect(ratings.successRate).toBe(1);
  expect(graph.edges[0]?.successRate).toBe(0);

  const snapshot = {
    services: new Map([
      ['shop/cart', {}],
      ['shop/idle', {}],
    ]),
    workloads: new Map([workload('cart-1', ['shop/cart']), workload('cart-2', ['shop/cart'], false)]),
  } as unknown as MeshSnapshot;
  const stats = buildServiceStats(10, signals.read(10), snapshot, new Set(['cart-1.shop', 'cart-2.shop']));
  const cart = stats.items.find((item) => item.name === 'cart')!;
  expect(cart).toMatchObject({ namespace: 'shop', workloads: 2, meshed: 1, requests: 11, rate: 1.1 });
  expect(cart.successRate).toBeCloseTo(10 / 11);
  expect(cart.p50Ms).toBeGreaterThan(3);
  expect(cart.p99Ms).toBeLessThan(10);
  expect(stats.items.find((item) => item.name === 'idle')).toMatchObject({ requests: 0, successRate: 1, workloads: 0 });
});

test('an edge with one request in plaintext is not marked as mTLS', () => {
  const clock = new FakeClock();
  const signals = new GoldenSignals(clock);
  const traces = [
    frontPage(seededRandom(2), clock.wallTime() - 500),
    frontPage(seededRandom(3), clock.wallTime() - 500),
  ];
  const plain = traces[1]!.spans.find((span) => span.attributes['heddle.destination'] === 'cart.shop')!;
  plain.attributes['heddle.mtls'] = false;
  feed(signals, traces);
  const edges = buildGraph(60, signals.read(60)).edges;
  expect(edges.find((edge) => edge.destination === 'cart.shop')?.mtls).toBe(false);
  expect(edges.find((edge) => edge.destination === 'catalog.shop')?.mtls).toBe(true);
});

test('a request that the gateway refused counts for the service it was meant for; a TCP connection has no latency', () => {
  const clock = new FakeClock();
  const signals = new GoldenSignals(clock);
  const trace = frontPage(seededRandom(8), clock.wallTime() - 500);
  const server = trace.spans[0]!;
  Object.assign(server.attributes, {
    'heddle.destination': 'front.shop',
    'heddle.attempts': 0,
    'heddle.reason': 'no-healthy-endpoints',
    'http.response.status_code': 503,
  });
  const relayed = trace.spans.find((span) => span.attributes['heddle.destination'] === 'cart.shop')!;
  relayed.attributes['network.transport'] = 'tcp';
  feed(signals, [{ ...trace, spans: [server, relayed] }]);
  const edges = buildGraph(60, signals.read(60)).edges;
  expect(edges.map((edge) => [edge.source, edge.destination, edge.successRate])).toEqual([
    ['external', 'gateway/edge.shop', 0],
    ['front.shop', 'cart.shop', 1],
    ['gateway/edge.shop', 'front.shop', 0],
  ]);
  expect(edges[1]?.p95Ms).toBe(0);
});

test('the window slides: old seconds fall out, the ring is reused, an idle pair is forgotten', () => {
  const clock = new FakeClock();
  const signals = new GoldenSignals(clock);
  const count = (window: number) =>
    signals.read(window).find((pair) => pair.destination.id === 'catalog.shop')?.requests ?? 0;
  feed(signals, [frontPage(seededRandom(4), clock.wallTime())]);
  clock.advance(30_000);
  feed(signals, [frontPage(seededRandom(5), clock.wallTime())]);
  expect([count(10), count(60)]).toEqual([1, 2]);
  clock.advance(290_000);
  expect([count(10), count(300)]).toEqual([0, 1]);
  feed(signals, [frontPage(seededRandom(6), clock.wallTime() - 600_000)]);
  expect(count(300)).toBe(1);
  clock.advance(300_000);
  expect(count(300)).toBe(0);
  expect(signals.pairs).toBe(0);
});

test('UI-17: destinations invented by peers cannot grow memory without bound', () => {
  const clock = new FakeClock();
  const signals = new GoldenSignals(clock);
  const [template] = exportRequests([frontPage(seededRandom(7), clock.wallTime())]).flatMap((body) =>
    decodeTraces(body)!.spans.filter((span) => span.kind === 'client'),
  );
  for (let i = 0; i < 700; i++) {
    signals.add({ ...template!, attributes: { ...template!.attributes, 'heddle.destination': `x${i}.shop` } });
  }
  expect(signals.pairs).toBe(500);
  expect(signals.overflow).toBe(200);
});

test('quantiles of the histogram are within an eighth of the truth over its whole range', () => {
  for (const ms of [0.2, 1, 3.3, 48, 750, 12_000]) {
    const counts = new Uint32Array(latencyBuckets);
    counts[latencyBucket(ms)] = 100;
    expect(Math.abs(latencyQuantile(counts, 0.5) - ms) / ms).toBeLessThan(0.125);
  }
  expect(latencyBucket(Number.NaN)).toBe(0);
  expect(latencyBucket(1e12)).toBe(latencyBuckets - 1);
  expect(latencyQuantile(new Uint32Array(latencyBuckets), 0.99)).toBe(0);
  expect([clampWindow(Number.NaN), clampWindow(0), clampWindow(1e9)]).toEqual([60, 1, 300]);
});
