import net from 'node:net';
import tls from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { makeServerCertificate } from '../../test/harness/certificates.ts';
import { cluster, httpServer, rawClient, TestProxy, until } from '../../test/harness/data-path.ts';
import { httpChain, listener, tcpChain } from '../../test/harness/listeners.ts';
import { RawClient } from '../../test/harness/raw-http.ts';
import type { DownstreamTlsConfig, ListenerConfig } from './listener-config.ts';

const plainTls: DownstreamTlsConfig = {
  certificateSecret: 'default',
  validationSecret: undefined,
  requireClientCertificate: false,
  allowedIds: [],
  minVersion: 'TLSv1.2',
};

async function tlsServer(name: string): Promise<number> {
  const { chainPem: cert, privateKeyPem: key } = await makeServerCertificate(name);
  const server = tls.createServer({ cert, key }, (socket) => {
    socket.on('error', () => {});
    socket.end(`I am ${name}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return (server.address() as net.AddressInfo).port;
}

/** What a TLS client with this name reads, and whose certificate it saw; or the error it got. */
function ask(port: number, servername: string | undefined, more: tls.ConnectionOptions = {}): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const name = servername === undefined ? {} : { servername };
    const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...name, ...more });
    onTestFinished(() => void socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      text += String(chunk);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.on('close', () => resolve(text));
  });
}

async function startPassthrough(more: Partial<ListenerConfig> = {}) {
  const under = new TestProxy();
  for (const name of ['a', 'b', 'wild']) {
    under.proxy.setCluster(cluster(name, [await tlsServer(name)], { protocol: 'tcp' }));
  }
  const chains = [
    tcpChain('wild', { serverNames: ['*.example'], transport: 'tls' }),
    tcpChain('a', { serverNames: ['a.example'], transport: 'tls' }),
    tcpChain('b', { serverNames: ['b.example', '*.deep.example'], transport: 'tls' }),
  ];
  const port = await under.proxy.setListener(listener(chains, { inspect: { tls: true, http: false }, ...more }));
  return { under, port };
}

test('TLS is passed through by server name, and the closest name wins whatever the order', async () => {
  const { under, port } = await startPassthrough();
  expect(await ask(port, 'a.example')).toBe('I am a');
  expect(await ask(port, 'B.example')).toBe('I am b');
  expect(await ask(port, 'x.example')).toBe('I am wild');
  expect(await ask(port, 'x.deep.example')).toBe('I am b');
  expect(under.observer.detected).toEqual(['tls', 'tls', 'tls', 'tls']);
});

test('TLS-24: a name that no chain serves is answered with unrecognized_name, and nothing is dialled', async () => {
  const { under, port } = await startPassthrough();
  expect(await ask(port, 'other.org')).toMatch(/UNRECOGNIZED_NAME/);
  expect(await ask(port, undefined)).toMatch(/UNRECOGNIZED_NAME/);
  expect(under.observer.refused.map(({ reason }) => reason)).toEqual([
    'tls.unknown-server-name',
    'tls.unknown-server-name',
  ]);
  expect(under.proxy.describe().clusters.every(({ endpoints }) => endpoints[0]?.requests === 0)).toBe(true);
});

test('the default chain serves what no chain fits', async () => {
  const under = new TestProxy();
  under.proxy.setCluster(cluster('a', [await tlsServer('a')], { protocol: 'tcp' }));
  under.proxy.setCluster(cluster('rest', [await tlsServer('rest')], { protocol: 'tcp' }));
  const chains = [tcpChain('a', { serverNames: ['a.example'] })];
  const port = await under.proxy.setListener(listener(chains, { defaultChain: tcpChain('rest') }));
  expect(await ask(port, 'a.example')).toBe('I am a');
  expect(await ask(port, 'b.example')).toBe('I am rest');
});

test('TLS-26: a ClientHello that does not end is given up after 5 s, and one that lies at once', async () => {
  const { under, port } = await startPassthrough();
  const slow = rawClient(port).send('\x16\x03\x01\x02\x00');
  await until(() => under.observer.open === 1);
  under.advance(4_000);
  slow.send('\x01');
  under.advance(900);
  expect(slow.closed).toBe(false);
  under.advance(200);
  await until(() => slow.closed || slow.ended);
  const lying = rawClient(port).send('\x16\x03\x01\x00\x05\x01\x00\x00\x01\xff');
  await until(() => lying.closed || lying.ended);
  expect(lying.received).toBe('\x15\x03\x01\x00\x02\x02\x32');
  expect(under.observer.refused.map(({ reason }) => reason)).toEqual([
    'tls.handshake-timeout',
    'tls.malformed-client-hello',
  ]);
});

test('TLS-26: 200 handshakes run at one time, the next waits for a place, and no longer than 1 s', async () => {
  const under = new TestProxy();
  const certificate = await makeServerCertificate('a');
  under.secrets.set({ kind: 'certificate', name: 'default', notAfter: 0, ...certificate });
  under.proxy.setCluster(cluster('app', [(await httpServer((_in, out) => void out.end('served'))).port]));
  const port = await under.proxy.setListener(
    listener([httpChain('app', { tls: plainTls })], { maxConnectionsPerClient: 0 }),
  );
  // Clients that send their ClientHello and then nothing.
  const hello = await new Promise<Buffer>((resolve) => {
    const server = net.createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', (chunk: Buffer) => {
        resolve(chunk);
        server.close();
        socket.destroy();
      });
    });
    server.listen(0, '127.0.0.1', () => {
      const { port: to } = server.address() as net.AddressInfo;
      tls.connect({ port: to, host: '127.0.0.1', servername: 'a' }).on('error', () => {});
    });
  });
  const stalled = Array.from({ length: 200 }, () => rawClient(port));
  for (const client of stalled) client.send(hello.toString('latin1'));
  await until(() => stalled.every(({ received }) => received.length > 0));
  const dropped = rawClient(port).send(hello.toString('latin1'));
  await until(() => under.observer.open === 201 && under.observer.detected.length === 201);
  under.advance(1_100);
  await until(() => dropped.closed || dropped.ended);
  expect(dropped.received).toBe('');
  expect(under.observer.refused).toMatchObject([{ reason: 'tls.too-many-handshakes' }]);
  const secure = tls.connect({ port, host: '127.0.0.1', servername: 'a', rejectUnauthorized: false });
  onTestFinished(() => void secure.destroy());
  const waiting = RawClient.over(secure).send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  await until(() => under.observer.detected.length === 202);
  expect(waiting.received).toBe('');
  stalled[0]?.socket.destroy();
  await waiting.see(/served/);
});

test('TLS-25: versions before 1.2 and renegotiation are refused', async () => {
  const under = new TestProxy();
  const certificate = await makeServerCertificate('a');
  under.secrets.set({ kind: 'certificate', name: 'default', notAfter: 0, ...certificate });
  const { port: app } = await httpServer((_in, out) => void out.end('served'));
  under.proxy.setCluster(cluster('app', [app]));
  const port = await under.proxy.setListener(listener([httpChain('app', { tls: plainTls })]));
  const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
  expect(await ask(port, 'a', old)).toMatch(/PROTOCOL_VERSION/);
  for (const ciphers of ['NULL', 'AES128-SHA', 'ECDHE-ECDSA-AES128-SHA']) {
    expect(await ask(port, 'a', { maxVersion: 'TLSv1.2', ciphers })).toMatch(/^ERR_SSL|HANDSHAKE_FAILURE/);
  }
  const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, maxVersion: 'TLSv1.2' });
  onTestFinished(() => void socket.destroy());
  const outcome = await new Promise<string>((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.on('close', () => resolve('closed'));
    socket.once('secureConnect', () => socket.renegotiate({}, (error) => resolve(error?.message ?? 'renegotiated')));
  });
  expect(outcome).toMatch(/RENEGOTIATION|closed|ECONNRESET/i);
});

test('TLS-23: a host of another chain than the one the server name chose is answered with 421', async () => {
  const under = new TestProxy();
  const certificate = await makeServerCertificate('a');
  under.secrets.set({ kind: 'certificate', name: 'default', notAfter: 0, ...certificate });
  const { port: app } = await httpServer((_in, out) => void out.end('served'));
  under.proxy.setCluster(cluster('app', [app]));
  const chains = [
    httpChain('app', { name: 'one', tls: plainTls, serverNames: ['one.example', 'also.example'] }),
    httpChain('app', { name: 'two', tls: plainTls, serverNames: ['*.two.example'] }),
  ];
  const port = await under.proxy.setListener(listener(chains));
  const get = async (servername: string, host: string) => {
    const socket = tls.connect({ port, host: '127.0.0.1', servername, rejectUnauthorized: false });
    onTestFinished(() => void socket.destroy());
    const client = RawClient.over(socket).send(`GET / HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
    await until(() => client.ended || client.closed);
    return client.received.slice(0, 12);
  };
  expect(await get('one.example', 'one.example')).toBe('HTTP/1.1 200');
  expect(await get('one.example', 'ALSO.example:443')).toBe('HTTP/1.1 200');
  expect(await get('one.example', 'nobodys.example')).toBe('HTTP/1.1 200');
  expect(await get('one.example', 'x.two.example')).toBe('HTTP/1.1 421');
  expect(await get('x.two.example', 'one.example')).toBe('HTTP/1.1 421');
  expect(under.observer.streams.at(-1)).toMatchObject({ status: 421, reason: 'misdirected' });
});
