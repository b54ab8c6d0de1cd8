import { once } from 'node:events';
import type net from 'node:net';
import tls from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import {
  makeServerCertificate,
  makeSvid,
  makeTestAuthority,
  type TestCertificate,
} from '../../test/harness/certificates.ts';
import { cluster, endpoint, httpServer, rawClient, request, TestProxy, until } from '../../test/harness/data-path.ts';
import { httpChain, listener, tcpChain } from '../../test/harness/listeners.ts';
import type { UpstreamTlsConfig } from '../cluster/cluster-config.ts';
import type { DownstreamTlsConfig } from '../net/listener-config.ts';
import { dnsNameCovers, matchesServerName, type ServerNameMatch } from './server-name-match.ts';

const dns = (value: string): ServerNameMatch => ({ type: 'dns', match: { kind: 'exact', value } });

/** A server outside the mesh, and a proxy with a listener that leads to it. */
async function startOutside(
  certificate: TestCertificate,
  tlsConfig: Partial<UpstreamTlsConfig>,
  server: tls.TlsOptions = {},
  rootsPem = certificate.chainPem,
) {
  const seen: { servername: string | false | null; version: string | null; client: boolean }[] = [];
  const outside = tls.createServer(
    { cert: certificate.chainPem, key: certificate.privateKeyPem, ...server },
    (socket) => {
      seen.push({
        servername: socket.servername,
        version: socket.getProtocol(),
        client: socket.getPeerX509Certificate() !== undefined,
      });
      socket.on('error', () => {});
      socket.end('from outside');
    },
  );
  outside.listen(0, '127.0.0.1');
  await once(outside, 'listening');
  onTestFinished(() => void outside.close());
  const under = new TestProxy();
  under.secrets.set({ kind: 'validation', name: 'roots', trustDomain: '', rootsPem });
  const settings: UpstreamTlsConfig = {
    sni: 'api.example',
    expectedIds: [],
    certificateSecret: '',
    validationSecret: 'roots',
    serverNames: [dns('api.example')],
    ...tlsConfig,
  };
  const { port: to } = outside.address() as net.AddressInfo;
  under.proxy.setCluster(cluster('api', [endpoint(to, { tls: true })], { protocol: 'tcp', tls: settings }));
  const port = await under.proxy.setListener(listener([tcpChain('api')]));
  return { under, port, seen };
}

async function refusedBy(started: { under: TestProxy; port: number }): Promise<string> {
  const client = rawClient(started.port);
  await until(() => client.closed);
  expect(client.received).toBe('');
  return started.under.observer.refused[0]?.reason ?? '';
}

test('TLS is originated to a server that proves a name under a trusted root', async () => {
  const { port, seen } = await startOutside(await makeServerCertificate('api.example'), {});
  await rawClient(port).see(/from outside/);
  expect(seen).toEqual([{ servername: 'api.example', version: 'TLSv1.3', client: false }]);
});

test('a certificate for another name, of another authority, or without a name is refused', async () => {
  const certificate = await makeServerCertificate('other.example');
  expect(await refusedBy(await startOutside(certificate, {}))).toBe('tls.wrong-name');
  const right = await makeServerCertificate('api.example');
  expect(await refusedBy(await startOutside(right, {}, {}, certificate.chainPem))).toBe('tls.wrong-ca');
  expect(await refusedBy(await startOutside(right, { serverNames: [] }))).toBe('tls.wrong-name');
});

test('versions are those configured, and a client certificate is shown where there is one', async () => {
  const certificate = await makeServerCertificate('api.example');
  const authority = await makeTestAuthority();
  const own = await makeSvid(authority, 'spiffe://mesh.test/ns/a/sa/b');
  const options = { requestCert: true, rejectUnauthorized: false };
  const tls12 = { versions: { min: 'TLSv1.2', max: 'TLSv1.2' } } as const;
  const started = await startOutside(certificate, { certificateSecret: 'own', ...tls12 }, options);
  started.under.secrets.set({ kind: 'certificate', name: 'own', notAfter: 0, ...own });
  await rawClient(started.port).see(/from outside/);
  expect(started.seen).toMatchObject([{ version: 'TLSv1.2', client: true }]);
});

test('names are matched as their type asks', () => {
  const names = [
    { type: 'dns', value: '*.Shop.example' },
    { type: 'uri', value: 'spiffe://td/ns/a' },
    { type: 'ip', value: '\x7f\0\0\x01' },
  ] as const;
  const holds = (type: ServerNameMatch['type'], match: ServerNameMatch['match']) =>
    matchesServerName([{ type, match }], names);
  expect(holds('dns', { kind: 'exact', value: 'a.shop.EXAMPLE' })).toBe(true);
  expect(holds('dns', { kind: 'exact', value: 'a.b.shop.example' })).toBe(false);
  expect(holds('dns', { kind: 'exact', value: 'shop.example' })).toBe(false);
  expect(holds('dns', { kind: 'suffix', value: '.shop.example' })).toBe(true);
  expect(holds('uri', { kind: 'prefix', value: 'spiffe://td/' })).toBe(true);
  expect(holds('uri', { kind: 'exact', value: 'spiffe://td/ns/A' })).toBe(false);
  expect(holds('uri', { kind: 'regex', value: /^spiffe:\/\/td\/.*$/ })).toBe(true);
  expect(holds('ip', { kind: 'exact', value: '127.0.0.1' })).toBe(true);
  expect(holds('ip', { kind: 'exact', value: '127.0.0.2' })).toBe(false);
  expect(holds('email', { kind: 'contains', value: 'shop' })).toBe(false);
  expect(dnsNameCovers('*.example', 'a.example')).toBe(false);
  expect(dnsNameCovers('a*.shop.example', 'ab.shop.example')).toBe(false);
});

test('of several certificates the one for the server name is shown, and the first to everyone else', async () => {
  const under = new TestProxy();
  const certificates = {
    one: await makeServerCertificate('one.example'),
    two: await makeServerCertificate('*.two.example'),
  };
  for (const [name, certificate] of Object.entries(certificates)) {
    under.secrets.set({ kind: 'certificate', name, notAfter: 0, ...certificate });
  }
  const { port: app } = await httpServer((_incoming, outgoing) => void outgoing.end('served'));
  under.proxy.setCluster(cluster('app', [app]));
  const settings: DownstreamTlsConfig = {
    certificateSecret: 'one',
    moreCertificates: ['one', 'two'],
    validationSecret: undefined,
    requireClientCertificate: false,
    allowedIds: [],
    minVersion: 'TLSv1.2',
  };
  const port = await under.proxy.setListener(listener([httpChain('app', { tls: settings })]));
  const shown = async (servername: string) => {
    const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, servername });
    onTestFinished(() => void socket.destroy());
    await once(socket, 'secureConnect');
    return socket.getPeerX509Certificate()?.subjectAltName?.split(',')[0];
  };
  expect(await shown('one.example')).toBe('DNS:one.example');
  expect(await shown('A.two.example')).toBe('DNS:*.two.example');
  expect(await shown('third.example')).toBe('DNS:one.example');
});

test('HTTP goes to a server outside over TLS', async () => {
  const certificate = await makeServerCertificate('api.example');
  const under = new TestProxy();
  const https = await import('node:https');
  const server = https.createServer({ cert: certificate.chainPem, key: certificate.privateKeyPem }, (_in, out) => {
    out.end('secure');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  under.secrets.set({ kind: 'validation', name: 'roots', trustDomain: '', rootsPem: certificate.chainPem });
  const settings: UpstreamTlsConfig = {
    sni: 'api.example',
    expectedIds: [],
    certificateSecret: '',
    validationSecret: 'roots',
    serverNames: [dns('api.example')],
  };
  const { port: to } = server.address() as net.AddressInfo;
  under.proxy.setCluster(cluster('api', [endpoint(to, { tls: true })], { tls: settings }));
  expect(await request(await under.listen('api'), '/')).toMatchObject({ status: 200, body: 'secure' });
});
