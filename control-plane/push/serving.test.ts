import { generateKeyPairSync } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import tls from 'node:tls';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createCsr } from '../../certs/csr.ts';
import { verifySvid } from '../../certs/verify.ts';
import { systemClock } from '../../lib/clock.ts';
import { type TestIdentity, TestServing } from '../../test/harness/serving.ts';
import { CertificateAuthority } from '../ca/certificate-authority.ts';
import {
  testEndpoint,
  testGateway,
  testPort,
  testService,
  testSnapshot,
  testWorkload,
} from '../translate/test-mesh.ts';
import { typeUrls } from '../xds/resource.ts';

const { cluster, endpoint, listener, route, secret } = typeUrls;
const shop = testSnapshot({
  services: [testService('cart'), testService('ratings')],
  workloads: [testWorkload('cart-1')],
});

let mesh: TestServing;

beforeEach(async () => {
  mesh = await TestServing.start();
});

afterEach(async () => {
  const faults = mesh.clients.flatMap((client) => client.faults);
  await mesh.close();
  expect(faults).toEqual([]);
});

function newRequest() {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  return createCsr(privateKey);
}

function failure(promise: Promise<unknown>): Promise<{ code: number; details: string }> {
  return promise.then(
    () => ({ code: status.OK, details: '' }),
    (error: { code: number; details: string }) => ({ code: error.code, details: error.details }),
  );
}

/** Connects cart-1 and waits until it has everything. */
async function connectCart(identity: TestIdentity, form: 'sotw' | 'delta' = 'delta') {
  const client = mesh.connect(identity, { id: 'cart-1.shop', serviceAccount: 'cart' }, form);
  client.subscribe(cluster);
  client.subscribe(listener);
  await client.until(() => client.names(cluster).length > 0 && client.names(listener).length > 0);
  client.subscribe(
    endpoint,
    client.names(cluster).filter((name) => name.startsWith('outbound')),
  );
  client.subscribe(route, ['outbound']);
  client.subscribe(secret, ['ROOTCA']);
  await client.until(() => client.names(route).length === 1 && client.names(secret).length === 1);
  return client;
}

describe('certificates', () => {
  test('a join token gives an SVID once, and the SVID a new one', async () => {
    const token = mesh.token('cart');
    const first = await mesh.sign({ csrDer: newRequest(), joinToken: token });
    expect(first.spiffeId).toBe('spiffe://cluster.local/ns/shop/sa/cart');
    const again = await failure(mesh.sign({ csrDer: newRequest(), joinToken: token }));
    expect(again).toEqual({
      code: status.UNAUTHENTICATED,
      details: 'the join token is unknown, expired or used already',
    });

    const identity = await mesh.join('cart');
    const renewed = await mesh.sign({ csrDer: newRequest() }, identity);
    const options = {
      roots: (
        await CertificateAuthority.open({ trustDomain: 'cluster.local', stateDir: mesh.stateDir, clock: systemClock })
      ).roots,
      trustDomain: 'cluster.local',
      now: Date.now(),
    };
    expect(verifySvid(renewed.certificateChainDer, options)).toMatchObject({ ok: true, id: first.spiffeId });
  });

  test('without token and certificate nothing is signed, and the log tells of every answer without a secret', async () => {
    const refused = await failure(mesh.sign({ csrDer: newRequest() }));
    expect(refused.code).toBe(status.UNAUTHENTICATED);
    const token = mesh.token('cart');
    await mesh.sign({ csrDer: newRequest(), joinToken: token });
    const lines = mesh.logLines.filter(({ message }) => String(message).startsWith('certificate '));
    expect(lines).toMatchObject([
      { message: 'certificate refused', method: 'svid' },
      { message: 'certificate issued', method: 'join-token', spiffeId: 'spiffe://cluster.local/ns/shop/sa/cart' },
    ]);
    expect(JSON.stringify(mesh.logLines)).not.toContain(token);
  });

  test('TLS-30: a request that is damaged or too large is refused, and its token is good for the next', async () => {
    const token = mesh.token('cart');
    const damaged = newRequest();
    damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1;
    for (const csrDer of [damaged, Buffer.alloc(1 << 20), Buffer.alloc(0)]) {
      expect((await failure(mesh.sign({ csrDer, joinToken: token }))).code).toBe(status.INVALID_ARGUMENT);
    }
    expect(await failure(mesh.sign({ csrDer: newRequest(), joinToken: token }))).toMatchObject({ code: status.OK });
  });

  test('the identity of the control plane is signed for nobody', async () => {
    const refused = await failure(mesh.join('control-plane', 'heddle-system'));
    expect(refused.code).toBe(status.PERMISSION_DENIED);
  });

  test('L-53: an address that tries bad tokens must wait; L-52: so must an identity that renews without end', async () => {
    const identity = await mesh.join('cart');
    const codes: number[] = [];
    for (let i = 0; i < 11; i++)
      codes.push((await failure(mesh.sign({ csrDer: newRequest(), joinToken: 'bad' }))).code);
    expect(codes.slice(0, 10)).toEqual(Array(10).fill(status.UNAUTHENTICATED));
    expect(codes[10]).toBe(status.RESOURCE_EXHAUSTED);
    const renewals: number[] = [];
    for (let i = 0; i < 6; i++) renewals.push((await failure(mesh.sign({ csrDer: newRequest() }, identity))).code);
    expect(renewals).toEqual([0, 0, 0, 0, 0, status.RESOURCE_EXHAUSTED]);
  });

  test('plain text and TLS 1.2 get no answer', async () => {
    const socket = tls.connect({
      port: mesh.serving.port,
      host: '127.0.0.1',
      maxVersion: 'TLSv1.2',
      rejectUnauthorized: false,
    });
    const error = await new Promise<Error>((resolve) => socket.on('error', resolve));
    expect(error.message).toContain('alert');
  });
});

describe.each(['sotw', 'delta'] as const)('discovery, %s', (form) => {
  test('a sidecar gets its listeners, clusters, routes, endpoints and roots, and is shown as synced', async () => {
    mesh.snapshots.set(shop);
    const client = await connectCart(await mesh.join('cart'), form);
    expect(client.names(listener)).toEqual(['inbound|8080', 'outbound']);
    expect(client.names(cluster)).toEqual([
      'inbound|8080',
      'outbound|80||cart.shop.svc.cluster.local',
      'outbound|80||ratings.shop.svc.cluster.local',
    ]);
    expect(mesh.connected.get('shop/cart-1')).toBe(true);
    await until(() => Object.values(mesh.serving.proxies()[0]?.types ?? {}).every(({ state }) => state === 'SYNCED'));
    const [proxy] = mesh.serving.proxies();
    expect(proxy).toMatchObject({
      id: 'cart-1.shop',
      mode: 'sidecar',
      namespace: 'shop',
      workload: 'cart-1',
      spiffeId: 'spiffe://cluster.local/ns/shop/sa/cart',
      connected: true,
    });
    expect(proxy?.types.CDS).toMatchObject({ resources: 3, nacks: 0, error: '' });
  });

  test('an endpoint change sends endpoints and nothing else', async () => {
    mesh.snapshots.set(shop);
    const client = await connectCart(await mesh.join('cart'), form);
    const before = client.responses.length;
    const ratings = testService('ratings', {
      ports: [testPort(80, { endpoints: [testEndpoint('shop/ratings-1'), testEndpoint('shop/ratings-2')] })],
    });
    mesh.snapshots.set(testSnapshot({ services: [testService('cart'), ratings], workloads: [testWorkload('cart-1')] }));
    await client.until(() => client.responses.length > before);
    await until(() => Object.values(mesh.serving.proxies()[0]?.types ?? {}).every(({ state }) => state === 'SYNCED'));
    expect(client.responses.slice(before)).toMatchObject([
      { typeUrl: endpoint, names: ['outbound|80||ratings.shop.svc.cluster.local'] },
    ]);
  });

  test('XD-15: of a burst of changes the last state arrives, in fewer pushes than changes', async () => {
    mesh.snapshots.set(shop);
    const client = await connectCart(await mesh.join('cart'), form);
    const before = client.responses.length;
    for (let count = 1; count <= 50; count++) {
      const services = Array.from({ length: (count % 7) + 1 }, (_, index) => testService(`s${index}`));
      mesh.snapshots.set(testSnapshot({ services, workloads: [testWorkload('cart-1')] }));
    }
    await client.until(
      () =>
        client.names(cluster).length === 3 && client.names(cluster).includes('outbound|80||s1.shop.svc.cluster.local'),
    );
    expect(client.responses.length - before).toBeLessThan(10);
  });

  test('a refusal is shown with the words of the proxy', async () => {
    mesh.snapshots.set(shop);
    const client = await connectCart(await mesh.join('cart'), form);
    client.refuseNext(listener, 'port 15006 is taken');
    const workload = testWorkload('cart-1', {
      ports: [{ name: 'http', appPort: 8080, inboundPort: 16_000, protocol: 'http' }],
    });
    mesh.snapshots.set({ ...shop, workloads: new Map([['shop/cart-1', workload]]) });
    await until(() => mesh.serving.proxies()[0]?.types.LDS?.state === 'NACK');
    expect(mesh.serving.proxies()[0]?.types.LDS).toMatchObject({ nacks: 1, error: 'port 15006 is taken' });
    expect(mesh.logLines.find(({ message }) => message === 'proxy refused its configuration')).toMatchObject({
      node: 'cart-1.shop',
      type: 'LDS',
    });
  });
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe('who may have what', () => {
  async function refusal(identity: TestIdentity | undefined, node: Parameters<TestServing['connect']>[1]) {
    const client = mesh.connect(identity, node);
    client.subscribe(cluster);
    await client.until(() => client.status !== undefined || client.responses.length > 0);
    return client.status;
  }

  test('XD-17, P-44: node and certificate must agree in namespace, service account and workload', async () => {
    mesh.snapshots.set(
      testSnapshot({ workloads: [testWorkload('cart-1'), testWorkload('x-1', { serviceAccount: 'other' })] }),
    );
    const identity = await mesh.join('cart');
    const id = 'spiffe://cluster.local/ns/shop/sa/cart';
    expect(await refusal(identity, { id: 'cart-1.bank', serviceAccount: 'cart' })).toEqual({
      code: status.PERMISSION_DENIED,
      details: `node cart-1.bank is of namespace bank, but the certificate is for ${id}`,
    });
    expect(await refusal(identity, { id: 'cart-1.shop', serviceAccount: 'admin' })).toEqual({
      code: status.PERMISSION_DENIED,
      details: `node cart-1.shop claims service account admin, but the certificate is for ${id}`,
    });
    expect(await refusal(identity, { id: 'x-1.shop', serviceAccount: 'cart' })).toMatchObject({
      code: status.PERMISSION_DENIED,
      details: expect.stringContaining('belongs to service account other'),
    });
    const foreign = { MODE: 'gateway', GATEWAY: 'bank/edge' };
    expect(await refusal(identity, { id: 'g.shop', serviceAccount: 'cart', metadata: foreign })).toMatchObject({
      code: status.PERMISSION_DENIED,
    });
    expect(mesh.serving.proxies()).toEqual([]);
  });

  test('without a certificate, or with one of another CA, there is no stream', async () => {
    const nobody = await refusal(undefined, { id: 'cart-1.shop', serviceAccount: 'cart' });
    expect(nobody?.code).toBe(status.UNAUTHENTICATED);
    const stranger = await TestServing.start();
    const foreign = await stranger.join('cart');
    await stranger.close();
    const refused = await refusal(foreign, { id: 'cart-1.shop', serviceAccount: 'cart' });
    expect(refused?.code).toBe(status.UNAUTHENTICATED);
    expect(mesh.logLines.find(({ message }) => message === 'client certificate refused')?.reason).toContain(
      'unknown-authority',
    );
  });

  test('a workload that comes to belong to another service account ends the stream of the former', async () => {
    mesh.snapshots.set(shop);
    const client = await connectCart(await mesh.join('cart'));
    const taken = testWorkload('cart-1', { serviceAccount: 'other' });
    mesh.snapshots.set({ ...shop, workloads: new Map([['shop/cart-1', taken]]) });
    await client.until(() => client.status !== undefined);
    expect(client.status?.code).toBe(status.PERMISSION_DENIED);
  });

  test('a gateway gets the certificates it serves, and their keys are not shown', async () => {
    const gateway = testGateway([{ protocol: 'HTTPS', certificates: ['shop/web'] }]);
    mesh.snapshots.set(testSnapshot({ gateways: [gateway], tlsSecrets: ['web'] }));
    const metadata = { MODE: 'gateway', GATEWAY: 'shop/edge' };
    const client = mesh.connect(await mesh.join('edge'), { id: 'edge-1.shop', serviceAccount: 'edge', metadata });
    client.subscribe(secret, ['tls:shop/web']);
    await client.until(() => client.names(secret).length === 1);
    const shown = mesh.serving.proxyConfig('edge-1.shop', 'secrets');
    expect(shown?.resources.map(({ name }) => name)).toEqual(['ROOTCA', 'tls:shop/web']);
    expect(JSON.stringify(shown)).toContain('<redacted>');
    expect(JSON.stringify(shown)).not.toContain('key of web');
    expect(mesh.serving.proxyConfig('nobody.shop', 'secrets')).toBeUndefined();
    expect(mesh.serving.proxyConfig('edge-1.shop', 'nonsense')).toBeUndefined();
  });
});

test('a proxy that left stays in the list as not connected', async () => {
  mesh.snapshots.set(shop);
  const client = await connectCart(await mesh.join('cart'));
  client.close();
  await until(() => mesh.connected.get('shop/cart-1') === false);
  expect(mesh.serving.proxies()).toMatchObject([
    { id: 'cart-1.shop', connected: false, types: { CDS: { state: 'SYNCED', resources: 3 } } },
  ]);
});

test('closing tells nobody that proxies are gone, and leaves the CA files for the next start', async () => {
  mesh.snapshots.set(shop);
  await connectCart(await mesh.join('cart'));
  const { trustBundlePem } = mesh.serving;
  await mesh.serving.close();
  expect(mesh.connected.get('shop/cart-1')).toBe(true);
  expect(fs.readdirSync(mesh.stateDir).sort()).toEqual(['ca-issuing.pem', 'ca-root.pem']);
  expect(fs.readFileSync(path.join(mesh.stateDir, 'ca-root.pem'), 'utf8')).toContain(trustBundlePem.trim());
});
