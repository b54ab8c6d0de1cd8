import { createHash, randomBytes } from 'node:crypto';
import net from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { makeSvid, makeTestAuthority } from '../../test/harness/certificates.ts';
import { closedPort, cluster, endpoint, rawClient, TestProxy, tcpServer, until } from '../../test/harness/data-path.ts';
import type { DownstreamTlsConfig, FilterChainConfig, ListenerConfig } from '../net/listener-config.ts';
import { responseFlags } from '../stream/response-flags.ts';

function tcpListener(name: string, tls?: DownstreamTlsConfig): ListenerConfig {
  return {
    name: 'tcp',
    direction: tls === undefined ? 'outbound' : 'inbound',
    address: '127.0.0.1',
    port: 0,
    chains: [
      {
        name: 'tcp',
        serverNames: [],
        transport: 'any',
        tls,
        protocol: { kind: 'tcp', cluster: name, idleTimeoutMs: 60_000 },
      },
    ],
  };
}

async function startRelay(endpoints: readonly number[]) {
  const under = new TestProxy();
  under.proxy.setCluster(cluster('db', endpoints, { protocol: 'tcp' }));
  return { under, port: await under.proxy.setListener(tcpListener('db')) };
}

test('each direction ends on its own', async () => {
  const upstream = await tcpServer((socket) => {
    let all = '';
    socket.on('data', (chunk) => {
      all += String(chunk);
    });
    socket.on('end', () => {
      socket.write(`you said ${all}`);
      setTimeout(() => socket.end(', bye'), 20);
    });
  });
  const { under, port } = await startRelay([upstream]);
  const client = rawClient(port).send('hello');
  client.socket.end();
  await until(() => client.ended);
  expect(client.received).toBe('you said hello, bye');
  await until(() => under.observer.tcp.length === 1);
  expect(under.observer.tcp).toMatchObject([
    { cluster: 'db', service: 'db.default', bytesReceived: 5, bytesSent: 19, flags: 0, reason: '' },
  ]);
  expect(under.proxy.describe().clusters[0]).toMatchObject({ connections: 0, activeRequests: 0 });
});

test('the upstream may speak first', async () => {
  const { port } = await startRelay([await tcpServer((socket) => void socket.write('220 ready\r\n'))]);
  await rawClient(port).see(/220 ready/);
});

test('a client that does not read stops the upstream, and gets everything once it reads', async () => {
  const size = 32 * 1024 * 1024;
  let written = 0;
  const upstream = await tcpServer((socket) => {
    const block = Buffer.alloc(65_536);
    const more = () => {
      while (written < size) {
        written += block.length;
        if (!socket.write(block)) return void socket.once('drain', more);
      }
      socket.end();
    };
    more();
  });
  const { port } = await startRelay([upstream]);
  const client = rawClient(port);
  client.socket.pause();
  let before = -1;
  await until(() => {
    const still = written === before && written > 0;
    before = written;
    return still;
  });
  expect(written).toBeLessThan(size / 2);
  client.socket.resume();
  await until(() => client.ended);
  expect(client.received.length).toBe(size);
});

test('an upstream that resets resets the client', async () => {
  const { under, port } = await startRelay([
    await tcpServer((socket) => void socket.once('data', () => socket.resetAndDestroy())),
  ]);
  const client = rawClient(port).send('x');
  await until(() => client.closed);
  expect(client.ended).toBe(false);
  await until(() => under.observer.tcp.length === 1);
  expect(under.observer.tcp).toMatchObject([{ flags: responseFlags.UC.bit }]);
});

test('a relay in which nothing moves is ended', async () => {
  const upstream = await tcpServer((socket) => void socket.on('data', (chunk) => socket.write(chunk)));
  const { under, port } = await startRelay([upstream]);
  const client = rawClient(port).send('ping');
  await client.see(/ping/);
  under.advance(59_000);
  client.send('pong');
  await client.see(/pong/);
  under.advance(59_000);
  expect(client.ended).toBe(false);
  under.advance(1_100);
  await until(() => client.ended);
  expect(under.observer.tcp).toMatchObject([{ flags: responseFlags.SI.bit, reason: 'stream-idle' }]);
});

test('an endpoint that refuses is replaced by another, and without one the client is turned away', async () => {
  const up = await tcpServer((socket) => void socket.end('up'));
  const { port } = await startRelay([await closedPort(), up]);
  for (let i = 0; i < 2; i++) await rawClient(port).see(/up/);
  const { under, port: dead } = await startRelay([await closedPort()]);
  const client = rawClient(dead);
  await until(() => client.closed || client.ended);
  await until(() => under.observer.tcp.length === 1);
  expect(under.observer.tcp).toMatchObject([{ reason: 'connect-refused', flags: responseFlags.UF.bit }]);
});

test('bytes go through two proxies with mutual TLS between them, and identities are recorded', async () => {
  const authority = await makeTestAuthority();
  const secretsFor = async (under: TestProxy, name: string) => {
    const svid = await makeSvid(authority, `spiffe://mesh.test/ns/default/sa/${name}`);
    under.secrets.set({ kind: 'certificate', name: 'default', notAfter: 0, ...svid });
    const rootsPem = authority.certificate.toString('pem');
    under.secrets.set({ kind: 'validation', name: 'ROOTCA', trustDomain: 'mesh.test', rootsPem });
  };
  const upstream = await tcpServer((socket) => {
    socket.on('data', (chunk) => socket.write(chunk));
    socket.on('end', () => socket.end());
  });
  const { under: far } = await startRelay([upstream]);
  await secretsFor(far, 'db');
  const farPort = await far.proxy.setListener({
    ...tcpListener('db', {
      certificateSecret: 'default',
      validationSecret: 'ROOTCA',
      requireClientCertificate: true,
      allowedIds: [],
      minVersion: 'TLSv1.3',
    }),
    name: 'inbound',
  });
  const near = new TestProxy();
  await secretsFor(near, 'client');
  const expectedIds = ['spiffe://mesh.test/ns/default/sa/db'];
  const tls = { sni: 'db', expectedIds, certificateSecret: 'default', validationSecret: 'ROOTCA' };
  near.proxy.setCluster(cluster('db', [endpoint(farPort, { tls: true })], { protocol: 'tcp', tls }));
  const client = rawClient(await near.proxy.setListener(tcpListener('db')));
  client.send('x'.repeat(100_000));
  await until(() => client.received.length === 100_000);
  client.socket.end();
  await until(() => client.ended);
  await until(() => near.observer.tcp.length === 1 && far.observer.tcp.length === 1);
  expect(near.observer.tcp).toMatchObject([{ upstreamPeer: expectedIds[0], bytesSent: 100_000, flags: 0 }]);
  expect(far.observer.tcp).toMatchObject([
    { downstreamPeer: 'spiffe://mesh.test/ns/default/sa/client', bytesReceived: 100_000, flags: 0 },
  ]);
});

test('connections are spread over weighted clusters, and end when they have lasted long enough', async () => {
  const under = new TestProxy();
  for (const name of ['one', 'two']) {
    under.proxy.setCluster(cluster(name, [await tcpServer((socket) => void socket.write(name))], { protocol: 'tcp' }));
  }
  const weightedClusters = [
    { name: 'one', weight: 3 },
    { name: 'two', weight: 1 },
  ];
  const protocol = {
    kind: 'tcp',
    cluster: 'two',
    weightedClusters,
    idleTimeoutMs: 0,
    maxConnectionDurationMs: 5_000,
  } as const;
  const [chain] = tcpListener('one').chains;
  const chains = [{ ...(chain as FilterChainConfig), protocol }];
  const port = await under.proxy.setListener({ ...tcpListener('one'), chains });
  const clients = Array.from({ length: 40 }, () => rawClient(port));
  for (const client of clients) await client.see(/one|two/);
  const ones = clients.filter(({ received }) => received === 'one').length;
  expect(ones).toBeGreaterThan(20);
  expect(ones).toBeLessThan(40);
  under.advance(4_900);
  expect(clients.some(({ closed }) => closed)).toBe(false);
  under.advance(200);
  await until(() => clients.every(({ closed }) => closed));
  expect(under.observer.tcp).toHaveLength(40);
  expect(under.observer.tcp[0]).toMatchObject({ reason: 'max-connection-duration', flags: responseFlags.DT.bit });
  expect(under.proxy.describe().clusters.map(({ connections }) => connections)).toEqual([0, 0]);
});

test('as many endpoints are tried as max_connect_attempts says', async () => {
  const under = new TestProxy();
  const dead = [await closedPort(), await closedPort(), await closedPort()];
  const alive = await tcpServer((socket) => void socket.end('up'));
  under.proxy.setCluster(cluster('db', [...dead, alive], { protocol: 'tcp' }));
  const listen = async (name: string, maxConnectAttempts: number) => {
    const [chain] = tcpListener('db').chains;
    const protocol = { kind: 'tcp', cluster: 'db', idleTimeoutMs: 0, maxConnectAttempts } as const;
    return await under.proxy.setListener({
      ...tcpListener('db'),
      name,
      chains: [{ ...(chain as FilterChainConfig), protocol }],
    });
  };
  const once = rawClient(await listen('once', 1));
  await until(() => once.closed);
  expect(under.observer.tcp).toMatchObject([{ reason: 'connect-refused' }]);
  await rawClient(await listen('often', 4)).see(/up/);
});

test('P-10: bytes arrive whole both ways at once, past readers that stop and go', async () => {
  const size = 16 * 1024 * 1024;
  const payload = randomBytes(size);
  const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
  const atServer: Buffer[] = [];
  const upstream = await tcpServer((socket) => {
    socket.on('data', (chunk) => {
      atServer.push(chunk);
      if (atServer.length % 50 !== 0) return;
      socket.pause();
      setImmediate(() => socket.resume());
    });
    socket.end(payload);
  });
  const { port } = await startRelay([upstream]);
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  const atClient: Buffer[] = [];
  socket.on('data', (chunk) => {
    atClient.push(chunk);
    if (atClient.length % 50 !== 0) return;
    socket.pause();
    setImmediate(() => socket.resume());
  });
  socket.end(payload);
  const received = (chunks: readonly Buffer[]) => chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  await until(() => received(atServer) === size && received(atClient) === size);
  expect(digest(Buffer.concat(atServer))).toBe(digest(payload));
  expect(digest(Buffer.concat(atClient))).toBe(digest(payload));
});
