import { describe, expect, test } from 'vitest';
import { responseFlags } from '../stream/response-flags.ts';
import type { ObserverOptions } from './create-observer.ts';
import { observerFixture, other, relay, self } from './observer-fixture.ts';

function setUp(options: Partial<ObserverOptions> = {}) {
  const fixture = observerFixture(options);
  return { ...fixture, scrape: async () => parseExposition((await fixture.observer.renderMetrics()).body) };
}

function parseExposition(body: string): { name: string; labels: Record<string, string>; value: number }[] {
  return body
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name, labels = '', value] = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line) as RegExpExecArray;
      const pairs = [...labels.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, text]) => [key, text]);
      return { name: name as string, labels: Object.fromEntries(pairs), value: Number(value) };
    });
}

describe('metrics', () => {
  test('requests are counted with Istio’s labels', async () => {
    const { request, scrape } = setUp();
    request();
    request();
    request({ status: 503, flags: responseFlags.UH.bit, upstreamAddress: '', upstreamPeer: '' });
    const counts = (await scrape()).filter(({ name }) => name === 'heddle_requests_total');
    expect(counts).toEqual([
      {
        name: 'heddle_requests_total',
        labels: {
          reporter: 'source',
          source_principal: self,
          destination_service: 'cart.shop',
          destination_service_namespace: 'shop',
          destination_principal: other,
          request_protocol: 'http',
          response_code: '200',
          response_flags: '-',
          connection_security_policy: 'mutual_tls',
          route: 'default/shop/cart',
        },
        value: 2,
      },
      expect.objectContaining({
        labels: expect.objectContaining({
          response_code: '503',
          response_flags: 'UH',
          destination_principal: 'unknown',
          connection_security_policy: 'unknown',
        }),
        value: 1,
      }),
    ]);
  });

  test('inbound, the caller is the source and this service the destination', async () => {
    const { request, scrape } = setUp();
    request({ service: '', downstreamPeer: other }, 'inbound');
    const labels = (await scrape()).find(({ name }) => name === 'heddle_requests_total')?.labels;
    expect(labels).toMatchObject({
      reporter: 'destination',
      source_principal: other,
      destination_principal: self,
      destination_service: 'front.shop',
      connection_security_policy: 'mutual_tls',
    });
  });

  test('durations land in cumulative buckets of milliseconds', async () => {
    const { request, scrape } = setUp();
    request();
    request({ endTime: 1e9, upstreamFirstByteTime: 0 });
    const all = await scrape();
    const buckets = all.filter(({ name }) => name === 'heddle_request_duration_milliseconds_bucket');
    expect(buckets.map(({ labels, value }) => [labels.le, value])).toEqual([
      ...['0.5', '1', '2.5', '5', '10'].map((le) => [le, 0]),
      ...['25', '50', '100', '250', '500', '1000', '2500', '5000', '10000'].map((le) => [le, 1]),
      ['+Inf', 2],
    ]);
    const value = (metric: string) => all.find(({ name }) => name === metric)?.value;
    expect(value('heddle_request_duration_milliseconds_count')).toBe(2);
    expect(value('heddle_request_ttfb_milliseconds_count')).toBe(1);
    expect(value('heddle_request_ttfb_milliseconds_sum')).toBe(7.5);
  });

  test('retries, connections, TCP relays and the process are there too', async () => {
    const { observer, request, scrape } = setUp();
    request({ attemptCount: 3 });
    observer.onConnectionOpen('inbound|80');
    observer.onConnectionOpen('inbound|80');
    observer.onConnectionClose('inbound|80');
    observer.onTcpEnd(relay());
    const all = await scrape();
    const value = (metric: string) => all.find(({ name }) => name === metric)?.value;
    expect(value('heddle_retries_total')).toBe(2);
    expect([value('heddle_connections'), value('heddle_connections_total')]).toEqual([1, 2]);
    expect([value('heddle_tcp_received_bytes_total'), value('heddle_tcp_sent_bytes_total')]).toEqual([10, 2_000]);
    expect(value('heddle_tcp_connections_closed_total')).toBe(1);
    expect(value('process_resident_memory_bytes')).toBeGreaterThan(1e6);
    expect(observer.stats().find(({ name }) => name.startsWith('heddle_retries_total'))).toEqual({
      name: 'heddle_retries_total{destination_service="cart.shop"}',
      value: 2,
    });
  });

  test('L-89: label sets are bounded; the rest is counted together', async () => {
    const { observer, request, scrape } = setUp({ maxSeries: 3 });
    for (let i = 0; i < 10; i++) {
      request({ route: `r${i}` });
      observer.onRefused('l', `reason-${i}`, '', '');
    }
    const all = await scrape();
    const counts = all.filter(({ name }) => name === 'heddle_requests_total');
    expect(counts.map(({ labels, value }) => [labels.route, value])).toEqual([
      ['r0', 1],
      ['r1', 1],
      ['r2', 1],
      ['overflow', 7],
    ]);
    expect(all.find(({ name }) => name === 'heddle_metric_overflow_total')?.value).toBe(7);
    expect(all.filter(({ name }) => name === 'heddle_refused_total').map(({ value }) => value)).toEqual([1, 1, 1, 7]);
  });

  test('label values that need it are escaped', async () => {
    const { request, scrape } = setUp();
    request({ route: 'a"b\\c\nd' });
    expect((await scrape())[0]?.labels.route).toBe('a\\"b\\\\c\\nd');
  });
});
