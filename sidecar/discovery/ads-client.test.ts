import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { seededRandom } from '../../lib/random.ts';
import { TimerWheel } from '../../lib/timer-wheel.ts';
import { AdsServer } from '../../test/harness/ads-server.ts';
import { type Issued, TestAuthority } from '../../test/harness/authority.ts';
import { until } from '../../test/harness/process.ts';
import { RecordingTarget } from '../../test/harness/recording-target.ts';
import {
  ads as adsSource,
  assignment,
  certificateSecret,
  edsCluster,
  httpFilter,
  listener,
  rdsListener,
  rootsSecret,
  routes,
  tcpListener,
  tlsSocket,
} from '../../test/harness/xds-resources.ts';
import { SealedFile } from '../bootstrap/sealed-file.ts';
import { SecretStore } from '../identity/secret-store.ts';
import type { WorkloadIdentity } from '../identity/workload-identity.ts';
import { ControlPlaneLink } from './control-plane-link.ts';
import { Discovery } from './discovery.ts';
import { typeUrls } from './type-urls.ts';

const trustDomain = 'cluster.local';
const workloadId = `spiffe://${trustDomain}/ns/shop/sa/cart`;
const serverId = `spiffe://${trustDomain}/ns/heddle-system/sa/control-plane`;

let authority: TestAuthority;
let serverCertificate: Issued;
let own: Issued;
let folder: string;
const closers: (() => void)[] = [];

beforeAll(async () => {
  authority = await TestAuthority.create();
  serverCertificate = await authority.issue(serverId);
  own = await authority.issue(workloadId);
});

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'heddle-ads-'));
});

afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
  fs.rmSync(folder, { recursive: true, force: true });
});

async function startServer(port = 0, certificate = serverCertificate): Promise<AdsServer> {
  const server = await AdsServer.start(certificate, authority.pem, port);
  closers.push(() => server.close());
  return server;
}

/** A proxy's whole link to its control plane, with a target that records. */
function startLink(port: number, options: { owner?: string; closeByHand?: boolean } = {}) {
  const wheel = new TimerWheel(5);
  const target = new RecordingTarget();
  const secrets = new SecretStore();
  secrets.set({ kind: 'certificate', name: 'default', chainPem: own.pem, privateKeyPem: own.keyPem, notAfter: 0 });
  const common = { clock: systemClock, wheel, log: silentLog };
  const localSecrets = new Set(['default']);
  const discovery = new Discovery({ target, secrets, localSecrets, trustDomain, ...common });
  const current = { chainPem: own.pem, privateKeyPem: own.keyPem };
  const trust = () => ({ rootsPem: authority.pem, trustDomain, now: () => Date.now() });
  const link = new ControlPlaneLink({
    address: `127.0.0.1:${port}`,
    node: {
      mode: 'sidecar',
      name: 'cart-1',
      namespace: 'shop',
      serviceAccount: 'cart',
      cluster: 'cart',
      gateway: undefined,
      outboundPort: 15_001,
      listenerAddress: '127.0.0.1',
      version: '0',
    },
    workload: {
      name: 'cart-1',
      namespace: 'shop',
      serviceAccount: 'cart',
      labels: { app: 'cart' },
      address: '127.0.0.1',
      ports: [],
      nodeId: 'cart-1.shop',
      service: 'cart',
      upstreams: [],
    },
    identity: { current, trust } as unknown as WorkloadIdentity,
    discovery,
    stateFile: new SealedFile(folder, 'last-good', options.owner ?? 'cart-1.shop'),
    random: seededRandom(1),
    ...common,
  });
  link.start();
  let open = true;
  const close = () => {
    if (!open) return;
    open = false;
    link.close();
    discovery.close();
    wheel.close();
  };
  closers.push(close);
  return { link, target, discovery, secrets, close };
}

const web = 'outbound|80||web.shop.svc.cluster.local';
const api = 'outbound|80||api.shop.svc.cluster.local';

test('a proxy registers, tells its node once, subscribes to all clusters and listeners, and follows their references', async () => {
  const server = await startServer();
  const { target } = startLink(server.port);
  const clusters = await server.subscription(typeUrls.cluster);
  expect(server.registered[0]?.workload).toMatchObject({ name: 'cart-1', nodeId: 'cart-1.shop', service: 'cart' });
  expect(clusters.node).toMatchObject({ id: 'cart-1.shop', cluster: 'cart', metadata: { SERVICE_ACCOUNT: 'cart' } });
  expect(clusters.resourceNamesSubscribe).toEqual([]);
  const listeners = await server.subscription(typeUrls.listener);
  expect(listeners.node).toBeUndefined();

  const nonce = server.send(typeUrls.cluster, [edsCluster(web)]);
  expect(await server.answer(nonce)).toMatchObject({ typeUrl: typeUrls.cluster, errorDetail: undefined });
  expect((await server.subscription(typeUrls.endpoint)).resourceNamesSubscribe).toEqual([web]);
  expect(target.calls).toEqual([]);

  await server.answer(server.send(typeUrls.endpoint, [assignment(web, ['10.0.0.1', '10.0.0.2'])]));
  expect(target.take()).toEqual([`cluster ${web}`, `endpoints ${web} 2`]);
  await server.answer(server.send(typeUrls.endpoint, [assignment(web, ['10.0.0.1'], '2')]));
  expect(target.take()).toEqual([`endpoints ${web} 1`]);

  await server.answer(server.send(typeUrls.cluster, [], [web]));
  expect(target.take()).toEqual([`-cluster ${web}`]);
  await until(
    () => server.requests.some(({ resourceNamesUnsubscribe }) => resourceNamesUnsubscribe.includes(web)),
    'the endpoints to be unsubscribed',
  );
});

test('P-36, P-37: listeners wait for their tables and secrets, tables for their clusters; removal comes last', async () => {
  const server = await startServer();
  const { target } = startLink(server.port);
  await server.subscription(typeUrls.listener);
  const chain = {
    transportSocket: tlsSocket('tls:shop/edge'),
    filters: [httpFilter({ rds: { routeConfigName: 'table', configSource: adsSource } })],
  };
  await server.answer(server.send(typeUrls.listener, [listener('outbound|7000', 0, [chain])]));
  expect((await server.subscription(typeUrls.route)).resourceNamesSubscribe).toEqual(['table']);
  expect((await server.subscription(typeUrls.secret)).resourceNamesSubscribe).toEqual(['tls:shop/edge']);
  await server.answer(server.send(typeUrls.cluster, [edsCluster(web)]));
  await server.answer(server.send(typeUrls.route, [routes('table', [web])]));
  expect(target.calls).toEqual([]);
  await server.answer(server.send(typeUrls.endpoint, [assignment(web, [])]));
  expect(target.take()).toEqual([`cluster ${web}`, `endpoints ${web} 0`, 'table table']);
  const edge = await authority.issue(workloadId);
  await server.answer(server.send(typeUrls.secret, [certificateSecret('tls:shop/edge', edge.pem, edge.keyPem)]));
  await until(() => target.calls.includes('listener outbound|7000'), 'the listener');
  target.take();

  // The table moves to another cluster, whose endpoints come late; the old one leaves meanwhile.
  await server.answer(server.send(typeUrls.cluster, [edsCluster(api)], [web]));
  await server.answer(server.send(typeUrls.route, [routes('table', [api], '2')]));
  expect(target.take()).toEqual([]);
  await server.answer(server.send(typeUrls.endpoint, [assignment(api, ['10.0.0.3'])]));
  expect(target.take()).toEqual([`cluster ${api}`, `endpoints ${api} 1`, 'table table', `-cluster ${web}`]);
});

test('XD-03, XD-11, P-35: a bad resource is named with its field in the NACK, and good ones beside it are applied', async () => {
  const server = await startServer();
  const { target, discovery } = startLink(server.port);
  await server.subscription(typeUrls.cluster);
  await server.answer(server.send(typeUrls.cluster, [edsCluster(web), edsCluster(api)]));
  await server.answer(server.send(typeUrls.endpoint, [assignment(web, []), assignment(api, [])]));
  target.take();
  const nonce = server.send(typeUrls.cluster, [
    edsCluster(web, { connectTimeout: '2s' }, '2'),
    edsCluster(api, { type: 'ORIGINAL_DST', useTcpForDnsLookups: true, connectTimeout: '-1s' }, '2'),
    edsCluster('twice'),
    edsCluster('twice', {}, '2'),
  ]);
  const nack = await server.answer(nonce);
  expect(nack.errorDetail?.code).toBe(3);
  expect(nack.errorDetail?.message.split('\n').toSorted()).toEqual([
    `Cluster "${api}": connect_timeout: negative duration`,
    `Cluster "${api}": type: only EDS, STATIC, STRICT_DNS and LOGICAL_DNS are supported`,
    `Cluster "${api}": use_tcp_for_dns_lookups: not supported`,
    'Cluster "twice": there twice in one response',
  ]);
  expect(target.take()).toEqual([`cluster ${web}`, `endpoints ${web} 0`]);
  expect(discovery.held.of('cluster').get(api)).toMatchObject({ version: '1', refused: { version: '2' } });

  // The next good version of it is taken as if nothing had been.
  expect((await server.answer(server.send(typeUrls.cluster, [edsCluster(api, {}, '3')]))).errorDetail).toBeUndefined();
  expect(target.take()).toEqual([`cluster ${api}`, `endpoints ${api} 0`]);
});

test('XD-02: a type nobody asked for, and an Any of another type, are refused', async () => {
  const server = await startServer();
  startLink(server.port);
  await server.subscription(typeUrls.cluster);
  const unasked = await server.answer(server.send('type.googleapis.com/google.protobuf.Empty', []));
  expect(unasked.errorDetail?.message).toBe('type.googleapis.com/google.protobuf.Empty was not asked for');
  const wrong = { ...edsCluster(web), typeUrl: typeUrls.listener };
  const nack = await server.answer(server.send(typeUrls.cluster, [wrong]));
  expect(nack.errorDetail?.message).toBe(`Cluster "${web}": holds a ${typeUrls.listener}`);
});

test('XD-08: all clusters vanishing at once is refused; a few, or with others instead, is not', async () => {
  const server = await startServer();
  const { discovery } = startLink(server.port);
  await server.subscription(typeUrls.cluster);
  const names = [1, 2, 3, 4, 5].map((index) => `outbound|80||s${index}.shop.svc.cluster.local`);
  await server.answer(
    server.send(
      typeUrls.cluster,
      names.map((name) => edsCluster(name)),
    ),
  );
  const nack = await server.answer(server.send(typeUrls.cluster, [], names));
  expect(nack.errorDetail?.message).toBe('Cluster: refusing to drop 100 % of clusters (5) in one response');
  expect(discovery.held.of('cluster').size).toBe(5);
  await server.answer(server.send(typeUrls.cluster, [edsCluster(web)], names));
  expect([...discovery.held.of('cluster').keys()]).toEqual([web]);
});

test('XD-10: a listener on a taken port is refused by itself', async () => {
  const server = await startServer();
  const { target } = startLink(server.port);
  await server.subscription(typeUrls.listener);
  const nonce = server.send(typeUrls.listener, [
    tcpListener('taken', server.port, 'none'),
    tcpListener('free', 0, 'invalid-backend'),
  ]);
  const nack = await server.answer(nonce);
  expect(nack.errorDetail?.message).toBe(`Listener "taken": address: cannot bind 127.0.0.1:${server.port}: EADDRINUSE`);
  await until(() => target.calls.includes('listener free'), 'the other listener');
});

test('XD-14: a bundle with nothing in it is refused and the last one stays', async () => {
  const server = await startServer();
  const { secrets } = startLink(server.port);
  secrets.set({ kind: 'validation', name: 'ROOTCA', trustDomain, rootsPem: 'before' });
  await server.subscription(typeUrls.cluster);
  const nack = await server.answer(server.send(typeUrls.secret, [rootsSecret('ROOTCA', '')]));
  expect(nack.errorDetail?.message).toBe('Secret "ROOTCA": validation_context.trusted_ca: no certificate in it');
  expect(secrets.get('ROOTCA')).toMatchObject({ rootsPem: 'before' });
});

test('after a lost stream a proxy comes back by itself, registers again and names the versions it has', async () => {
  const server = await startServer();
  const { target } = startLink(server.port);
  await server.subscription(typeUrls.cluster);
  await server.answer(server.send(typeUrls.cluster, [edsCluster(web, {}, 'v7')]));
  await server.answer(server.send(typeUrls.endpoint, [assignment(web, ['10.0.0.1'], 'e1')]));
  target.take();
  server.close();
  const again = await startServer(server.port);
  const clusters = await again.subscription(typeUrls.cluster);
  expect(again.registered).toHaveLength(1);
  expect(clusters.node?.id).toBe('cart-1.shop');
  expect(clusters.initialResourceVersions).toEqual({ [web]: 'v7' });
  expect(await again.subscription(typeUrls.endpoint)).toMatchObject({
    resourceNamesSubscribe: [web],
    initialResourceVersions: { [web]: 'e1' },
  });
  expect(target.calls).toEqual([]);
  await again.answer(again.send(typeUrls.cluster, [edsCluster(web, {}, 'v8')]));
  expect(target.take()).toEqual([`cluster ${web}`, `endpoints ${web} 1`]);
});

test('P-34: without a control plane a proxy starts from its last good state, and tells its versions when it is back', async () => {
  const server = await startServer();
  const first = startLink(server.port);
  await server.subscription(typeUrls.cluster);
  await server.answer(server.send(typeUrls.cluster, [edsCluster(web, {}, 'v7')]));
  await server.answer(server.send(typeUrls.endpoint, [assignment(web, ['10.0.0.1'])]));
  await server.answer(server.send(typeUrls.listener, [rdsListener('outbound', 0, 'outbound')]));
  await server.answer(server.send(typeUrls.route, [routes('outbound', [web])]));
  await until(() => first.target.calls.includes('listener outbound'), 'the listener');
  first.close();
  server.close();

  const { target, link } = startLink(server.port);
  await until(() => target.calls.includes('listener outbound'), 'the listener from the last good state');
  expect(target.take()).toEqual([`cluster ${web}`, `endpoints ${web} 1`, 'table outbound', 'listener outbound']);
  expect(link.stale).toBe(true);
  const again = await startServer(server.port);
  expect((await again.subscription(typeUrls.cluster)).initialResourceVersions).toEqual({ [web]: 'v7' });
  await again.answer(again.send(typeUrls.cluster, []));
  expect(link.stale).toBe(false);
});

test('XD-21: a changed state file, or one of another proxy, is not used', async () => {
  const server = await startServer();
  const first = startLink(server.port);
  await server.subscription(typeUrls.cluster);
  await server.answer(server.send(typeUrls.cluster, [edsCluster(web)]));
  first.close();
  server.close();
  const file = path.join(folder, 'last-good');
  expect(fs.statSync(file).mode & 0o777).toBe(0o600);
  expect(new SealedFile(folder, 'last-good', 'other.shop').read()).toEqual({ ok: false, fault: 'tampered' });
  const sealed = fs.readFileSync(file);
  sealed[sealed.length - 1] = (sealed.at(-1) as number) ^ 1;
  fs.writeFileSync(file, sealed);
  expect(new SealedFile(folder, 'last-good', 'cart-1.shop').read()).toEqual({ ok: false, fault: 'tampered' });
});

test('TLS-20: a server of our CA with another identity is not taken for the control plane', async () => {
  const impostor = await authority.issue(`spiffe://${trustDomain}/ns/shop/sa/web`);
  const server = await startServer(0, impostor);
  const { link } = startLink(server.port);
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(server.registered).toEqual([]);
  expect(server.streams).toBe(0);
  expect(link.connected).toBe(false);
});

test('leaving deregisters, and what the control plane then takes away is not taken away here', async () => {
  const server = await startServer();
  const { target, link } = startLink(server.port);
  await server.subscription(typeUrls.cluster);
  await server.answer(server.send(typeUrls.listener, [tcpListener('inbound|80', 0, 'invalid-backend')]));
  await until(() => target.calls.includes('listener inbound|80'), 'the listener');
  await link.leave();
  expect(server.deregistered).toEqual(['cart-1']);
  server.send(typeUrls.listener, [], ['inbound|80']);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(target.calls).not.toContain('-listener inbound|80');
});
