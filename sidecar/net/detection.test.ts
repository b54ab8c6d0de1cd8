import type net from 'node:net';
import { expect, test } from 'vitest';
import {
  closedPort,
  cluster,
  httpServer,
  rawClient,
  request,
  TestProxy,
  tcpServer,
  until,
} from '../../test/harness/data-path.ts';
import { httpChain, listener, tcpChain } from '../../test/harness/listeners.ts';

async function startDetecting(rawUpstream: (socket: net.Socket) => void) {
  const under = new TestProxy();
  const raw = await tcpServer(rawUpstream);
  const { port: app } = await httpServer((_in, out) => void out.end('by HTTP'));
  under.proxy.setCluster(cluster('raw', [raw], { protocol: 'tcp' }));
  under.proxy.setCluster(cluster('app', [app]));
  const chains = [httpChain('app', { match: { applicationProtocols: ['http/1.1', 'http/1.0'] } }), tcpChain('raw')];
  const port = await under.proxy.setListener(
    listener(chains, { direction: 'outbound', inspect: { tls: true, http: true } }),
  );
  return { under, port };
}

test('OB-10: HTTP, bytes, and servers that speak first are told apart on one port, and counted', async () => {
  const { under, port } = await startDetecting((socket) => {
    socket.on('data', (chunk) => socket.write(`raw ${chunk}`));
    socket.on('end', () => socket.end());
  });
  expect((await request(port, '/', { headers: { connection: 'close' } })).body).toBe('by HTTP');
  const split = rawClient(port).send('GE');
  await until(() => under.observer.open === 1);
  split.send('T / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
  await split.see(/by HTTP/);
  await rawClient(port)
    .send('GET key\r\n')
    .see(/raw GET key/);
  await rawClient(port)
    .send('\x00\x01')
    .see(/raw \W\W$/);
  expect(under.observer.detected).toEqual(['http/1.1', 'http/1.1', 'other', 'other']);
  // What was connected to in vain has left no trace.
  await until(() => under.observer.streams.length === 2);
  expect(under.observer.tcp).toEqual([]);
});

test('a server that speaks first is heard at once, with time standing still', async () => {
  const { under, port } = await startDetecting((socket) => {
    socket.write('220 ready\r\n');
    socket.on('data', (chunk) => socket.write(`got ${chunk}`));
    socket.on('end', () => socket.end());
  });
  const client = rawClient(port);
  await client.see(/220 ready/);
  client.send('EHLO me\r\n');
  await client.see(/got EHLO me/);
  expect(under.observer.detected).toEqual(['server-first']);
  client.socket.end();
  await until(() => under.observer.tcp.length === 1);
  expect(under.observer.tcp).toMatchObject([{ bytesReceived: 9, bytesSent: 24, flags: 0 }]);
});

test('a client that stays silent is waited for; HTTP is served although the other upstream is down', async () => {
  const { under, port } = await startDetecting(() => {});
  under.proxy.setCluster(cluster('raw', [await closedPort()], { protocol: 'tcp' }));
  const client = rawClient(port);
  await until(() => under.observer.open === 1);
  under.advance(20_000);
  client.send('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
  await client.see(/by HTTP/);
  expect(under.observer.tcp).toEqual([]);
  const raw = rawClient(port).send('\x00');
  await until(() => raw.closed || raw.ended);
  expect(under.observer.tcp).toMatchObject([{ reason: 'connect-refused' }]);
});

test('bytes that look like the start of HTTP and stop there are passed on after 5 s', async () => {
  const { under, port } = await startDetecting((socket) => void socket.on('data', (chunk) => socket.write(chunk)));
  const client = rawClient(port).send('PUT');
  await until(() => under.observer.open === 1);
  await new Promise((resolve) => setImmediate(resolve));
  while (client.received === '') {
    under.advance(100);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(client.received).toBe('PUT');
});
