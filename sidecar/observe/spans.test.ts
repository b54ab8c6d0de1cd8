import { describe, expect, test } from 'vitest';
import { responseFlags } from '../stream/response-flags.ts';
import { flatten, observerFixture, other, relay, self } from './observer-fixture.ts';

describe('spans', () => {
  test('an outbound request makes one client span in OTLP/JSON', async () => {
    const { request, spans, bodies } = observerFixture();
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
    const { request, spans } = observerFixture();
    request({ downstreamPeer: other }, 'inbound');
    expect((await spans())[0]).toMatchObject({
      kind: 2,
      attributes: { 'heddle.peer': other, 'network.peer.port': '50000', 'heddle.mtls': true },
    });
  });

  test('a gateway makes a server span and a client span below it', async () => {
    const { request, spans } = observerFixture();
    const { trace } = request({}, 'gateway');
    const [server, client] = await spans();
    expect([server.kind, client.kind]).toEqual([2, 3]);
    expect([server.parentSpanId, server.spanId]).toEqual([undefined, trace?.serverSpanId]);
    expect([client.parentSpanId, client.spanId]).toEqual([trace?.serverSpanId, trace?.spanId]);
    expect([server.attributes['heddle.mtls'], client.attributes['heddle.mtls']]).toEqual([false, true]);
  });

  test('a gateway that sent nothing on makes a server span only', async () => {
    const { request, spans } = observerFixture();
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
    const { request, spans } = observerFixture();
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
    const { request, spans } = observerFixture();
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
    const { request, spans } = observerFixture();
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
    const { observer, spans } = observerFixture();
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
    const { request, spans } = observerFixture({ traceSampling: 0 });
    request();
    expect(await spans()).toEqual([]);
  });
});
