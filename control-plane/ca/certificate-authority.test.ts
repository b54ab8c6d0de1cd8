import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseCertificate } from '../../certs/certificate.ts';
import { verifySvid } from '../../certs/verify.ts';
import { FakeClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { TimerWheel } from '../../lib/timer-wheel.ts';
import { CertificateAuthority } from './certificate-authority.ts';
import { controlPlaneId, ServingIdentity } from './serving-identity.ts';

const day = 86_400_000;
const cart = 'spiffe://cluster.local/ns/shop/sa/cart';
let stateDir: string;
let clock: FakeClock;

beforeEach(() => {
  stateDir = fs.mkdtempSync(path.join(os.tmpdir(), 'heddle-ca-'));
  clock = new FakeClock(Date.UTC(2026, 0, 1));
});

afterEach(() => {
  fs.rmSync(stateDir, { recursive: true });
});

function open(trustDomain = 'cluster.local') {
  return CertificateAuthority.open({ trustDomain, stateDir, clock });
}

function newKey() {
  return generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).publicKey;
}

test('a leaf is a sound SVID that names nothing but its id', async () => {
  const authority = await open();
  const { chainDer, notAfter, serial } = await authority.issue(newKey(), cart);
  const options = { roots: authority.roots, trustDomain: 'cluster.local', now: clock.wallTime(), allowedIds: [cart] };
  expect(verifySvid(chainDer, options)).toEqual({ ok: true, id: cart, notAfter });

  const leaf = new X509Certificate(chainDer[0]!);
  expect(leaf.subject ?? '').toBe('');
  expect(leaf.subjectAltName).toBe(`URI:${cart}`);
  expect(leaf.serialNumber.toLowerCase()).toBe(serial);
  expect(leaf.validToDate.getTime() - clock.wallTime()).toBe(day);
  expect(clock.wallTime() - leaf.validFromDate.getTime()).toBe(60_000);
  const parsed = parseCertificate(chainDer[0]!);
  expect(parsed.ok && parsed.value.extensions).toMatchObject({
    ca: false,
    keyUsage: { digitalSignature: true, keyCertSign: false, crlSign: false },
    uris: [cart],
  });
});

test('root and issuing key survive a restart, in files that only their owner may read', async () => {
  const before = await open();
  const { chainDer } = await before.issue(newKey(), cart);
  const after = await open();
  expect(after.trustBundlePem).toBe(before.trustBundlePem);
  expect((await after.issue(newKey(), cart)).chainDer[1]).toEqual(chainDer[1]);
  const modes = fs.readdirSync(stateDir).map((name) => fs.statSync(path.join(stateDir, name)).mode & 0o777);
  expect(modes).toEqual([0o600, 0o600]);
});

test('P-29: a key that others may read is refused, with the command that helps', async () => {
  await open();
  const file = path.join(stateDir, 'ca-root.pem');
  fs.chmodSync(file, 0o640);
  await expect(open()).rejects.toThrow(`run: chmod 600 ${file}`);
});

test('a damaged key, a missing root and another trust domain are refused, and nothing is made in their place', async () => {
  await open();
  await expect(open('other.domain')).rejects.toThrow('is the root of trust domain cluster.local');
  const root = path.join(stateDir, 'ca-root.pem');
  const text = fs.readFileSync(root, 'utf8');
  fs.writeFileSync(root, text.slice(0, text.length / 2));
  await expect(open()).rejects.toThrow('is damaged');
  fs.rmSync(root);
  await expect(open()).rejects.toThrow('is missing');
  expect(fs.existsSync(root)).toBe(false);
});

test('the issuing key is replaced at half of its life, and what the old one signed stays valid', async () => {
  const authority = await open();
  clock.advance(14 * day);
  const last = await authority.issue(newKey(), cart);
  clock.advance(2 * day);
  const next = await authority.issue(newKey(), cart);
  expect(next.chainDer[1]).not.toEqual(last.chainDer[1]);
  const options = { roots: authority.roots, trustDomain: 'cluster.local' };
  expect(verifySvid(next.chainDer, { ...options, now: clock.wallTime() }).ok).toBe(true);
  expect(verifySvid(last.chainDer, { ...options, now: last.notAfter }).ok).toBe(true);
  expect((await (await open()).issue(newKey(), cart)).chainDer[1]).toEqual(next.chainDer[1]);
});

test('the control plane renews its own certificate at half of its life', async () => {
  const wheel = new TimerWheel(60_000, 64, clock);
  const renewed: string[] = [];
  const next = () => new Promise<void>((resolve) => (wake = resolve));
  let wake = () => {};
  const identity = new ServingIdentity({
    authority: await open(),
    address: '10.1.2.3',
    clock,
    wheel,
    log: silentLog,
    onRenewed: ({ cert }) => {
      renewed.push(cert);
      wake();
    },
  });
  await identity.start();
  const second = next();
  clock.advance(13 * 3_600_000);
  wheel.tick();
  await second;
  identity.close();
  wheel.close();
  const names = renewed.map((cert) => new X509Certificate(cert).subjectAltName);
  const expected = `URI:${controlPlaneId('cluster.local')}, DNS:localhost, IP Address:127.0.0.1, IP Address:10.1.2.3`;
  expect(names).toEqual([expected, expected]);
  expect(renewed[0]).not.toBe(renewed[1]);
});
