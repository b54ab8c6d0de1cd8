import { expect, onTestFinished, test } from 'vitest';
import type { ClusterConfig } from '../../sidecar/cluster/cluster-config.ts';
import { edgeHttp2, meshHttp2 } from '../../sidecar/stream/http2-settings.ts';
import { cluster, type HttpListenerOptions, rawClient, TestProxy, tcpServer, until } from '../harness/data-path.ts';
import * as h2 from '../harness/http2-frames.ts';
import { Http2Peer } from '../harness/http2-peer.ts';
import { connectHttp2 } from '../harness/versions.ts';
import { startEcho, talkHttp1 } from '../harness/websocket-echo.ts';

async function startProxy(port: number, config: Partial<ClusterConfig> = {}, listener: HttpListenerOptions = {}) {
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [port], config));
  return { under, port: await under.listen('app', listener) };
}

test('a WebSocket over HTTP/1 from end to end', async () => {
  const app = await startEcho();
  const { under, port } = await startProxy(app.port);
  await talkHttp1(port);
  await until(() => under.observer.streams.length === 1);
  expect(under.observer.streams).toMatchObject([{ status: 101, protocol: '1.1', upstreamProtocol: '1.1', flags: 0 }]);
});

test('a WebSocket of HTTP/1 clients crosses an HTTP/2 hop as extended CONNECT', async () => {
  const app = await startEcho();
  const far = await startProxy(
    app.port,
    {},
    { direction: 'inbound', http: { http2: { ...meshHttp2, allowConnect: true } } },
  );
  const near = await startProxy(far.port, { protocol: 'http2' });
  await talkHttp1(near.port);
  await until(() => far.under.observer.streams.length === 1 && near.under.observer.streams.length === 1);
  expect(near.under.observer.streams).toMatchObject([{ protocol: '1.1', upstreamProtocol: '2', flags: 0 }]);
  expect(far.under.observer.streams).toMatchObject([
    { protocol: '2', upstreamProtocol: '1.1', path: '/chat', flags: 0 },
  ]);
});

test('an HTTP/2 client opens a WebSocket of an HTTP/1 application by extended CONNECT', async () => {
  const app = await startEcho();
  const { port } = await startProxy(
    app.port,
    {},
    { direction: 'gateway', http: { http2: { ...edgeHttp2, allowConnect: true } } },
  );
  const session = await connectHttp2(port);
  await until(() => session.remoteSettings?.enableConnectProtocol === true);
  const stream = session.request({
    ':method': 'CONNECT',
    ':protocol': 'websocket',
    ':path': '/chat',
    ':scheme': 'http',
  });
  let [status, text] = [0, ''];
  stream.on('response', (head) => {
    status = Number(head[':status']);
  });
  stream.on('data', (chunk: Buffer) => {
    text += String(chunk);
  });
  await until(() => text === 'welcome ');
  expect(status).toBe(200);
  stream.write('ping');
  await until(() => text === 'welcome <ping>');
  stream.end();
  await until(() => text === 'welcome <ping>bye');
  expect(app.heads[0]).toMatch(/^GET \/chat HTTP\/1.1\r\n/);
});

test('data that an HTTP/2 client sends before the answer waits for it, and is then data of the new protocol', async () => {
  let accept = () => {};
  let seen = '';
  const app = await tcpServer((socket) => {
    socket.on('data', (chunk) => {
      seen += String(chunk);
    });
    accept = () => void socket.write('HTTP/1.1 101 X\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n');
  });
  const { port } = await startProxy(app, {}, { http: { http2: { ...meshHttp2, allowConnect: true } } });
  const client = Http2Peer.connect(port);
  onTestFinished(() => client.destroy());
  const fields = [...h2.changed(h2.get, { ':method': 'CONNECT' }), [':protocol', 'websocket']] as const;
  client.send(h2.headers(1, fields, false), h2.data(1, 'early'));
  await until(() => seen.endsWith('\r\n\r\n'));
  client.send(h2.data(1, ', and more'));
  accept();
  await until(() => seen.endsWith('\r\n\r\nearly, and more'));
});

test('what neither the chain nor the route allows is refused with 403, and the application hears nothing', async () => {
  const app = await startEcho();
  const { under, port } = await startProxy(app.port, {}, { action: { upgrades: { websocket: false } } });
  const upgrade = (protocol: string) =>
    rawClient(port).send(`GET / HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: ${protocol}\r\n\r\n`).response();
  expect(await upgrade('websocket')).toMatchObject({ status: 403 });
  expect(await upgrade('other')).toMatchObject({ status: 403 });
  expect(app.heads).toEqual([]);
  expect(under.observer.streams.map(({ reason }) => reason)).toEqual(['upgrade-refused', 'upgrade-refused']);
});
