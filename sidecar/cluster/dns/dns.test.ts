import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import tls from 'node:tls';
import { expect, test } from 'vitest';
import { TestAuthority } from '../../../test/harness/authority.ts';
import { cluster, endpoint, httpServer, request, TestProxy, until } from '../../../test/harness/data-path.ts';
import { type DnsAnswer, type DnsQuestion, DnsServer } from '../../../test/harness/dns-server.ts';
import type { DnsConfig } from './dns-config.ts';
import { parseHostsFile } from './hosts-file.ts';
import { NameResolver } from './name-resolver.ts';
import { candidateNames, parseResolvConf } from './resolv-conf.ts';

const files = (resolv = '', hosts = '') => ({
  readFile: (path: string) => (path === '/etc/hosts' ? hosts : resolv),
});

async function resolverOf(answer: (question: DnsQuestion) => DnsAnswer, resolv = '', hosts = '') {
  const server = await DnsServer.start(answer);
  return { server, resolver: new NameResolver({ servers: [server.address], timeoutMs: 200, ...files(resolv, hosts) }) };
}

const base: Omit<DnsConfig, 'targets'> = {
  logical: false,
  family: 'v4-only',
  refreshMs: 5_000,
  failureBaseMs: 1_000,
  failureMaxMs: 4_000,
  respectTtl: false,
};

async function startCluster(answer: (question: DnsQuestion) => DnsAnswer, more: Partial<DnsConfig> = {}) {
  const { server, resolver } = await resolverOf(answer);
  const under = new TestProxy({ resolver });
  const targets = [endpoint(80, { address: 'app.example' })];
  under.proxy.setCluster(cluster('app', [], { discovery: { kind: 'dns', dns: { ...base, targets, ...more } } }));
  const addresses = () => (under.proxy.describe().clusters[0]?.endpoints ?? []).map(({ address }) => address).sort();
  return { server, under, addresses };
}

/** Lets time pass until there is one more question, and its answer has been taken. */
async function nextLookUp(under: TestProxy, server: DnsServer, done: () => boolean): Promise<void> {
  const before = server.questions.length;
  await until(() => {
    if (server.questions.length === before) under.advance(100);
    return server.questions.length > before && done();
  });
}

test('endpoints follow the addresses of a name, and requests reach them', async () => {
  const { port } = await httpServer((_incoming, outgoing) => void outgoing.end('by name'));
  let answer: DnsAnswer = { addresses: ['127.0.0.1'] };
  const { server, under, addresses } = await startCluster(() => answer, {
    targets: [endpoint(port, { address: 'app.example' })],
  });
  await until(() => addresses().length === 1);
  expect((await request(await under.listen('app'), '/')).body).toBe('by name');
  answer = { addresses: ['127.0.0.1', '127.0.0.2'] };
  await nextLookUp(under, server, () => addresses().length === 2);
  answer = { addresses: ['127.0.0.2'] };
  await nextLookUp(under, server, () => addresses().length === 1);
  expect(addresses()).toEqual(['127.0.0.2']);
});

test('P-57: SERVFAIL, NXDOMAIN, silence, nonsense and an empty answer keep the last good addresses for an hour', async () => {
  let answer: DnsAnswer = { addresses: ['127.0.0.1'] };
  const { server, under, addresses } = await startCluster(() => answer);
  await until(() => addresses().length === 1);
  const bad: DnsAnswer[] = [
    { code: 'servfail' },
    { code: 'nxdomain' },
    { addresses: [] },
    { raw: Buffer.from('nonsense') },
    undefined,
    { cname: 'app.example' },
    { addresses: ['0.0.0.0', '224.0.0.1', '255.255.255.255'] },
  ];
  for (const [index, one] of bad.entries()) {
    answer = one;
    await nextLookUp(under, server, () => under.observer.refused.length > index);
    expect([one, addresses()]).toEqual([one, ['127.0.0.1']]);
  }
  expect(new Set(under.observer.refused.map(({ reason }) => reason))).toEqual(new Set(['dns.lookup-failed']));
  under.clock.advance(3_600_000);
  answer = { code: 'servfail' };
  await nextLookUp(under, server, () => addresses().length === 0);
  answer = { addresses: ['127.0.0.3'] };
  await nextLookUp(under, server, () => addresses().length === 1);
});

test('UP-15: of a thousand addresses 64 are used; TTL 0 does not make the proxy ask without pause', async () => {
  const many = Array.from({ length: 1_000 }, (_, index) => `10.0.${index >> 8}.${index & 255}`);
  const { server, under, addresses } = await startCluster(() => ({ addresses: many, ttl: 0 }), { respectTtl: true });
  await until(() => addresses().length > 0);
  expect(addresses()).toHaveLength(64);
  // By a datagram, and then by TCP.
  expect(server.questions).toHaveLength(2);
  under.advance(900);
  await new Promise((resolve) => setImmediate(resolve));
  expect(server.questions).toHaveLength(2);
  under.advance(200);
  await until(() => server.questions.length === 4);
});

test('a time to live is respected where asked for', async () => {
  const { server, under } = await startCluster(() => ({ addresses: ['127.0.0.1'], ttl: 30 }), { respectTtl: true });
  await until(() => under.proxy.describe().clusters[0]?.endpoints.length === 1);
  under.advance(29_000);
  expect(server.questions).toHaveLength(1);
  under.advance(1_100);
  await until(() => server.questions.length === 2);
});

test('LOGICAL_DNS keeps the one address it has as long as the name has it', async () => {
  let answer: DnsAnswer = { addresses: ['127.0.0.1', '127.0.0.2'] };
  const { server, under, addresses } = await startCluster(() => answer, { logical: true });
  await until(() => addresses().length === 1);
  const [first] = addresses();
  answer = { addresses: ['127.0.0.2', '127.0.0.1', '127.0.0.3'] };
  await nextLookUp(under, server, () => true);
  answer = { addresses: ['127.0.0.3'] };
  await nextLookUp(under, server, () => addresses()[0] !== first);
  expect(addresses()).toEqual(['127.0.0.3']);
});

test('the family says which addresses are used', async () => {
  const { resolver } = await resolverOf(() => ({
    addresses: ['10.0.0.1', '20010db8000000000000000000000001'.replace(/(.{4})(?=.)/g, '$1:')],
  }));
  const of = async (family: DnsConfig['family']) => (await resolver.resolve('a.example', family)).addresses;
  expect(await of('v4-only')).toEqual(['10.0.0.1']);
  expect(await of('v6-only')).toEqual(['2001:db8::1']);
  expect(await of('auto')).toEqual(['2001:db8::1']);
  expect(await of('v4-preferred')).toEqual(['10.0.0.1']);
  expect(await of('all')).toEqual(['2001:db8::1', '10.0.0.1']);
});

test('P-57: addresses of another name are not used; those of the name that aliases lead to are', async () => {
  let answer: DnsAnswer = { addresses: ['10.0.0.1'], owner: 'other.example' };
  const { resolver } = await resolverOf(() => answer);
  await expect(resolver.resolve('a.example', 'v4-only')).rejects.toThrow(
    'a.example: only addresses of other names than a.example',
  );
  answer = { addresses: ['10.0.0.2'], alias: 'B.example', ttl: 5 };
  expect(await resolver.resolve('A.example', 'v4-only')).toEqual({ addresses: ['10.0.0.2'], ttlMs: 5_000 });
  answer = { addresses: ['10.0.0.3'], alias: 'b.example', owner: 'a.example.evil.example' };
  await expect(resolver.resolve('a.example', 'v4-only')).rejects.toThrow('other names than b.example');
  await expect(resolver.resolve('a\0.example', 'v4-only')).rejects.toThrow('not a host name');
});

test('P-57: a name server that hangs holds up neither TLS nor files', async () => {
  const { server, resolver } = await resolverOf(() => undefined);
  let hanging = 40;
  const lookUps = Array.from({ length: hanging }, (_, index) =>
    resolver.resolve(`host-${index}.example`, 'v4-only').catch(() => hanging--),
  );
  await until(() => server.questions.length >= 40);
  const authority = await TestAuthority.create();
  const { pem, keyPem } = await authority.issue('spiffe://cluster.local/ns/a/sa/b');
  await readFile(import.meta.filename);
  const secure = tls.createServer({ cert: pem, key: keyPem }, (socket) => socket.end()).listen(0, '127.0.0.1');
  await once(secure, 'listening');
  const { port } = secure.address() as AddressInfo;
  const client = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
  await once(client, 'secureConnect');
  client.destroy();
  secure.close();
  expect(hanging).toBeGreaterThan(0);
  await Promise.all(lookUps);
});

test('addresses, localhost and the hosts file need no name server', async () => {
  const { server, resolver } = await resolverOf(() => ({ code: 'servfail' }), '', '10.9.8.7 db.internal db # ours\n');
  expect((await resolver.resolve('10.1.1.1', 'auto')).addresses).toEqual(['10.1.1.1']);
  expect((await resolver.resolve('localhost', 'v4-preferred')).addresses).toEqual(['127.0.0.1']);
  expect((await resolver.resolve('DB', 'auto')).addresses).toEqual(['10.9.8.7']);
  expect(server.questions).toEqual([]);
  await expect(resolver.resolve('other', 'v4-only')).rejects.toThrow('other: SERVFAIL');
});

test('short names are searched for as resolv.conf says', async () => {
  const conf = 'search shop.svc.cluster.local svc.cluster.local\noptions ndots:5\n';
  const { server, resolver } = await resolverOf(
    ({ name }) => (name === 'cart.svc.cluster.local' ? { addresses: ['10.0.0.5'] } : { code: 'nxdomain' }),
    conf,
  );
  expect((await resolver.resolve('cart', 'v4-only')).addresses).toEqual(['10.0.0.5']);
  expect(server.questions.map(({ name }) => name)).toEqual(['cart.shop.svc.cluster.local', 'cart.svc.cluster.local']);
  expect(candidateNames('a.b', parseResolvConf('search x\n'))).toEqual(['a.b', 'a.b.x']);
  expect(candidateNames('a.', parseResolvConf(conf))).toEqual(['a']);
  expect(parseHostsFile('::1 localhost\nnonsense line\n').get('localhost')).toEqual(['::1']);
});

test('a cluster is ready with the first answers, whatever they are, or after 5 s, and says so', async () => {
  let answer: DnsAnswer = { addresses: ['127.0.0.1'] };
  const { under } = await startCluster(() => answer);
  await under.proxy.untilResolved('app');
  expect(under.proxy.describe().clusters[0]?.endpoints).toHaveLength(1);
  answer = { code: 'nxdomain' };
  const { under: wrong } = await startCluster(() => answer);
  await wrong.proxy.untilResolved('app');
  const { under: silent, server } = await startCluster(({ name }) => (name === 'app.example' ? answer : undefined), {
    targets: [endpoint(80, { address: 'app.example' }), endpoint(80, { address: 'silent.example' })],
  });
  let ready = false;
  const waiting = silent.proxy.untilResolved('app').then(() => {
    ready = true;
  });
  await until(() => server.questions.length >= 2);
  silent.advance(4_900);
  await new Promise(setImmediate);
  expect(ready).toBe(false);
  silent.advance(200);
  await waiting;
  expect(silent.observer.refused.map(({ detail }) => detail)).toContainEqual(
    'no answer within 5 s; it has no endpoints yet',
  );
  await silent.proxy.untilResolved('no such cluster');
});
