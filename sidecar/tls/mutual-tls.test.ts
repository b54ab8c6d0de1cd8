import type net from 'node:net';
import tls from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { Cluster } from '../../proto/gen/envoy/config/cluster/v3/cluster.ts';
import {
  makeSvid,
  makeTestAuthority,
  type TestAuthority,
  type TestCertificate,
} from '../../test/harness/certificates.ts';
import {
  cluster,
  endpoint,
  httpListener,
  httpServer,
  rawClient,
  request,
  TestProxy,
  until,
} from '../../test/harness/data-path.ts';
import { decodeCluster } from '../discovery/decode-cluster.ts';
import type { DownstreamTlsConfig } from '../net/listener-config.ts';

const id = (name: string) => `spiffe://mesh.test/ns/default/sa/${name}`;

const strict: DownstreamTlsConfig = {
  certificateSecret: 'default',
  validationSecret: 'ROOTCA',
  requireClientCertificate: true,
  allowedIds: [],
  minVersion: 'TLSv1.3',
};

function give(under: TestProxy, certificate: TestCertificate, authority: TestAuthority): void {
  under.secrets.set({ kind: 'certificate', name: 'default', notAfter: 0, ...certificate });
  under.secrets.set({
    kind: 'validation',
    name: 'ROOTCA',
    trustDomain: 'mesh.test',
    rootsPem: authority.certificate.toString('pem'),
  });
}

/** The inbound proxy of a service `server`, with an application that counts what reaches it. */
async function startInbound(
  authority: TestAuthority,
  settings: Partial<DownstreamTlsConfig> = {},
  body: string | Buffer = 'served',
) {
  const seen: string[] = [];
  const { port: app } = await httpServer((incoming, outgoing) => {
    seen.push(String(incoming.headers['x-forwarded-client-cert']));
    outgoing.end(body);
  });
  const under = new TestProxy();
  give(under, await makeSvid(authority, id('server')), authority);
  under.proxy.setCluster(cluster('app', [app]));
  const port = await under.listen('app', { direction: 'inbound', tls: { ...strict, ...settings } });
  return { under, port, seen };
}

/** The outbound proxy of a client with `name`. */
async function startOutbound(authority: TestAuthority, name: string, target: number, expected: readonly string[]) {
  const under = new TestProxy();
  give(under, await makeSvid(authority, id(name)), authority);
  const settings = { sni: 'server', expectedIds: expected, certificateSecret: 'default', validationSecret: 'ROOTCA' };
  under.proxy.setCluster(cluster('server', [endpoint(target, { tls: true })], { tls: settings }));
  return { under, port: await under.listen('server') };
}

interface Handshake extends tls.ConnectionOptions {
  port: number;
}

/** What a client sees that handshakes and sends a request: the response, or how the connection ended. */
function speak(options: Handshake): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = tls.connect({ host: '127.0.0.1', rejectUnauthorized: false, ...options });
    onTestFinished(() => void socket.destroy());
    socket.on('secureConnect', () => socket.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n'));
    socket.on('data', (chunk: Buffer) => {
      text += String(chunk);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.on('close', () => resolve(text));
  });
}

test('a long response arrives whole through both sidecars', async () => {
  const authority = await makeTestAuthority();
  const body = Buffer.alloc(4 * 1024 * 1024, 'heddle');
  const { port } = await startInbound(authority, {}, body);
  const outbound = await startOutbound(authority, 'client', port, [id('server')]);
  const response = await fetch(`http://127.0.0.1:${outbound.port}/`, { headers: { connection: 'close' } });
  expect(Buffer.from(await response.arrayBuffer()).equals(body)).toBe(true);
});

test('two proxies prove their identities to each other, and the application learns who called', async () => {
  const authority = await makeTestAuthority();
  const inbound = await startInbound(authority);
  const outbound = await startOutbound(authority, 'client', inbound.port, [id('server')]);
  const response = await request(outbound.port, '/', {
    headers: { 'x-forwarded-client-cert': 'URI=spiffe://forged/x' },
  });
  expect(response).toMatchObject({ status: 200, body: 'served' });
  expect(inbound.seen).toEqual([`URI=${id('client')}`]);
  expect(outbound.under.observer.streams).toMatchObject([{ upstreamPeer: id('server'), upstreamTls: true }]);
  expect(inbound.under.observer.streams).toMatchObject([{ downstreamPeer: id('client'), downstreamTls: true }]);
});

test('RS-11: a health check proves who asks and sees who answers, as a request does', async () => {
  const authority = await makeTestAuthority();
  const inbound = await startInbound(authority);
  for (const [expected, healthy] of [
    [id('server'), true],
    [id('other'), false],
  ] as const) {
    const { under } = await startOutbound(authority, 'client', inbound.port, [expected]);
    const decoded = decodeCluster(
      Cluster.fromJSON({ name: 'server', healthChecks: [{ noTrafficInterval: '1s', httpHealthCheck: { path: '/' } }] }),
    );
    const healthCheck = decoded.ok ? decoded.value.config.healthCheck : undefined;
    const tls = { sni: 'server', expectedIds: [expected], certificateSecret: 'default', validationSecret: 'ROOTCA' };
    under.proxy.setCluster(
      cluster('server', [endpoint(inbound.port, { tls: true })], { tls, ...(healthCheck && { healthCheck }) }),
    );
    const before = inbound.seen.length;
    await until(() => {
      under.advance(100);
      return inbound.seen.length > before || under.observer.refused.length > 0;
    });
    await until(() => under.proxy.describe().clusters[0]?.endpoints[0]?.available === healthy);
    expect(under.observer.refused.length > 0).toBe(!healthy);
  }
  expect(inbound.seen[0]).toBe(`URI=${id('client')}`);
});

test('plaintext on a port that takes TLS only is refused, and the application hears nothing', async () => {
  const { under, port, seen } = await startInbound(await makeTestAuthority());
  const client = rawClient(port).send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  await until(() => client.closed || client.ended);
  expect(under.observer.refused).toMatchObject([{ listener: 'listener', reason: 'tls.plaintext' }]);
  expect([seen, client.received]).toEqual([[], '']);
});

test('TLS-15: a client certificate of another authority is refused', async () => {
  const { under, port, seen } = await startInbound(await makeTestAuthority());
  const foreign = await makeSvid(await makeTestAuthority(), id('client'));
  const outcome = await speak({ port, cert: foreign.chainPem, key: foreign.privateKeyPem });
  expect(outcome).not.toContain('served');
  await until(() => under.observer.refused.length > 0);
  expect(under.observer.refused).toMatchObject([{ reason: 'tls.wrong-ca' }]);
  expect(seen).toEqual([]);
});

test('a valid certificate of an identity that is not allowed is refused', async () => {
  const authority = await makeTestAuthority();
  const { under, port, seen } = await startInbound(authority, { allowedIds: [id('friend')] });
  const svid = await makeSvid(authority, id('stranger'));
  await speak({ port, cert: svid.chainPem, key: svid.privateKeyPem });
  await until(() => under.observer.refused.length > 0);
  expect(under.observer.refused).toMatchObject([
    { reason: 'tls.wrong-identity', detail: expect.stringContaining(id('stranger')) },
  ]);
  expect(seen).toEqual([]);
  const friend = await makeSvid(authority, id('friend'));
  expect(await speak({ port, cert: friend.chainPem, key: friend.privateKeyPem })).toContain('served');
});

test('TLS-17: a client without a certificate is refused', async () => {
  const { under, port, seen } = await startInbound(await makeTestAuthority());
  await speak({ port });
  await until(() => under.observer.refused.length > 0);
  expect(under.observer.refused).toMatchObject([{ reason: 'tls.no-certificate' }]);
  expect(seen).toEqual([]);
});

test('TLS-25: TLS 1.2 is refused inside the mesh', async () => {
  const authority = await makeTestAuthority();
  const { under, port } = await startInbound(authority);
  const svid = await makeSvid(authority, id('client'));
  await speak({ port, cert: svid.chainPem, key: svid.privateKeyPem, maxVersion: 'TLSv1.2' });
  await until(() => under.observer.refused.length > 0);
  expect(under.observer.refused).toMatchObject([{ reason: 'tls.handshake-failed' }]);
});

test('TLS-20: an upstream with another identity than expected is refused, and the message says which', async () => {
  const authority = await makeTestAuthority();
  const inbound = await startInbound(authority);
  const outbound = await startOutbound(authority, 'client', inbound.port, [id('someone-else')]);
  const response = await request(outbound.port, '/');
  expect(response.status).toBe(503);
  expect(response.headers['x-heddle-reason']).toMatch(/^tls-failure; service=server.default/);
  expect(response.body).toMatch(/tls\.wrong-identity.*sa\/server instead of .*sa\/someone-else/);
  expect(inbound.seen).toEqual([]);
});

test('an upstream is refused when nobody is expected', async () => {
  const authority = await makeTestAuthority();
  const inbound = await startInbound(authority);
  const outbound = await startOutbound(authority, 'client', inbound.port, []);
  expect((await request(outbound.port, '/')).status).toBe(503);
  expect(inbound.seen).toEqual([]);
});

test('TLS-21: sessions are not resumed, so that every connection proves its identity', async () => {
  const authority = await makeTestAuthority();
  const { port } = await startInbound(authority);
  const svid = await makeSvid(authority, id('client'));
  const options = { port, host: '127.0.0.1', rejectUnauthorized: false, cert: svid.chainPem, key: svid.privateKeyPem };
  const first = tls.connect(options);
  onTestFinished(() => void first.destroy());
  const sessions: Buffer[] = [];
  first.on('session', (session: Buffer) => sessions.push(session));
  let text = '';
  first.on('data', (chunk: Buffer) => {
    text += String(chunk);
  });
  first.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  await until(() => text.includes('served'));
  const second = tls.connect({ ...options, ...(sessions[0] === undefined ? {} : { session: sessions[0] }) });
  onTestFinished(() => void second.destroy());
  await new Promise((resolve) => second.once('secureConnect', resolve));
  expect(second.isSessionReused()).toBe(false);
});

test('a new certificate serves new connections, and running ones go on', async () => {
  const authority = await makeTestAuthority();
  const { under, port } = await startInbound(authority);
  const svid = await makeSvid(authority, id('client'));
  const connect = async () => {
    const socket = tls.connect({
      port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      cert: svid.chainPem,
      key: svid.privateKeyPem,
    });
    onTestFinished(() => void socket.destroy());
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    return socket;
  };
  const before = await connect();
  under.secrets.set({
    kind: 'certificate',
    name: 'default',
    notAfter: 0,
    ...(await makeSvid(authority, id('renewed'))),
  });
  const after = await connect();
  expect(before.getPeerX509Certificate()?.subjectAltName).toContain(id('server'));
  expect(after.getPeerX509Certificate()?.subjectAltName).toContain(id('renewed'));
  let text = '';
  before.on('data', (chunk: Buffer) => {
    text += String(chunk);
  });
  before.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  await until(() => text.includes('served'));
});

test('a listener whose certificate has not arrived refuses, and serves when it is there', async () => {
  const authority = await makeTestAuthority();
  const under = new TestProxy();
  const { port: app } = await httpServer((_incoming, outgoing) => void outgoing.end('served'));
  under.proxy.setCluster(cluster('app', [app]));
  const port = await under.listen('app', { direction: 'inbound', tls: strict });
  const svid = await makeSvid(authority, id('client'));
  await speak({ port, cert: svid.chainPem, key: svid.privateKeyPem });
  expect(under.observer.refused).toMatchObject([{ reason: 'tls.no-secret' }]);
  give(under, await makeSvid(authority, id('server')), authority);
  expect(await speak({ port, cert: svid.chainPem, key: svid.privateKeyPem })).toContain('served');
});

test('PERMISSIVE: one port takes TLS and plaintext, each by its chain', async () => {
  const authority = await makeTestAuthority();
  const { under, seen } = await startInbound(authority);
  const [chain] = httpListener('app', { direction: 'inbound' }).chains;
  const port = await under.proxy.setListener(
    httpListener('app', {
      name: 'permissive',
      direction: 'inbound',
      chains: [
        { ...chain!, name: 'tls', transport: 'tls', tls: strict },
        { ...chain!, name: 'plain', transport: 'raw_buffer' },
      ],
    }),
  );
  expect((await request(port, '/')).status).toBe(200);
  const svid = await makeSvid(authority, id('client'));
  expect(await speak({ port, cert: svid.chainPem, key: svid.privateKeyPem })).toContain('served');
  expect(seen).toEqual(['undefined', `URI=${id('client')}`]);
});

test('TLS-24: chains are found by server name, whatever its case, and an unknown name is refused', async () => {
  const under = new TestProxy();
  const { makeServerCertificate } = await import('../../test/harness/certificates.ts');
  const [chain] = httpListener('app', { direction: 'gateway' }).chains;
  const chains = [];
  for (const name of ['shop.example', '*.api.example']) {
    const certificate = await makeServerCertificate(name);
    under.secrets.set({ kind: 'certificate', name, notAfter: 0, ...certificate });
    const settings = {
      ...strict,
      certificateSecret: name,
      validationSecret: undefined,
      requireClientCertificate: false,
    };
    chains.push({ ...chain!, name, serverNames: [name], tls: { ...settings, minVersion: 'TLSv1.2' as const } });
  }
  const port = await under.proxy.setListener(httpListener('app', { direction: 'gateway', chains }));
  const subjectFor = (servername: string | undefined) =>
    new Promise<string>((resolve) => {
      const options = {
        port,
        host: '127.0.0.1',
        rejectUnauthorized: false,
        ...(servername === undefined ? {} : { servername }),
      };
      const socket = tls.connect(options);
      onTestFinished(() => void socket.destroy());
      socket.on('secureConnect', () => resolve(String(socket.getPeerX509Certificate()?.subject)));
      socket.on('error', () => resolve('refused'));
      socket.on('close', () => resolve('refused'));
    });
  expect(await subjectFor('Shop.Example')).toBe('CN=shop.example');
  expect(await subjectFor('v1.api.example')).toBe('CN=*.api.example');
  expect(await subjectFor('other.example')).toBe('refused');
  expect(under.observer.refused).toMatchObject([{ reason: 'tls.unknown-server-name' }]);
});

test('a peer that breaks the protocol inside TLS, on either side, is cut off in its own callback without harm', async () => {
  const authority = await makeTestAuthority();
  const svid = await makeSvid(authority, id('server'));
  const upstream = tls.createServer({ cert: svid.chainPem, key: svid.privateKeyPem }, (socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.write(`SSH-2.0-OpenSSH\r\n\r\n${'x'.repeat(200_000)}`));
  });
  upstream.listen(0, '127.0.0.1');
  await new Promise((resolve) => upstream.once('listening', resolve));
  onTestFinished(() => void upstream.close());
  const { port: target } = upstream.address() as net.AddressInfo;
  const outbound = await startOutbound(authority, 'client', target, [id('server')]);
  for (let i = 0; i < 20; i++) expect((await request(outbound.port, '/')).status).toBe(502);

  const inbound = await startInbound(authority);
  const client = await makeSvid(authority, id('client'));
  for (let i = 0; i < 20; i++) {
    const socket = tls.connect({
      port: inbound.port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      cert: client.chainPem,
      key: client.privateKeyPem,
    });
    socket.on('error', () => {});
    socket.write('POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nnot a size\r\n');
    socket.write('x'.repeat(200_000));
    socket.resume();
    await new Promise((resolve) => socket.once('close', resolve));
  }
});

test('a chain’s ALPN list is what a client may choose from; nothing in common ends the handshake', async () => {
  const authority = await makeTestAuthority();
  const { under, port } = await startInbound(authority, { alpnProtocols: ['http/1.1'] });
  const svid = await makeSvid(authority, id('client'));
  const chosen = (ALPNProtocols: string[]) =>
    new Promise<string>((resolve) => {
      const key = { cert: svid.chainPem, key: svid.privateKeyPem };
      const socket = tls.connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ALPNProtocols, ...key });
      onTestFinished(() => void socket.destroy());
      socket.on('secureConnect', () => resolve(String(socket.alpnProtocol)));
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(String(error.code)));
    });
  expect(await chosen(['h2', 'http/1.1'])).toBe('http/1.1');
  expect(await chosen([])).toBe('false');
  expect(await chosen(['h3'])).toMatch(/NO_APPLICATION_PROTOCOL/);
  await until(() => under.observer.refused.length > 0);
  expect(under.observer.refused[0]?.reason).toBe('tls.no-application-protocol');
});
