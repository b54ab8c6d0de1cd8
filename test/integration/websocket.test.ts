import { createHash, randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import type { ClusterConfig } from '../../sidecar/cluster/cluster-config.ts';
import { edgeHttp2, meshHttp2 } from '../../sidecar/stream/http2-settings.ts';
import { cluster, type HttpListenerOptions, rawClient, TestProxy, tcpServer, until } from '../harness/data-path.ts';
import { connectHttp2 } from '../harness/versions.ts';

const magic = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}${magic}`).digest('base64');
}

/** An HTTP/1 server that completes the handshake as RFC 6455 wants it, then sends back what it gets in brackets. */
async function startEcho(): Promise<{ port: number; heads: string[] }> {
  const heads: string[] = [];
  const port = await tcpServer((socket) => {
    socket.once('data', (bytes) => {
      const head = String(bytes);
      heads.push(head);
      const key = /^sec-websocket-key: (.*)\r$/im.exec(head)?.[1] ?? '';
      if (!/^upgrade: websocket\r$/im.test(head) || key === '') {
        socket.end('HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n');
        return;
      }
      const fields = `connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: ${acceptOf(key)}`;
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n\r\nwelcome `);
      socket.on('data', (chunk) => socket.write(`<${chunk}>`));
      socket.on('end', () => socket.end('bye'));
    });
  });
  return { port, heads };
}

async function startProxy(port: number, config: Partial<ClusterConfig> = {}, listener: HttpListenerOptions = {}) {
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [port], config));
  return { under, port: await under.listen('app', listener) };
}

/** Speaks HTTP/1 through `port` to the echo and checks everything to the end. */
async function talkHttp1(port: number): Promise<void> {
  const key = randomBytes(16).toString('base64');
  const client = rawClient(port);
  const fields = `connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${key}`;
  client.send(`GET /chat HTTP/1.1\r\nhost: a\r\n${fields}\r\n\r\n`);
  const seen = await client.see(/101 Switching Protocols[\s\S]*\r\n\r\nwelcome /);
  expect(/sec-websocket-accept: (.*)\r/i.exec(seen)?.[1]).toBe(acceptOf(key));
  client.send('ping');
  await client.see(/<ping>/);
  client.fin();
  await client.see(/bye$/);
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
