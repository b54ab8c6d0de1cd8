import { expect, test } from 'vitest';
import { makeSvid, makeTestAuthority, type TestAuthority } from '../../test/harness/certificates.ts';
import {
  closedPort,
  cluster,
  endpoint,
  httpServer,
  request,
  retryOnce,
  TestProxy,
} from '../../test/harness/data-path.ts';
import { answer, scriptedUpstream } from '../../test/harness/scripted-upstream.ts';

const id = (name: string) => `spiffe://mesh.test/ns/default/sa/${name}`;

async function withIdentity(authority: TestAuthority, name: string): Promise<TestProxy> {
  const under = new TestProxy();
  const certificate = await makeSvid(authority, id(name));
  under.secrets.set({ kind: 'certificate', name: 'default', notAfter: 0, ...certificate });
  const rootsPem = authority.certificate.toString('pem');
  under.secrets.set({ kind: 'validation', name: 'ROOTCA', trustDomain: 'mesh.test', rootsPem });
  return under;
}

/** The proxy beside an application on `app`. */
async function startInbound(authority: TestAuthority, app: number): Promise<number> {
  const under = await withIdentity(authority, 'server');
  under.proxy.setCluster(cluster('app', [app]));
  return under.listen('app', {
    direction: 'inbound',
    tls: {
      certificateSecret: 'default',
      validationSecret: 'ROOTCA',
      requireClientCertificate: true,
      allowedIds: [],
      minVersion: 'TLSv1.3',
    },
  });
}

test('AZ-24: a POST that the proxy beside an endpoint could not deliver goes to another endpoint, and once', async () => {
  const authority = await makeTestAuthority();
  let served = 0;
  const { port: app } = await httpServer((incoming, outgoing) => {
    served++;
    incoming.pipe(outgoing);
  });
  const ports = [await startInbound(authority, await closedPort()), await startInbound(authority, app)];
  const outbound = await withIdentity(authority, 'client');
  const tls = { sni: 'server', expectedIds: [id('server')], certificateSecret: 'default', validationSecret: 'ROOTCA' };
  const endpoints = ports.map((port) => endpoint(port, { tls: true }));
  outbound.proxy.setCluster(cluster('server', endpoints, { tls }));
  const port = await outbound.listen('server', { action: { retry: retryOnce } });
  for (let i = 0; i < 4; i++) {
    const response = await outbound.pump(request(port, '/', { method: 'POST', body: `order ${i}` }));
    expect(response).toMatchObject({ status: 200, body: `order ${i}` });
  }
  expect(served).toBe(4);
  expect(outbound.observer.streams.filter(({ attemptCount }) => attemptCount === 2).length).toBeGreaterThan(0);
});

test('AZ-24: an application that says the same is not believed', async () => {
  const up = await scriptedUpstream([answer(503, ['x-heddle-reason: connect-refused']), answer(200)]);
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [up.port]));
  const port = await under.listen('app', { action: { retry: retryOnce } });
  const response = await under.pump(request(port, '/', { method: 'POST', body: 'x' }));
  expect(response.status).toBe(503);
  expect(response.headers).not.toHaveProperty('x-heddle-reason');
  expect(up.seen).toHaveLength(1);
});
