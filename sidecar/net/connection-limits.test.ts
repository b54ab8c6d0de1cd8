import net from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { cluster, rawClient, TestProxy, tcpServer, until } from '../../test/harness/data-path.ts';
import { listener, tcpChain } from '../../test/harness/listeners.ts';
import { RawClient } from '../../test/harness/raw-http.ts';

test('L-18: one client has at most so many connections at the edge, and others are not affected', async () => {
  const under = new TestProxy();
  under.proxy.setCluster(cluster('db', [await tcpServer((socket) => void socket.write('hi'))], { protocol: 'tcp' }));
  const port = await under.proxy.setListener(listener([tcpChain('db')], { maxConnectionsPerClient: 3 }));
  const from = (localAddress: string) => {
    const socket = net.connect({ port, host: '127.0.0.1', localAddress });
    onTestFinished(() => void socket.destroy());
    return RawClient.over(socket);
  };
  const first = ['127.0.0.2', '127.0.0.2', '127.0.0.2'].map(from);
  for (const client of first) await client.see(/hi/);
  const fourth = from('127.0.0.2');
  await until(() => fourth.closed || fourth.ended);
  await from('127.0.0.3').see(/hi/);
  expect(under.observer.refused).toMatchObject([{ reason: 'listener.too-many-connections-of-client' }]);
  first[0]?.socket.resetAndDestroy();
  await until(() => under.observer.open === 3);
  await from('127.0.0.2').see(/hi/);
});

test('L-17: a listener, a chain and all listeners together have a limit each', async () => {
  const under = new TestProxy({ maxConnections: 4 });
  under.proxy.setCluster(cluster('db', [await tcpServer((socket) => void socket.write('hi'))], { protocol: 'tcp' }));
  const chain = tcpChain('db', { maxConnections: 2 });
  const port = await under.proxy.setListener(listener([chain], { maxConnections: 3 }));
  const other = await under.proxy.setListener(listener([tcpChain('db')], { name: 'other' }));
  await rawClient(port).see(/hi/);
  await rawClient(port).see(/hi/);
  const third = rawClient(port);
  await until(() => third.closed || third.ended);
  expect(under.observer.refused.map(({ reason }) => reason)).toEqual(['connection-limit.reached']);
  await until(() => under.observer.open === 2);
  await rawClient(other).see(/hi/);
  await rawClient(other).see(/hi/);
  const fifth = rawClient(other);
  await until(() => fifth.closed || fifth.ended);
  expect(under.observer.refused.at(-1)).toMatchObject({
    reason: 'listener.too-many-connections',
    detail: '4 are open on all listeners',
  });
  await under.proxy.setListener(listener([tcpChain('db')], { maxConnections: 1 }));
  const over = rawClient(port);
  await until(() => over.closed || over.ended);
  expect(under.observer.refused.at(-1)).toMatchObject({ detail: '2 are open on this listener' });
});

test('L-19: of a flood of connections, at most 64 are taken in one turn of the event loop', async () => {
  const under = new TestProxy();
  under.proxy.setCluster(cluster('db', [await tcpServer(() => {})], { protocol: 'tcp' }));
  const port = await under.proxy.setListener(listener([tcpChain('db')]));
  let most = 0;
  let before = 0;
  let watching = true;
  const watch = () => {
    most = Math.max(most, under.observer.open - before);
    before = under.observer.open;
    if (watching) setImmediate(watch);
  };
  watch();
  const clients = Array.from({ length: 300 }, () => rawClient(port));
  await until(() => under.observer.open === clients.length);
  watching = false;
  expect(most).toBeLessThanOrEqual(64);
});

test('a PROXY header tells whose connection it is, to filters by source and to the upstream', async () => {
  const under = new TestProxy();
  const seen: string[] = [];
  const upstream = await tcpServer((socket) => {
    socket.on('data', (chunk) => {
      seen.push(String(chunk));
      socket.end('done');
    });
  });
  under.proxy.setCluster(cluster('db', [upstream], { protocol: 'tcp', proxyProtocol: 1 }));
  under.proxy.setCluster(
    cluster('far', [await tcpServer((socket) => void socket.resume().end('far'))], { protocol: 'tcp' }),
  );
  const chains = [
    tcpChain('far', { match: { sourceRanges: [{ address: '203.0.113.0', prefixBits: 24 }] } }),
    tcpChain('db'),
  ];
  const proxyHeader = { allowWithout: false, versions: [1, 2] as const, trusted: [] };
  const port = await under.proxy.setListener(listener(chains, { proxyHeader }));
  const near = rawClient(port).send('PROXY TCP4 192.0.2.7 198.51.100.9 4000 443\r\nhello');
  await near.see(/done/);
  expect(seen.join('')).toBe('PROXY TCP4 192.0.2.7 198.51.100.9 4000 443\r\nhello');
  const far = rawClient(port).send('PROXY TCP4 203.0.113.7 198.51.100.9 4000 443\r\n');
  await far.see(/far/);
  for (const client of [near, far]) client.socket.end();
  await until(() => under.observer.tcp.length === 2);
  expect(under.observer.tcp.map(({ downstreamAddress }) => downstreamAddress)).toEqual([
    '192.0.2.7:4000',
    '203.0.113.7:4000',
  ]);
});

test('TLS-29: without a header, with a broken one, or from a peer that may not write one, a connection is closed', async () => {
  const under = new TestProxy();
  under.proxy.setCluster(cluster('db', [await tcpServer((socket) => void socket.end('hi'))], { protocol: 'tcp' }));
  const proxyHeader = { allowWithout: false, versions: [1, 2] as const, trusted: [] };
  const port = await under.proxy.setListener(listener([tcpChain('db')], { proxyHeader }));
  for (const text of ['GET / HTTP/1.1\r\n', 'PROXY TCP4 lies\r\n', '\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff']) {
    const client = rawClient(port).send(text);
    await until(() => client.closed || client.ended);
    expect(client.received).toBe('');
  }
  const trusted = [{ address: '10.0.0.0', prefixBits: 8 }];
  await under.proxy.setListener(listener([tcpChain('db')], { proxyHeader: { ...proxyHeader, trusted } }));
  const untrusted = rawClient(port).send('PROXY UNKNOWN\r\n');
  await until(() => untrusted.closed || untrusted.ended);
  expect(under.observer.refused.map(({ reason }) => reason)).toEqual([
    'proxy-protocol.invalid',
    'proxy-protocol.invalid',
    'proxy-protocol.invalid',
    'proxy-protocol.untrusted',
  ]);
  const lenient = { ...proxyHeader, trusted, allowWithout: true };
  await under.proxy.setListener(listener([tcpChain('db')], { proxyHeader: lenient }));
  await rawClient(port).see(/hi/);
});
