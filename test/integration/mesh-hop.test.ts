import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { meshHttp2 } from '../../sidecar/stream/http2-settings.ts';
import { httpServer, rawClient, request, until } from '../harness/data-path.ts';
import { startHop } from '../harness/tls-hop.ts';
import { send, startApp } from '../harness/versions.ts';
import { startEcho, talkHttp1 } from '../harness/websocket-echo.ts';

test('LB-09: two sidecars agree on HTTP/2 by ALPN, and the application still sees HTTP/1', async () => {
  const { port: app } = await httpServer((incoming, outgoing) => void outgoing.end(incoming.httpVersion));
  const { near, far, port } = await startHop(app);
  expect(await request(port, '/')).toMatchObject({ status: 200, body: '1.1' });
  await until(() => near.observer.streams.length + far.observer.streams.length === 2);
  expect(near.observer.streams).toMatchObject([{ protocol: '1.1', upstreamProtocol: '2', upstreamTls: true }]);
  expect(far.observer.streams).toMatchObject([{ protocol: '2', upstreamProtocol: '1.1', downstreamTls: true }]);
});

test('a sidecar that takes HTTP/1 alone, or no ALPN at all, is spoken to in HTTP/1', async () => {
  const { port: app } = await httpServer((_incoming, outgoing) => void outgoing.end('served'));
  for (const alpn of [['http/1.1'], []]) {
    const { near, port } = await startHop(app, { alpn, far: { codec: 'http1' } });
    const answers = await Promise.all(Array.from({ length: 5 }, () => request(port, '/')));
    expect(answers.map(({ body }) => body)).toEqual(Array.from({ length: 5 }, () => 'served'));
    expect(near.observer.streams[0]).toMatchObject({ upstreamProtocol: '1.1' });
  }
});

test('the requests of many clients share one TLS connection', async () => {
  const app = await startApp('http1', (incoming, outgoing) => void incoming.pipe(outgoing as never));
  const { near, far, port } = await startHop(app.port);
  const bodies = Array.from({ length: 50 }, () => randomBytes(20_000));
  const answers = await Promise.all(bodies.map((body) => send('http1', port, { method: 'POST', body: [body] })));
  expect(answers.every(({ body }, index) => body.equals(bodies[index] as Buffer))).toBe(true);
  expect(near.proxy.describe().clusters[0]?.connections).toBe(1);
  expect(far.proxy.describe().listeners[0]?.connections).toBe(1);
});

test('a WebSocket crosses the hop as extended CONNECT', async () => {
  const app = await startEcho();
  const { near, port } = await startHop(app.port);
  await Promise.all([talkHttp1(port), talkHttp1(port), talkHttp1(port)]);
  await until(() => near.observer.streams.length === 3);
  expect(near.observer.streams[0]).toMatchObject({ status: 101, upstreamProtocol: '2' });
  expect(near.proxy.describe().clusters[0]?.connections).toBe(1);
});

test('a WebSocket takes HTTP/1 to a sidecar that has no extended CONNECT, other requests go on in HTTP/2', async () => {
  const app = await startEcho();
  const { near, port } = await startHop(app.port, { far: { http2: meshHttp2 } });
  await talkHttp1(port);
  await until(() => near.observer.streams.length === 1);
  expect(near.observer.streams).toMatchObject([{ status: 101, upstreamProtocol: '1.1' }]);
  await request(port, '/');
  expect(near.observer.streams[1]).toMatchObject({ upstreamProtocol: '2' });
});

test('server-sent events pass one by one', async () => {
  let next = () => {};
  const app = await startApp('http1', (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: 1\n\n');
    next = () => response.end('data: 2\n\n');
  });
  const { port } = await startHop(app.port);
  const client = rawClient(port).send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  await client.see(/data: 1\n\n/);
  expect(client.received).not.toContain('data: 2');
  next();
  await client.see(/data: 2\n\n/);
});

test('a sidecar that drains says so, and the next requests need another connection', async () => {
  const waiting: (() => void)[] = [];
  const app = await startApp('http1', (_request, response) => void waiting.push(() => response.end('done')));
  const { near, far, port } = await startHop(app.port);
  const running = request(port, '/');
  await until(() => waiting.length === 1);
  const drained = far.proxy.drain(60_000);
  waiting[0]?.();
  expect((await running).body).toBe('done');
  // The connection ends when the last GOAWAY is out.
  await until(() => {
    far.advance(100);
    return near.proxy.describe().clusters[0]?.connections === 0;
  });
  await drained;
});
