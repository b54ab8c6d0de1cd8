import { X509Certificate } from 'node:crypto';
import { parseCertificate } from './certificate.ts';
import { accepted, type Checked, refused } from './result.ts';

const block = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;
const maxBundleBytes = 1_048_576;

/**
 * Reads the roots of one trust domain from PEM. Every block must be a CA certificate with a strong key; the same
 * certificate twice counts once. An empty bundle is refused: to trust nobody must be said in another way.
 */
export function parseTrustBundle(pem: string): Checked<X509Certificate[], 'bad-trust-bundle'> {
  if (pem.length > maxBundleBytes) return refused('bad-trust-bundle', `larger than ${maxBundleBytes} bytes`);
  const roots = new Map<string, X509Certificate>();
  for (const [index, text] of (pem.match(block) ?? []).entries()) {
    const root = readRoot(text);
    if (typeof root === 'string') return refused('bad-trust-bundle', `certificate ${index + 1}: ${root}`);
    roots.set(root.fingerprint256, root);
  }
  if (roots.size === 0) return refused('bad-trust-bundle', 'no certificate in it');
  return accepted([...roots.values()]);
}

/** Writes roots as PEM, one block after the other. */
export function formatTrustBundle(roots: readonly X509Certificate[]): string {
  return roots.map((root) => root.toString()).join('');
}

/** The certificates of a PEM chain as DER, in their order. Other blocks are passed over; nothing is verified. */
export function pemToDer(pem: string): Buffer[] {
  return (pem.match(block) ?? []).map((text) => Buffer.from(text.replace(/-----[^-]+-----/g, ''), 'base64'));
}

/** One DER certificate as a PEM block. */
export function derToPem(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function readRoot(text: string): X509Certificate | string {
  let root: X509Certificate;
  try {
    root = new X509Certificate(text);
  } catch {
    return 'cannot be read';
  }
  const parsed = parseCertificate(root.raw);
  if (!parsed.ok) return parsed.detail;
  return parsed.value.extensions.ca ? root : 'not a CA certificate';
}
