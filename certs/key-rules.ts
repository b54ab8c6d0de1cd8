import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { type DerElement, readChildren, readOid } from './der.ts';
import { accepted, type Checked, refused } from './result.ts';

/** Signature algorithms we accept, by OID. No SHA-1 or MD5, and no PSS, whose parameters may name SHA-1. */
const digests: Readonly<Record<string, { digest: string; key: 'ec' | 'rsa' }>> = {
  '1.2.840.10045.4.3.2': { digest: 'sha256', key: 'ec' },
  '1.2.840.10045.4.3.3': { digest: 'sha384', key: 'ec' },
  '1.2.840.10045.4.3.4': { digest: 'sha512', key: 'ec' },
  '1.2.840.113549.1.1.11': { digest: 'sha256', key: 'rsa' },
  '1.2.840.113549.1.1.12': { digest: 'sha384', key: 'rsa' },
  '1.2.840.113549.1.1.13': { digest: 'sha512', key: 'rsa' },
};

/** The OID of an AlgorithmIdentifier. */
export function readAlgorithm(element: DerElement | undefined): string | undefined {
  return readOid(readChildren(element)?.[0]);
}

/**
 * Imports a SubjectPublicKeyInfo and checks its strength (security.md L-43): ECDSA on P-256 or P-384, RSA of
 * 2,048 to 4,096 bits.
 */
export function importPublicKey(spki: Buffer): Checked<KeyObject, 'malformed' | 'weak-key'> {
  let key: KeyObject;
  try {
    key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  } catch {
    return refused('malformed', 'public key cannot be read');
  }
  const details = key.asymmetricKeyDetails;
  if (key.asymmetricKeyType === 'ec') {
    const curve = details?.namedCurve ?? 'unnamed';
    if (curve === 'prime256v1' || curve === 'secp384r1') return accepted(key);
    return refused('weak-key', `elliptic curve ${curve} is not accepted; use P-256`);
  }
  if (key.asymmetricKeyType === 'rsa') {
    const bits = details?.modulusLength ?? 0;
    if (bits >= 2048 && bits <= 4096) return accepted(key);
    return refused('weak-key', `RSA key of ${bits} bits is not accepted; use 2,048 to 4,096`);
  }
  return refused('weak-key', `key type ${key.asymmetricKeyType ?? 'unknown'} is not accepted; use ECDSA P-256`);
}

/** Checks a signature over DER bytes made by `key` with an accepted algorithm. */
export function checkSignature(
  algorithm: string,
  signed: Buffer,
  signature: Buffer,
  key: KeyObject,
): Checked<true, 'weak-signature' | 'bad-signature'> {
  const known = digests[algorithm];
  if (known === undefined) return refused('weak-signature', `signature algorithm ${algorithm} is not accepted`);
  let valid = false;
  try {
    valid = key.asymmetricKeyType === known.key && verify(known.digest, signed, { key, dsaEncoding: 'der' }, signature);
  } catch {
    valid = false;
  }
  return valid ? accepted(true) : refused('bad-signature', 'signature does not verify');
}

/** Whether a signature algorithm, by OID, is one we accept. */
export function isStrongSignature(algorithm: string): boolean {
  return digests[algorithm] !== undefined;
}
