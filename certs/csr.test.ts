import 'reflect-metadata';
import { generateKeyPairSync } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { generateKeys, TestAuthority } from '../test/harness/authority.ts';
import { createCsr, csrObjection, maxCsrBytes, parseCsr } from './csr.ts';
import { formatSpiffeId, parseSpiffeId } from './spiffe-id.ts';
import { derToPem, formatTrustBundle, parseTrustBundle, pemToDer } from './trust-bundle.ts';

const id = 'spiffe://cluster.local/ns/shop/sa/cart';
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });

async function foreignCsr(
  extensions: x509.Extension[],
  keys?: CryptoKeyPair,
  signingAlgorithm: EcdsaParams | Algorithm = { name: 'ECDSA', hash: 'SHA-256' },
): Promise<Buffer> {
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: 'CN=anything',
    keys: keys ?? (await generateKeys()),
    signingAlgorithm,
    extensions,
  });
  return Buffer.from(request.rawData);
}

test('a request made here is read here, and by another library', async () => {
  const der = createCsr(privateKey);
  const parsed = parseCsr(der);
  expect(parsed.ok && parsed.value.publicKey.equals(publicKey)).toBe(true);
  const foreign = new x509.Pkcs10CertificateRequest(new Uint8Array(der));
  expect(await foreign.verify()).toBe(true);
});

test('TLS-30: a request of another library without wishes is accepted', async () => {
  const parsed = parseCsr(await foreignCsr([]));
  expect(parsed.ok && csrObjection(parsed.value, id)).toBe(undefined);
});

test('TLS-30: a request for a CA certificate, another identity or another kind of name is objected to', async () => {
  const name = (type: 'url' | 'dns', value: string) => new x509.SubjectAlternativeNameExtension([{ type, value }]);
  const objection = async (...extensions: x509.Extension[]) => {
    const parsed = parseCsr(await foreignCsr(extensions));
    return parsed.ok ? csrObjection(parsed.value, id) : parsed.reason;
  };
  expect(await objection(name('url', id))).toBe(undefined);
  expect(await objection(name('url', 'spiffe://cluster.local/ns/shop/sa/admin'))).toMatch('another identity');
  expect(await objection(name('dns', 'cart.shop'))).toMatch('no SPIFFE id');
  expect(await objection(new x509.BasicConstraintsExtension(true))).toMatch('CA certificate');
  expect(await objection(new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign))).toMatch('CA certificate');
});

test('TLS-30: a weak key, a weak digest, a bad self-signature and a huge request are refused', async () => {
  const rsa = (modulusLength: number) =>
    generateKeys({
      name: 'RSASSA-PKCS1-v1_5',
      modulusLength,
      publicExponent: new Uint8Array([1, 0, 1]),
      hash: 'SHA-256',
    });
  const rsaAlgorithm = { name: 'RSASSA-PKCS1-v1_5' };
  expect(parseCsr(await foreignCsr([], await rsa(1024), rsaAlgorithm))).toMatchObject({ reason: 'weak-key' });
  expect(parseCsr(await foreignCsr([], await rsa(2048), rsaAlgorithm))).toMatchObject({ ok: true });
  expect(parseCsr(await foreignCsr([], undefined, { name: 'ECDSA', hash: 'SHA-1' } as EcdsaParams))).toMatchObject({
    reason: 'weak-signature',
  });
  const tampered = createCsr(privateKey);
  tampered[tampered.length - 1] = (tampered.at(-1) as number) ^ 1;
  expect(parseCsr(tampered)).toMatchObject({ reason: 'bad-signature' });
  expect(parseCsr(Buffer.alloc(maxCsrBytes + 1))).toMatchObject({ reason: 'csr-too-large' });
  expect(parseCsr(Buffer.alloc(0))).toMatchObject({ reason: 'malformed' });
});

test('TLS-30: requests mutated at random never throw and never verify', () => {
  const der = createCsr(privateKey);
  fc.assert(
    fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const mutant = Buffer.from(der);
      mutant[at] = (mutant[at] as number) ^ flip;
      expect(parseCsr(mutant).ok).toBe(false);
    }),
    { numRuns: 1000 },
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => !parseCsr(Buffer.from(bytes)).ok));
});

test('a SPIFFE id is formatted and taken apart again; names that make none are refused', () => {
  expect(formatSpiffeId('cluster.local', 'shop', 'cart')).toEqual({ ok: true, value: id });
  expect(parseSpiffeId(id)).toMatchObject({
    ok: true,
    value: { trustDomain: 'cluster.local', namespace: 'shop', serviceAccount: 'cart' },
  });
  expect(parseSpiffeId('spiffe://cluster.local/ns/shop/sa/cart/x')).toMatchObject({
    ok: true,
    value: { namespace: undefined },
  });
  for (const name of ['', '..', 'a/b', 'a b', 'ä', 'a%20']) expect(formatSpiffeId('td', name, 'cart').ok).toBe(false);
  expect(formatSpiffeId('Cluster', 'shop', 'cart').ok).toBe(false);
});

test('a trust bundle goes to PEM and back; what is no CA certificate is refused', async () => {
  const [one, two] = [await TestAuthority.create('One'), await TestAuthority.create('Two')];
  const pem = formatTrustBundle([one.root, two.root, one.root]);
  const parsed = parseTrustBundle(`some comment\n${pem}`);
  expect(parsed.ok && parsed.value.map((root) => root.subject)).toEqual(['CN=One', 'CN=Two']);
  const leaf = await one.issue(id);
  expect(parseTrustBundle(leaf.pem)).toMatchObject({ detail: 'certificate 1: not a CA certificate' });
  expect(parseTrustBundle('')).toMatchObject({ detail: 'no certificate in it' });
  expect(parseTrustBundle(pem.replace('MII', 'AAA'))).toMatchObject({ detail: 'certificate 1: cannot be read' });
  expect(pemToDer(derToPem(leaf.der))).toEqual([leaf.der]);
});
