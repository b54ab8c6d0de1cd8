import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { createLog } from '../../lib/log.ts';
import { seededRandom } from '../../lib/random.ts';
import type { RequestHead } from '../stream/head.ts';
import { Headers } from '../stream/headers.ts';
import { responseFlags } from '../stream/response-flags.ts';
import { createObserver, type ObserverOptions } from './create-observer.ts';
import { type Direction, StreamInfo, type TcpInfo } from './stream-info.ts';

const self = 'spiffe://cluster.local/ns/shop/sa/front';
const other = 'spiffe://cluster.local/ns/shop/sa/cart';

function setUp(options: Partial<ObserverOptions> = {}) {
  const clock = new FakeClock();
  const [bodies, lines, logged]: [string[], string[], string[]] = [[], [], []];
  const observer = createObserver({
    ownId: () => self,
    serviceName: 'front',
    namespace: 'shop',
    workload: 'front-1',
    mode: 'sidecar',
    spans: {
      send: async (body) => {
        bodies.push(body);
      },
    },
    accessLog: { write: (text) => lines.push(text) },
    clock,
    random: seededRandom(9),
    log: createLog((line) => logged.push(line)),
    ...options,
  });
  /** One request of 12 ms from head to end. */
  const request = (change: Partial<StreamInfo> = {}, direction: Direction = 'outbound', fields = {}) => {
    const info = new StreamInfo(direction, 'outbound', clock.now(), clock.wallTime());
    observer.onStreamStart(info, { headers: Headers.of(fields) } as RequestHead);
    const start = info.startTime;
    clock.advance(12);
    Object.assign(info, {
      method: 'GET',
      path: '/items?id=1',
      authority: 'cart.shop',
      route: 'default/shop/cart',
      cluster: 'outbound|80||cart.shop.svc.cluster.local',
      service: 'cart.shop',
      servicePort: 80,
      upstreamAddress: '127.0.0.1:9080',
      upstreamPeer: other,
      upstreamTls: true,
      downstreamAddress: '127.0.0.1:50000',
      status: 200,
      attemptCount: 1,
      upstreamFirstByteTime: start + 7.5,
      endTime: start + 12,
      ...change,
    });
    observer.onStreamEnd(info);
    return info;
  };
  const scrape = async () => parseExposition((await observer.renderMetrics()).body);
  const spans = async () => {
    await observer.flush();
    return bodies.flatMap((body) => JSON.parse(body).resourceSpans[0].scopeSpans[0].spans.map(flatten));
  };
  return { clock, observer, request, scrape, spans, bodies, lines, logged };
}

/** Attributes as an object. */
function flatten(span: { attributes: { key: string; value: Record<string, unknown> }[] }) {
  return {
    ...span,
    attributes: Object.fromEntries(span.attributes.map(({ key, value }) => [key, Object.values(value)[0]])),
  };
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

const relay = (): TcpInfo => ({
  direction: 'outbound',
  listener: 'outbound|7000',
  startWallTime: 1_700_000_000_000,
  durationMs: 40,
  downstreamAddress: '127.0.0.1:50001',
  downstreamPeer: '',
  cluster: 'outbound|6379||redis.shop.svc.cluster.local',
  service: 'redis.shop',
  servicePort: 6379,
  upstreamAddress: '[::1]:6379',
  upstreamPeer: other,
  bytesReceived: 10,
  bytesSent: 2_000,
  flags: 0,
  reason: '',
});

describe('spans', () => {
  test('an outbound request makes one client span in OTLP/JSON', async () => {
    const { request, spans, bodies } = setUp();
    const info = request({}, 'outbound', { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' });
    expect(await spans()).toEqual([
      {
        traceId: '0af7651916cd43dd8448eb211c80319c',
        spanId: info.trace?.spanId,
        parentSpanId: 'b7ad6b7169203331',
        name: 'GET default/shop/cart',
        kind: 3,
        startTimeUnixNano: '1700000000000000000',
        endTimeUnixNano: '1700000000012000000',
        attributes: {
          'http.request.method': 'GET',
          'url.path': '/items',
          'url.query': 'id=1',
          'url.scheme': 'http',
          'server.address': 'cart.shop',
          'network.protocol.version': '1.1',
          'network.peer.address': '127.0.0.1',
          'network.peer.port': '9080',
          'http.request.body.size': '0',
          'http.response.body.size': '0',
          'http.response.status_code': '200',
          'heddle.direction': 'outbound',
          'heddle.listener': 'outbound',
          'heddle.route': 'default/shop/cart',
          'heddle.cluster': 'outbound|80||cart.shop.svc.cluster.local',
          'heddle.destination': 'cart.shop',
          'heddle.destination_port': '80',
          'heddle.peer': other,
          'heddle.source_id': self,
          'heddle.upstream': '127.0.0.1:9080',
          'heddle.attempts': '1',
          'heddle.retries': '0',
          'heddle.request_id': info.requestId,
          'heddle.mtls': true,
        },
      },
    ]);
    const { resource, scopeSpans } = JSON.parse(bodies[0] as string).resourceSpans[0];
    expect(flatten(resource).attributes).toEqual({
      'service.name': 'front',
      'service.namespace': 'shop',
      'service.instance.id': 'front-1',
      'heddle.proxy.mode': 'sidecar',
    });
    expect(scopeSpans[0].scope.name).toBe('heddle');
  });

  test('an inbound request makes a server span that names its caller', async () => {
    const { request, spans } = setUp();
    request({ downstreamPeer: other }, 'inbound');
    expect((await spans())[0]).toMatchObject({
      kind: 2,
      attributes: { 'heddle.peer': other, 'network.peer.port': '50000', 'heddle.mtls': true },
    });
  });

  test('a gateway makes a server span and a client span below it', async () => {
    const { request, spans } = setUp();
    const { trace } = request({}, 'gateway');
    const [server, client] = await spans();
    expect([server.kind, client.kind]).toEqual([2, 3]);
    expect([server.parentSpanId, server.spanId]).toEqual([undefined, trace?.serverSpanId]);
    expect([client.parentSpanId, client.spanId]).toEqual([trace?.serverSpanId, trace?.spanId]);
    expect([server.attributes['heddle.mtls'], client.attributes['heddle.mtls']]).toEqual([false, true]);
  });

  test('a gateway that sent nothing on makes a server span only', async () => {
    const { request, spans } = setUp();
    request(
      { status: 404, attemptCount: 0, upstreamAddress: '', flags: responseFlags.NR.bit, reason: 'no-route' },
      'gateway',
    );
    const all = await spans();
    expect(all).toHaveLength(1);
    expect(all[0]).toMatchObject({ attributes: { 'heddle.reason': 'no-route', 'heddle.response_flags': 'NR' } });
    expect(all[0].status).toBeUndefined();
  });

  test('spans of one way keep what differs between them', async () => {
    const { request, spans } = setUp();
    request();
    request({ upstreamAddress: '127.0.0.1:9081', status: 500 });
    request({ path: '/other', upstreamPeer: '' });
    const all = await spans();
    expect(all.map(({ attributes }: ReturnType<typeof flatten>) => attributes['heddle.upstream'])).toEqual([
      '127.0.0.1:9080',
      '127.0.0.1:9081',
      '127.0.0.1:9080',
    ]);
    expect(all.map(({ status }: { status?: unknown }) => status)).toEqual([undefined, { code: 2 }, undefined]);
    expect([all[2].attributes['url.path'], all[2].attributes['heddle.peer']]).toEqual(['/other', undefined]);
  });

  test('failed attempts become events', async () => {
    const { request, spans } = setUp();
    request({
      attemptCount: 2,
      attempts: [
        { endpoint: '127.0.0.1:1', startMs: 0, durationMs: 2.5, status: 0, failure: 'UF' },
        { endpoint: '127.0.0.1:2', startMs: 4, durationMs: 8, status: 200, failure: '' },
      ],
    });
    const [span] = await spans();
    expect(span.attributes).toMatchObject({ 'heddle.attempts': '2', 'heddle.retries': '1' });
    expect(span.events).toHaveLength(1);
    expect({ ...flatten(span.events[0]) }).toEqual({
      timeUnixNano: '1700000000002500000',
      name: 'attempt',
      attributes: {
        'heddle.upstream': '127.0.0.1:1',
        'http.response.status_code': '0',
        'heddle.response_flags': 'UF',
        'heddle.duration_us': '2500',
      },
    });
  });

  test('a reset is an error, and strange bytes survive as JSON', async () => {
    const { request, spans } = setUp();
    request({
      status: 0,
      flags: responseFlags.UC.bit,
      path: '/\u0000"\\\u202e\u00ff?token=s3cret&x=1',
      userAgent: 'a\nb',
    });
    const [span] = await spans();
    expect(span.status).toEqual({ code: 2 });
    expect(span.attributes['url.path']).toBe('/\u0000"\\\u202e\u00ff');
    expect(span.attributes['url.query']).toBe('token=[redacted]&x=1');
    expect(span.attributes['user_agent.original']).toBe('a\nb');
  });

  test('a relayed connection makes a span of its own', async () => {
    const { observer, spans } = setUp();
    observer.onTcpEnd(relay());
    expect((await spans())[0]).toMatchObject({
      name: 'tcp redis.shop',
      kind: 3,
      startTimeUnixNano: '1700000000000000000',
      endTimeUnixNano: '1700000000040000000',
      attributes: { 'network.transport': 'tcp', 'network.peer.address': '::1', 'heddle.bytes_sent': '2000' },
    });
  });

  test('what is not sampled is not exported', async () => {
    const { request, spans } = setUp({ traceSampling: 0 });
    request();
    expect(await spans()).toEqual([]);
  });
});

describe('the access log', () => {
  test('has one JSON line for a request', async () => {
    const { request, observer, lines } = setUp();
    const info = request({ userAgent: 'curl/8', bytesReceived: 3, bytesSent: 42 }, 'outbound', {
      authorization: 'Bearer s3cret',
    });
    await observer.flush();
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain('s3cret');
    expect(JSON.parse(lines[0] as string)).toEqual({
      start_time: '2023-11-14T22:13:20.000Z',
      direction: 'outbound',
      method: 'GET',
      path: '/items?id=1',
      authority: 'cart.shop',
      protocol: 'HTTP/1.1',
      response_code: 200,
      response_flags: '-',
      reason: null,
      route_name: 'default/shop/cart',
      duration_ms: 12,
      upstream_ttfb_ms: 7.5,
      bytes_received: 3,
      bytes_sent: 42,
      attempts: 1,
      request_id: info.requestId,
      trace_id: info.trace?.traceId,
      user_agent: 'curl/8',
      upstream_cluster: 'outbound|80||cart.shop.svc.cluster.local',
      upstream_host: '127.0.0.1:9080',
      upstream_peer: other,
      downstream_remote_address: '127.0.0.1:50000',
      downstream_peer: null,
      listener: 'outbound',
    });
  });

  test('P-69: no byte of a peer leaves its field, steers a terminal or tells a secret', async () => {
    const { request, observer, lines } = setUp();
    const path = '/a\r\n{"x":1}\u001b[31m\u202e\u0085\u007f?api_key=s3cret&b=2';
    request({ path });
    await observer.flush();
    const text = lines.join('');
    expect(text).toMatch(/^[ -~]*\n$/);
    expect(JSON.parse(text).path).toBe(path.replace('s3cret', '[redacted]'));
  });

  test('is sampled, and has a line for a relayed connection', async () => {
    const { request, observer, lines } = setUp();
    observer.onTcpEnd(relay());
    await observer.flush();
    expect(JSON.parse(lines.join(''))).toMatchObject({
      protocol: 'TCP',
      upstream_host: '[::1]:6379',
      bytes_sent: 2_000,
    });
    const few: string[] = [];
    const sampled = setUp({ accessLog: { write: (text) => few.push(text), sample: 0.1 } });
    for (let i = 0; i < 1_000; i++) sampled.request();
    await sampled.observer.flush();
    const count = few.join('').split('\n').length - 1;
    expect(count).toBeGreaterThan(60);
    expect(count).toBeLessThan(140);
    expect(request).toBeDefined();
  });
});

test('refusals are counted, and logged at most ten times a second for each reason', () => {
  const { observer, logged, clock } = setUp();
  for (let i = 0; i < 25; i++) observer.onRefused('inbound|80', 'bad-request', `line\u001b ${i}`, '127.0.0.1:1');
  observer.onRefused('inbound|80', 'tls', 'no certificate', '127.0.0.1:1');
  expect(logged).toHaveLength(11);
  expect(JSON.parse(logged[0] as string)).toMatchObject({
    level: 'warn',
    reason: 'bad-request',
    detail: 'line\\u001b 0',
    listener: 'inbound|80',
  });
  clock.advance(1_000);
  observer.onRefused('inbound|80', 'bad-request', 'again', '127.0.0.1:1');
  expect(JSON.parse(logged[11] as string).suppressed).toBe(15);
  expect(observer.stats().find(({ name }) => name.includes('reason="bad-request"'))?.value).toBe(26);
});
