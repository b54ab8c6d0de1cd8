import 'reflect-metadata';
import { execFileSync } from 'node:child_process';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as x509 from '@peculiar/x509';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { generateKeys, type IssueOptions, TestAuthority } from '../test/harness/authority.ts';
import { readDer, writeDer } from './der.ts';
import { importPublicKey } from './key-rules.ts';
import { clockSkewMs, type VerifyOptions, verifySvid } from './verify.ts';

const id = 'spiffe://cluster.local/ns/shop/sa/cart';
let authority: TestAuthority;
let options: VerifyOptions;

beforeAll(async () => {
  authority = await TestAuthority.create();
  options = { roots: [authority.root], trustDomain: 'cluster.local', now: Date.now() };
});

/** The reason for refusing a certificate of our own CA with these faults, or its id. */
async function answer(uri: string | string[], faults: IssueOptions = {}): Promise<string> {
  const uris = Array.isArray(uri) ? uri : [uri];
  const issued = await authority.issue(uris[0] ?? '', { uris, ...faults });
  const result = verifySvid(issued.chain, options);
  return result.ok ? result.id : result.reason;
}

test('a correct SVID is accepted, also with a DNS name and without extended key usage', async () => {
  expect(await answer(id)).toBe(id);
  expect(await answer(id, { dns: ['cart.shop'], extendedKeyUsage: null })).toBe(id);
  expect(await answer('spiffe://cluster.local/other/path')).toBe('spiffe://cluster.local/other/path');
});

describe('names', () => {
  const bad: [string, string, string | string[], string][] = [
    ['TLS-01', 'two URI names', [id, 'spiffe://cluster.local/ns/shop/sa/other'], 'several-uri-sans'],
    ['TLS-01', 'the same URI name twice', [id, id], 'several-uri-sans'],
    ['TLS-03', 'no subject alternative name', [], 'no-uri-san'],
    ['TLS-05', 'an id without a path', 'spiffe://cluster.local', 'bad-spiffe-id'],
    ['TLS-05', 'an id with an empty path', 'spiffe://cluster.local/', 'bad-spiffe-id'],
    ['TLS-06', 'an https URI', 'https://cluster.local/ns/shop/sa/cart', 'bad-spiffe-id'],
    ['TLS-07', 'a parent segment', 'spiffe://cluster.local/ns/../sa/cart', 'bad-spiffe-id'],
    ['TLS-07', 'a dot segment', 'spiffe://cluster.local/ns/./sa/cart', 'bad-spiffe-id'],
    ['TLS-07', 'an empty segment', 'spiffe://cluster.local//ns/shop/sa/cart', 'bad-spiffe-id'],
    ['TLS-07', 'a trailing slash', `${id}/`, 'bad-spiffe-id'],
    ['TLS-08', 'percent-encoding in the path', 'spiffe://cluster.local/ns/shop/sa/c%61rt', 'bad-spiffe-id'],
    ['TLS-08', 'percent-encoding in the host', 'spiffe://cluster%2elocal/ns/shop/sa/cart', 'bad-spiffe-id'],
    ['TLS-09', 'an upper-case scheme', 'SPIFFE://cluster.local/ns/shop/sa/cart', 'bad-spiffe-id'],
    ['TLS-09', 'an upper-case host', 'spiffe://Cluster.Local/ns/shop/sa/cart', 'bad-spiffe-id'],
    ['TLS-10', 'a second name inside the first', `spiffe://cluster.local/x, URI:${id}`, 'bad-spiffe-id'],
    ['TLS-11', 'an embedded NUL', `${id}\0.evil`, 'bad-spiffe-id'],
    ['TLS-18', 'an id over 2,048 bytes', `spiffe://cluster.local/${'a'.repeat(2048)}`, 'bad-spiffe-id'],
    ['TLS-18', 'a host over 255 bytes', `spiffe://${'a'.repeat(256)}/ns/shop/sa/cart`, 'bad-spiffe-id'],
    ['TLS-19', 'another trust domain', 'spiffe://other.example/ns/shop/sa/cart', 'wrong-trust-domain'],
    ['TLS-08', 'a query', `${id}?a=b`, 'bad-spiffe-id'],
    ['TLS-08', 'a port', 'spiffe://cluster.local:443/ns/shop/sa/cart', 'bad-spiffe-id'],
  ];
  test.each(bad)('%s: %s is refused', async (_, __, uris, reason) => {
    expect(await answer(uris)).toBe(reason);
  });
});

describe('key, usage and signature', () => {
  const { keyCertSign, cRLSign, digitalSignature, keyEncipherment } = x509.KeyUsageFlags;
  test.each<[string, IssueOptions, string]>([
    ['TLS-02: a leaf that is a CA', { ca: true }, 'leaf-is-ca'],
    ['TLS-02: a leaf with keyCertSign', { keyUsage: digitalSignature | keyCertSign }, 'bad-key-usage'],
    ['TLS-02: a leaf with cRLSign', { keyUsage: digitalSignature | cRLSign }, 'bad-key-usage'],
    ['TLS-04: a leaf without keyUsage', { keyUsage: null }, 'bad-key-usage'],
    ['TLS-04: a leaf without digitalSignature', { keyUsage: keyEncipherment }, 'bad-key-usage'],
    ['TLS-12: a SHA-1 signature', { hash: 'SHA-1' }, 'weak-signature'],
    ['TLS-13: serverAuth alone', { extendedKeyUsage: [x509.ExtendedKeyUsage.serverAuth] }, 'bad-extended-key-usage'],
    [
      'TLS-27: an unknown critical extension',
      { extensions: [new x509.Extension('1.2.3.4', true, new Uint8Array([5, 0]))] },
      'unknown-critical-extension',
    ],
    [
      'TLS-18: 10,000 names',
      { dns: Array.from({ length: 10_000 }, (_, index) => `${index}.example`) },
      'chain-too-large',
    ],
    ['TLS-18: over 100 names', { dns: Array.from({ length: 101 }, (_, index) => `${index}.example`) }, 'malformed'],
  ])('%s is refused', async (_, faults, reason) => {
    expect(await answer(id, faults)).toBe(reason);
  });

  test('TLS-12: RSA of 1,024 bits is refused, of 2,048 accepted', async () => {
    const rsa = (modulusLength: number) =>
      generateKeys({
        name: 'RSASSA-PKCS1-v1_5',
        modulusLength,
        publicExponent: new Uint8Array([1, 0, 1]),
        hash: 'SHA-256',
      });
    expect(await answer(id, { keys: await rsa(1024) })).toBe('weak-key');
    expect(await answer(id, { keys: await rsa(2048) })).toBe(id);
  });

  test('TLS-12: P-192 is refused', () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime192v1' });
    const result = importPublicKey(publicKey.export({ format: 'der', type: 'spki' }));
    expect(result).toMatchObject({ ok: false, reason: 'weak-key' });
  });
});

describe('chain', () => {
  test('TLS-14: a leaf signed by another leaf is refused', async () => {
    const keys = await generateKeys();
    const signer = await authority.issue(id, { keys });
    const signerCertificate = new x509.X509Certificate(new Uint8Array(signer.der));
    const rogue = new TestAuthority(keys, signerCertificate, [signer.der]);
    const issued = await rogue.issue('spiffe://cluster.local/ns/shop/sa/admin');
    expect(verifySvid(issued.chain, options)).toMatchObject({ ok: false, reason: 'unknown-authority' });
  });

  test('TLS-15: the right id from a foreign CA of the same name is refused', async () => {
    const foreign = await TestAuthority.create();
    const issued = await foreign.issue(id);
    expect(verifySvid(issued.chain, options)).toMatchObject({ ok: false, reason: 'unknown-authority' });
    expect(verifySvid([...issued.chain, foreign.root.raw], options)).toMatchObject({ reason: 'unknown-authority' });
  });

  test('TLS-16: expired and not yet valid are told apart, and a small clock skew is forgiven', async () => {
    const now = Math.floor(Date.now() / 1000) * 1000;
    const issued = await authority.issue(id, { notBefore: now, notAfter: now + 60_000 });
    const at = (time: number) => {
      const result = verifySvid(issued.chain, { ...options, now: time });
      return result.ok ? 'valid' : result.reason;
    };
    expect(at(now - clockSkewMs)).toBe('valid');
    expect(at(now - clockSkewMs - 1)).toBe('not-yet-valid');
    expect(at(now + 60_000 + clockSkewMs)).toBe('valid');
    expect(at(now + 60_000 + clockSkewMs + 1)).toBe('expired');
  });

  test('TLS-17: no certificate is refused', () => {
    expect(verifySvid([], options)).toMatchObject({ ok: false, reason: 'no-certificate' });
  });

  test('TLS-18: a chain too long or too large is refused before it is parsed', async () => {
    const { der } = await authority.issue(id);
    expect(verifySvid(Array(200).fill(der), options)).toMatchObject({ reason: 'chain-too-long' });
    expect(verifySvid([der, Buffer.alloc(1 << 20)], options)).toMatchObject({ reason: 'chain-too-large' });
    expect(verifySvid([Buffer.alloc(20_000)], options)).toMatchObject({ reason: 'certificate-too-large' });
  });

  test('intermediates are followed up to a path of five, in any order', async () => {
    let issuer = authority;
    for (let depth = 1; depth <= 4; depth++) {
      issuer = await issuer.intermediate(`Intermediate ${depth}`);
      const issued = await issuer.issue(id);
      expect(verifySvid(issued.chain, options)).toMatchObject({ ok: true, id });
      const [leaf, ...others] = issued.chain as [Buffer, ...Buffer[]];
      expect(verifySvid([leaf, ...others.reverse()], options)).toMatchObject({ ok: true, id });
      expect(verifySvid([leaf], options)).toMatchObject({ reason: 'unknown-authority' });
    }
    const tooDeep = await (await issuer.intermediate('Intermediate 5')).issue(id);
    expect(verifySvid(tooDeep.chain, options)).toMatchObject({ reason: 'chain-too-long' });
  });

  test('the rules for issuers hold: path length, keyCertSign, validity, CA flag, trust domain', async () => {
    const reasonUnder = async (faults: IssueOptions): Promise<string> => {
      const result = verifySvid((await (await authority.intermediate('Sub', faults)).issue(id)).chain, options);
      return result.ok ? result.id : result.reason;
    };
    expect(await reasonUnder({ pathLength: 0 })).toBe(id);
    expect(await reasonUnder({ ca: false })).toBe('unknown-authority');
    expect(await reasonUnder({ keyUsage: x509.KeyUsageFlags.digitalSignature })).toBe('unknown-authority');
    expect(await reasonUnder({ notAfter: Date.now() - 2 * clockSkewMs, notBefore: 0 })).toBe('expired');
    expect(await reasonUnder({ hash: 'SHA-1' })).toBe('weak-signature');
    expect(await reasonUnder({ uris: ['spiffe://cluster.local'] })).toBe(id);
    expect(await reasonUnder({ uris: ['spiffe://other.example'] })).toBe('wrong-trust-domain');
    const limited = await authority.intermediate('Limited', { pathLength: 0 });
    const below = await (await limited.intermediate('Below')).issue(id);
    expect(verifySvid(below.chain, options)).toMatchObject({ reason: 'unknown-authority' });
  });

  test('TLS-19: an id of domain A signed by the CA of B is refused by the bundle of A', async () => {
    const other = await TestAuthority.create('Other');
    const issued = await other.issue(id);
    expect(verifySvid(issued.chain, options)).toMatchObject({ reason: 'unknown-authority' });
    const honest = await other.issue('spiffe://other.example/ns/a/sa/b');
    const both = { ...options, roots: [authority.root, other.root] };
    expect(verifySvid(honest.chain, both)).toMatchObject({ reason: 'wrong-trust-domain' });
  });

  test('TLS-20: a good chain with an id that was not expected is refused; nobody is expected from an empty list', async () => {
    const { chain } = await authority.issue(id);
    expect(verifySvid(chain, { ...options, allowedIds: [id] })).toMatchObject({ ok: true });
    expect(verifySvid(chain, { ...options, allowedIds: [`${id}-2`] })).toMatchObject({ reason: 'unexpected-id' });
    expect(verifySvid(chain, { ...options, allowedIds: [] })).toMatchObject({ reason: 'unexpected-id' });
  });

  test('two roots are trusted while one replaces the other', async () => {
    const next = await TestAuthority.create('Next Root');
    const both = { ...options, roots: [authority.root, next.root] };
    for (const ca of [authority, next]) expect(verifySvid((await ca.issue(id)).chain, both).ok).toBe(true);
    expect(verifySvid((await next.issue(id)).chain, { ...options, roots: [] })).toMatchObject({
      reason: 'unknown-authority',
    });
  });
});

test('certificates mutated at random are never accepted with another id, and never throw', async () => {
  const { chain } = await (await authority.intermediate('Fuzzed')).issue(id);
  const [leaf, issuer] = chain as [Buffer, Buffer];
  const edit = fc.tuple(fc.nat(leaf.length - 1), fc.integer({ min: 0, max: 255 }));
  fc.assert(
    fc.property(
      fc.array(edit, { minLength: 1, maxLength: 6 }),
      fc.boolean(),
      fc.nat(leaf.length),
      (edits, which, cut) => {
        const mutant = Buffer.from(which ? leaf : issuer);
        for (const [at, value] of edits) mutant[at % mutant.length] = value;
        const short = cut % 7 === 0 ? mutant.subarray(0, cut) : mutant;
        const result = verifySvid(which ? [short, issuer] : [leaf, short], options);
        if (result.ok) expect(result.id).toBe(id);
      },
    ),
    { numRuns: 2000 },
  );
});

test('DER is written as it is read, and non-minimal or indefinite lengths are not read', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70_000 }), (bytes) => {
      const content = Buffer.from(bytes);
      expect(readDer(writeDer(0x04, content), 0x04)?.content.equals(content)).toBe(true);
    }),
    { numRuns: 50 },
  );
  for (const hex of ['048100', '04810100', '0482000100', '0480000000', '1f0100', '0401', '04', '', '04010000'])
    expect(readDer(Buffer.from(hex, 'hex'))).toBeUndefined();
});

test('openssl makes an SVID that is accepted, and its P-192 certificate is refused', ({ skip }) => {
  let folder: string;
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'heddle-certs-'));
  try {
    try {
      openssl('version');
    } catch {
      skip('openssl is not installed');
    }
    fs.writeFileSync(
      path.join(folder, 'leaf.cnf'),
      `basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=URI:${id}\n`,
    );
    const key = (curve: string, file: string) => openssl('ecparam', '-name', curve, '-genkey', '-noout', '-out', file);
    key('prime256v1', 'ca.key');
    openssl('req', '-x509', '-new', '-key', 'ca.key', '-subj', '/CN=ossl', '-days', '2', '-out', 'ca.pem');
    const issue = (curve: string): Buffer => {
      key(curve, 'leaf.key');
      openssl('req', '-new', '-key', 'leaf.key', '-subj', '/CN=leaf', '-out', 'leaf.csr');
      const ca = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'];
      openssl(
        'x509',
        '-req',
        '-in',
        'leaf.csr',
        ...ca,
        '-days',
        '1',
        '-extfile',
        'leaf.cnf',
        '-outform',
        'DER',
        '-out',
        'leaf.der',
      );
      return fs.readFileSync(path.join(folder, 'leaf.der'));
    };
    const roots = [
      new (authority.root.constructor as typeof import('node:crypto').X509Certificate)(
        fs.readFileSync(path.join(folder, 'ca.pem')),
      ),
    ];
    expect(verifySvid([issue('prime256v1')], { ...options, roots })).toMatchObject({ ok: true, id });
    expect(verifySvid([issue('prime192v1')], { ...options, roots })).toMatchObject({ reason: 'weak-key' });
    expect(createPublicKey(fs.readFileSync(path.join(folder, 'ca.key'))).asymmetricKeyType).toBe('ec');
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
});
