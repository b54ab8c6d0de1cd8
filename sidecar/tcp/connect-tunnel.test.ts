import { expect, onTestFinished, test } from 'vitest';
import { cluster, rawClient, routeTable, TestProxy, tcpServer, until } from '../../test/harness/data-path.ts';
import * as h2 from '../../test/harness/http2-frames.ts';
import { Http2Peer } from '../../test/harness/http2-peer.ts';

const target = 'redis.default.svc:6379';

/** A forward proxy before a TCP service that keeps what comes. */
async function startProxy() {
  const seen = { text: '' };
  const upstream = await tcpServer((socket) => {
    socket.on('data', (chunk) => {
      seen.text += String(chunk);
    });
  });
  const under = new TestProxy();
  under.proxy.setCluster(cluster('redis', [upstream], { protocol: 'tcp', servicePort: 6379 }));
  under.proxy.setRouteTable(routeTable('outbound', [], ['nobody']));
  return { seen, port: await under.listen('none', { routes: 'outbound' }) };
}

test('what an HTTP/1 client sends right behind its CONNECT goes into the tunnel', async () => {
  const { seen, port } = await startProxy();
  const client = rawClient(port).send(`CONNECT ${target} HTTP/1.1\r\nhost: ${target}\r\n\r\nearly`);
  await client.see(/^HTTP\/1.1 200 /);
  client.send(', and more');
  await until(() => seen.text.endsWith('and more'));
  expect(seen.text).toBe('early, and more');
});

test('what an HTTP/2 client sends right behind its CONNECT goes into the tunnel', async () => {
  const { seen, port } = await startProxy();
  const client = Http2Peer.connect(port);
  onTestFinished(() => client.destroy());
  const fields = [[':method', 'CONNECT'] as const, [':authority', target] as const];
  client.send(h2.headers(1, fields, false), h2.data(1, 'early'));
  await client.frame(h2.FrameType.headers, 1);
  client.send(h2.data(1, ', and more'));
  await until(() => seen.text.endsWith('and more'));
  expect(seen.text).toBe('early, and more');
});
