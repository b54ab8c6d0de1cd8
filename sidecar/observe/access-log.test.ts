import { describe, expect, test } from 'vitest';
import { observerFixture, other, relay } from './observer-fixture.ts';

describe('the access log', () => {
  test('has one JSON line for a request', async () => {
    const { request, observer, lines } = observerFixture();
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
      upstream_protocol: null,
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

  test('tells a gRPC status and where copies went, where there are', async () => {
    const { request, observer, lines } = observerFixture();
    request({ grpcStatus: 14, mirroredTo: 'a,b' });
    await observer.flush();
    expect(JSON.parse(lines.join(''))).toMatchObject({ grpc_status: 14, mirrored_to: 'a,b' });
  });

  test('P-69: no byte of a peer leaves its field, steers a terminal or tells a secret', async () => {
    const { request, observer, lines } = observerFixture();
    const path = '/a\r\n{"x":1}\u001b[31m\u202e\u0085\u007f?api_key=s3cret&b=2';
    request({ path });
    await observer.flush();
    const text = lines.join('');
    expect(text).toMatch(/^[ -~]*\n$/);
    expect(JSON.parse(text).path).toBe(path.replace('s3cret', '[redacted]'));
  });

  test('is sampled, and has a line for a relayed connection', async () => {
    const { request, observer, lines } = observerFixture();
    observer.onTcpEnd(relay());
    await observer.flush();
    expect(JSON.parse(lines.join(''))).toMatchObject({
      protocol: 'TCP',
      upstream_host: '[::1]:6379',
      bytes_sent: 2_000,
    });
    const few: string[] = [];
    const sampled = observerFixture({ accessLog: { write: (text) => few.push(text), sample: 0.1 } });
    for (let i = 0; i < 1_000; i++) sampled.request();
    await sampled.observer.flush();
    const count = few.join('').split('\n').length - 1;
    expect(count).toBeGreaterThan(60);
    expect(count).toBeLessThan(140);
    expect(request).toBeDefined();
  });
});

test('refusals are counted, and logged at most ten times a second for each reason', () => {
  const { observer, logged, clock } = observerFixture();
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
