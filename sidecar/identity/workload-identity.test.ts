import { X509Certificate } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { parseCsr } from '../../certs/csr.ts';
import { systemClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { seededRandom } from '../../lib/random.ts';
import { TimerWheel } from '../../lib/timer-wheel.ts';
import type { SignRequest, SignResponse } from '../../proto/gen/heddle/ca/v1/ca.ts';
import { AdsServer } from '../../test/harness/ads-server.ts';
import { TestAuthority } from '../../test/harness/authority.ts';
import { until } from '../../test/harness/process.ts';
import { SealedFile } from '../bootstrap/sealed-file.ts';
import { IdentityFile } from './identity-file.ts';
import { SecretStore } from './secret-store.ts';
import { type IdentityOptions, IdentityRefused, WorkloadIdentity } from './workload-identity.ts';

const id = 'spiffe://cluster.local/ns/shop/sa/cart';
let authority: TestAuthority;
let server: AdsServer;
let folder: string;
let wheel: TimerWheel;
const identities: WorkloadIdentity[] = [];

beforeAll(async () => {
  authority = await TestAuthority.create();
});

beforeEach(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'heddle-identity-'));
  wheel = new TimerWheel(5);
  const certificate = await authority.issue('spiffe://cluster.local/ns/heddle-system/sa/control-plane');
  server = await AdsServer.start(certificate, authority.pem);
  server.sign = signFor(id, 3_600_000);
});

afterEach(() => {
  for (const identity of identities.splice(0)) identity.close();
  wheel.close();
  server.close();
  fs.rmSync(folder, { recursive: true, force: true });
});

function signFor(spiffeId: string, lifeMs: number, authorityUsed = authority) {
  return async ({ csrDer }: SignRequest): Promise<SignResponse> => {
    const csr = parseCsr(csrDer);
    if (!csr.ok) throw new Error(csr.detail);
    // Certificates count in whole seconds.
    const notBefore = Math.floor(Date.now() / 1000) * 1000;
    const options = { notBefore, notAfter: notBefore + lifeMs };
    const der = await authorityUsed.certify(spiffeId, csr.value.publicKey, options);
    return {
      $type: 'heddle.ca.v1.SignResponse',
      certificateChainDer: [der],
      trustBundleDer: [Buffer.from(authority.root.raw)],
      spiffeId,
    };
  };
}

async function start(more: Partial<IdentityOptions> = {}) {
  const secrets = new SecretStore();
  const identity = await WorkloadIdentity.start({
    controlPlane: `127.0.0.1:${server.port}`,
    trustBundlePem: authority.pem,
    namespace: 'shop',
    serviceAccount: 'cart',
    joinToken: () => 'token-1',
    file: undefined,
    secrets,
    clock: systemClock,
    wheel,
    random: seededRandom(1),
    log: silentLog,
    ...more,
  });
  identities.push(identity);
  return { identity, secrets };
}

const identityFile = () => new IdentityFile(new SealedFile(folder, 'identity', 'cart-1.shop'));

test('a join token buys a certificate for a key that was made here', async () => {
  const { identity, secrets } = await start();
  expect(server.signed.map(({ joinToken }) => joinToken)).toEqual(['token-1']);
  expect(identity.current).toMatchObject({ spiffeId: id, trustDomain: 'cluster.local' });
  const own = secrets.get('default');
  expect(own?.kind === 'certificate' && new X509Certificate(own.chainPem).subjectAltName).toBe(`URI:${id}`);
  expect(secrets.get('ROOTCA')).toMatchObject({ kind: 'validation', trustDomain: 'cluster.local' });
});

test('a certificate is renewed at half of its life with a new key and without the token, over and over', async () => {
  server.sign = signFor(id, 3_000);
  const { identity, secrets } = await start();
  const first = identity.current.chainPem;
  await until(() => server.signed.length >= 3, 'two renewals');
  await until(() => identity.current.chainPem !== first, 'a new certificate');
  expect(server.signed.map(({ joinToken }) => joinToken).slice(0, 3)).toEqual(['token-1', '', '']);
  const keys = server.signed.map(({ csrDer }) => csrDer.toString('hex'));
  expect(new Set(keys).size).toBe(keys.length);
  expect(secrets.get('default')).toMatchObject({ chainPem: identity.current.chainPem });
});

test('a stored identity serves a restart without token or control plane; a stranger cannot read it', async () => {
  await start({ file: identityFile() });
  server.close();
  const { identity } = await start({ file: identityFile(), joinToken: () => undefined });
  expect(identity.current.spiffeId).toBe(id);
  for (const name of fs.readdirSync(folder)) {
    expect(fs.statSync(path.join(folder, name)).mode & 0o777).toBe(0o600);
    expect(fs.readFileSync(path.join(folder, name), 'latin1')).not.toMatch('PRIVATE KEY');
  }
  const another = start({
    file: identityFile(),
    trustBundlePem: (await TestAuthority.create('Other')).pem,
    joinToken: () => undefined,
  });
  await expect(another).rejects.toThrow('no join token');
});

test('a used token ends the start with the words of the CA', async () => {
  server.sign = () => Promise.reject(Object.assign(new Error('join token was used'), { code: status.UNAUTHENTICATED }));
  await expect(start()).rejects.toThrow(new IdentityRefused('the CA refused the request: join token was used'));
});

test('a token for somebody else is told apart from a refusal', async () => {
  server.sign = signFor('spiffe://cluster.local/ns/shop/sa/admin', 60_000);
  await expect(start()).rejects.toThrow(/token is for spiffe:\/\/cluster.local\/ns\/shop\/sa\/admin/);
});

test('an answer that does not hold together is not used: foreign CA, another key', async () => {
  const foreign = await TestAuthority.create('Foreign');
  const abort = new AbortController();
  server.sign = signFor(id, 60_000, foreign);
  const log = {
    ...silentLog,
    warn: (_: string, fields: object = {}) => {
      seen.push(JSON.stringify(fields));
      abort.abort();
    },
  };
  const seen: string[] = [];
  await expect(
    WorkloadIdentity.start(
      {
        controlPlane: `127.0.0.1:${server.port}`,
        trustBundlePem: authority.pem,
        namespace: 'shop',
        serviceAccount: 'cart',
        joinToken: () => 't',
        file: undefined,
        secrets: new SecretStore(),
        clock: systemClock,
        wheel,
        random: seededRandom(1),
        log,
      },
      abort.signal,
    ),
  ).rejects.toThrow('answer of the CA: certificate: unknown-authority');
  expect(seen).toHaveLength(1);
});
