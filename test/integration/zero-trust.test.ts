import fs from 'node:fs';
import path from 'node:path';
import tls from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type App, get, startApp } from '../harness/app.ts';
import { loadAuthority, makeSvid, makeTestAuthority } from '../harness/certificates.ts';
import { type ProxyProcess, TestMesh } from '../harness/mesh.ts';
import { Program, root, until } from '../harness/process.ts';

let mesh: TestMesh;
let app: App;
let cart: ProxyProcess;
let inboundPort: number;

beforeAll(async () => {
  mesh = await TestMesh.start();
  app = await startApp((_, response) => response.end('cart'));
  cart = await mesh.sidecar('cart', { service: 'cart', port: app.port });
  inboundPort = cart.ready.ports.inbound[app.port] as number;
}, 30_000);

afterAll(async () => {
  await mesh.close();
  await app.close();
});

async function refusals(): Promise<string[]> {
  const metrics = await get(`http://127.0.0.1:${cart.ready.ports.admin}/stats/prometheus`);
  return metrics.body.split('\n').filter((line) => line.startsWith('heddle_refused_total') && !line.endsWith(' 0'));
}

/** Speaks HTTP over TLS with the given client certificate; gives the answer's bytes, empty when refused. */
function speakTls(options: tls.ConnectionOptions): Promise<string> {
  return new Promise((resolve) => {
    let bytes = '';
    const socket = tls.connect({
      host: '127.0.0.1',
      port: inboundPort,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.3',
      ...options,
    });
    socket.on('secureConnect', () => socket.write('GET / HTTP/1.1\r\nhost: cart\r\nconnection: close\r\n\r\n'));
    socket.on('data', (chunk: Buffer) => {
      bytes += String(chunk);
    });
    socket.on('error', () => resolve(bytes));
    socket.on('close', () => resolve(bytes));
  });
}

async function expectRefused(attempt: () => Promise<unknown>, reason: RegExp): Promise<void> {
  const seen = app.requests.length;
  const logged = cart.program.stderr.length;
  await attempt();
  await until(
    async () => (await refusals()).some((line) => reason.test(line)),
    `a counter for ${reason}`,
    5000,
    () => cart.program.stderr,
  );
  await until(
    () => reason.test(cart.program.stderr.slice(logged)),
    `a log line for ${reason}`,
    5000,
    () => cart.program.stderr,
  );
  expect(app.requests.length).toBe(seen);
}

test('plaintext at the inbound port is refused with a counter and a log line', async () => {
  await expectRefused(() => get(`http://127.0.0.1:${inboundPort}/`).catch(() => undefined), /tls\.plaintext/);
});

test('TLS without a client certificate is refused', async () => {
  await expectRefused(async () => expect(await speakTls({})).toBe(''), /tls\.no-certificate/);
});

test('a certificate of another CA is refused, also with the right identity in it', async () => {
  const foreign = await makeTestAuthority();
  const svid = await makeSvid(foreign, 'spiffe://cluster.local/ns/default/sa/web');
  await expectRefused(
    async () => expect(await speakTls({ cert: svid.chainPem, key: svid.privateKeyPem })).toBe(''),
    /tls\.(wrong-ca|unknown-ca|untrusted)/,
  );
});

test('a server with a valid certificate of the wrong identity gets no request from a sidecar', async () => {
  // "impostor" has a genuine SVID, and its inbound port stands in the endpoints of the service "cart2" by a false claim.
  const impostorApp = await startApp((_, response) => response.end('impostor'));
  const impostor = await mesh.sidecar('impostor', { service: 'impostor', port: impostorApp.port });
  await mesh.apply(`
apiVersion: v1
kind: Service
metadata: {name: bank}
spec: {selector: {app: bank}, ports: [{name: http, port: 80, targetPort: main}]}
---
apiVersion: heddle.dev/v1alpha1
kind: Workload
metadata: {name: bank-1, labels: {app: bank}}
spec:
  address: 127.0.0.1
  serviceAccount: bank
  mesh: true
  ports: [{name: main, port: 1, inboundPort: ${impostor.ready.ports.inbound[impostorApp.port]}}]
`);
  const web = await mesh.sidecar('web', { upstreams: ['bank:80'] });
  const reply = await get(`http://127.0.0.1:${mesh.upstream(web, 'bank:80')}/`);
  expect(reply.status).toBe(503);
  expect(reply.headers['x-heddle-reason']).toMatch(/tls|identity/);
  expect(impostorApp.requests).toEqual([]);
  await until(
    () => /identity/.test(web.program.stderr),
    'a log line about the identity',
    5000,
    () => web.program.stderr,
  );
  await impostorApp.close();
});

test('a certificate of our own CA without an identity of this trust domain is refused', async () => {
  const authority = await loadAuthority(path.join(mesh.folder, 'control-plane/ca-issuing.pem'));
  for (const id of [
    'spiffe://other.domain/ns/default/sa/web',
    'spiffe://cluster.local',
    'https://cluster.local/ns/default/sa/web',
  ]) {
    const svid = await makeSvid(authority, id);
    const chainPem = `${svid.chainPem}\n${authority.certificate.toString('pem')}`;
    await expectRefused(
      async () => expect(await speakTls({ cert: chainPem, key: svid.privateKeyPem })).toBe(''),
      /tls\.(wrong-trust-domain|bad-spiffe-id)/,
    );
  }
});

test('TLS-31: a join token cannot be used twice', async () => {
  const token = await mesh.token('once');
  const first = await mesh.sidecar('once', { token });
  expect(first.ready.spiffeId).toBe('spiffe://cluster.local/ns/default/sa/once');
  const second = new Program('second', process.execPath, [
    path.join(root, 'sidecar/main.ts'),
    ...['--name', 'once-more', '--service-account', 'once', '--control-plane', `127.0.0.1:${mesh.xdsPort}`],
    ...[
      '--trust-bundle',
      mesh.trustBundle,
      '--join-token',
      token,
      '--admin-port',
      '0',
      '--outbound-port',
      '0',
      '--otlp',
      '',
    ],
    '--exit-with-parent',
  ]);
  await until(
    () => /token/.test(second.stderr) || !second.running,
    'the refusal',
    10_000,
    () => second.stderr,
  );
  expect(second.stdout).not.toContain('"ready":true');
  await second.stop();
});

test('P-69: neither the token nor a private key is in any log', () => {
  const logs = mesh.controlPlane.stderr + cart.program.stderr;
  expect(logs).not.toMatch(/PRIVATE KEY/);
  expect(fs.readFileSync(mesh.trustBundle, 'utf8')).not.toMatch(/PRIVATE KEY/);
});
