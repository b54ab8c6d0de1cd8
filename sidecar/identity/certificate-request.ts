import { generateKeyPair, type KeyObject, X509Certificate } from 'node:crypto';
import { promisify } from 'node:util';
import { createCsr } from '../../certs/csr.ts';
import { accepted, type Checked, refused } from '../../certs/result.ts';
import { parseSpiffeId } from '../../certs/spiffe-id.ts';
import { derToPem, formatTrustBundle, parseTrustBundle } from '../../certs/trust-bundle.ts';
import { verifySvid } from '../../certs/verify.ts';
import type { SignResponse } from '../../proto/gen/heddle/ca/v1/ca.ts';

/** What a proxy is: its certificate and key, and whom it trusts. All PEM. */
export interface Identity {
  spiffeId: string;
  trustDomain: string;
  namespace: string;
  serviceAccount: string;
  chainPem: string;
  privateKeyPem: string;
  rootsPem: string;
  /** Milliseconds since the epoch. */
  notBefore: number;
  notAfter: number;
}

/** A fresh ECDSA P-256 key and the request that asks for its certificate. */
export async function makeRequest(): Promise<{ privateKey: KeyObject; csr: Buffer }> {
  const { privateKey } = await promisify(generateKeyPair)('ec', { namedCurve: 'prime256v1' });
  return { privateKey, csr: createCsr(privateKey) };
}

/** Checks the CA's answer before it is used: our key, a sound SVID, the promised id, and roots that vouch for it. */
export function readSignResponse(response: SignResponse, privateKey: KeyObject, now: number): Checked<Identity> {
  const roots = parseTrustBundle(response.trustBundleDer.map(derToPem).join(''));
  if (!roots.ok) return refused('bad-answer', `trust bundle: ${roots.detail}`);
  const id = parseSpiffeId(response.spiffeId);
  if (!id.ok) return refused('bad-answer', `id "${response.spiffeId}": ${id.detail}`);
  const { trustDomain, namespace, serviceAccount } = id.value;
  const chain = response.certificateChainDer;
  const verified = verifySvid(chain, { roots: roots.value, trustDomain, now, allowedIds: [response.spiffeId] });
  if (!verified.ok) return refused('bad-answer', `certificate: ${verified.reason}: ${verified.detail}`);
  const leaf = new X509Certificate(chain[0] as Buffer);
  if (!leaf.checkPrivateKey(privateKey)) return refused('bad-answer', 'the certificate is for another key');
  if (namespace === undefined || serviceAccount === undefined) {
    return refused('bad-answer', `${response.spiffeId} names no service account`);
  }
  return accepted({
    spiffeId: verified.id,
    trustDomain,
    namespace,
    serviceAccount,
    chainPem: chain.map(derToPem).join(''),
    privateKeyPem: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    rootsPem: formatTrustBundle(roots.value),
    notBefore: leaf.validFromDate.getTime(),
    notAfter: verified.notAfter,
  });
}
