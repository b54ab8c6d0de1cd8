import { expect, test } from 'vitest';
import { cluster, rawClient, request, TestProxy, tcpServer, until } from '../../test/harness/data-path.ts';

// P-22: wherever an upstream stops, some timer ends the request and the connection.

const stages: readonly (readonly [string, string, RegExp])[] = [
  ['before the head', '', /^request-timeout/],
  ['in the middle of the head', 'HTTP/1.1 200 OK\r\ncontent-le', /^request-timeout/],
  ['after an interim answer', 'HTTP/1.1 103 Early Hints\r\n\r\n', /^request-timeout/],
  ['after the head', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n', /^request-timeout/],
  ['in the middle of the body', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc', /^request-timeout/],
  ['in the middle of a chunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab', /^request-timeout/],
  ['before the trailers', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx-t', /^request-timeout/],
  ['in a stream of events', 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\nabc', /^stream-idle/],
  [
    'after a switch of protocols',
    'HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nabc',
    /^stream-idle/,
  ],
];

test.each(stages)('P-22: an upstream that stops %s is given up', async (stage, text, reason) => {
  let closed = false;
  const upstream = await tcpServer((socket) => {
    socket.on('data', () => socket.write(text));
    socket.on('end', () => socket.end());
    socket.on('close', () => {
      closed = true;
    });
  });
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [upstream]));
  const port = await under.listen('app', { action: { idleTimeoutMs: 60_000 } });
  const upgrade = stage.includes('switch') ? 'connection: upgrade\r\nupgrade: websocket\r\n' : '';
  const client = rawClient(port).send(`GET / HTTP/1.1\r\nhost: a\r\n${upgrade}\r\n`);
  await until(() => under.proxy.describe().clusters[0]?.activeRequests === 1);
  const over = () => under.observer.streams.length === 1 && closed;
  await under.pump(until(over), 200);
  expect(under.observer.streams[0]?.reason).toMatch(reason);
  expect(under.proxy.describe().clusters[0]).toMatchObject({ activeRequests: 0, pendingRequests: 0, connections: 0 });
  client.socket.destroy();
});

test('P-22: a client that stops in the middle of its body is given up', async () => {
  const upstream = await tcpServer(() => {});
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [upstream]));
  const client = rawClient(await under.listen('app'));
  client.send('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nabc');
  await until(() => under.proxy.describe().clusters[0]?.activeRequests === 1);
  await under.pump(
    until(() => under.observer.streams.length === 1),
    200,
  );
  expect(under.observer.streams[0]).toMatchObject({ status: 408, reason: 'request-idle' });
});

test('P-22: a proxy that drains does not wait for an answer that never comes', async () => {
  const upstream = await tcpServer(() => {});
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [upstream]));
  const port = await under.listen('app');
  request(port, '/').catch(() => {});
  await until(() => under.proxy.describe().clusters[0]?.activeRequests === 1);
  await under.pump(under.proxy.drain(5_000), 200);
});
