import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { metadata, status } from './metadata.ts';
import { dnsSubdomain } from './names.ts';

const base64 = z.string().refine((value) => {
  const digits = value.replace(/\s/g, '');
  return digits.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(digits);
}, 'must be base64; put plain text into stringData');

/** Core `Secret` (v1) with a certificate: `tls.crt` (leaf first) and `tls.key`, both PEM. */
export const secretSchema = z
  .strictObject({
    apiVersion: z.literal('v1'),
    kind: z.literal('Secret'),
    metadata: metadata(dnsSubdomain),
    type: z.literal('kubernetes.io/tls', { error: 'only secrets of type kubernetes.io/tls are used' }),
    immutable: z.boolean().optional(),
    data: z.record(z.string(), base64).optional(),
    stringData: z.record(z.string(), z.string()).optional(),
    status,
  })
  .superRefine((secret, ctx) => {
    for (const { key, message } of keyPairProblems(secret)) {
      const where = secret.stringData?.[key] === undefined && secret.data?.[key] !== undefined ? 'data' : 'stringData';
      const present = secret[where]?.[key] !== undefined;
      ctx.addIssue({ code: 'custom', path: present ? [where, key] : [], message });
    }
  });

export type Secret = z.infer<typeof secretSchema>;

/** Text of an entry; `stringData` wins over `data`, as in Kubernetes. */
export function secretText(secret: Pick<Secret, 'data' | 'stringData'>, key: string): string | undefined {
  const plain = secret.stringData?.[key];
  if (plain !== undefined) return plain;
  const encoded = secret.data?.[key];
  return encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString('utf8');
}

/** Never quotes what it read: a private key must not reach an error message. */
function keyPairProblems(secret: Pick<Secret, 'data' | 'stringData'>): { key: string; message: string }[] {
  const problems: { key: string; message: string }[] = [];
  const [certificateText, keyText] = [secretText(secret, 'tls.crt'), secretText(secret, 'tls.key')];
  let certificate: X509Certificate | undefined;
  let key: KeyObject | undefined;
  if (certificateText === undefined) problems.push({ key: 'tls.crt', message: 'tls.crt is missing' });
  else {
    try {
      certificate = new X509Certificate(certificateText);
    } catch {
      problems.push({ key: 'tls.crt', message: 'tls.crt is not a PEM certificate' });
    }
  }
  if (keyText === undefined) problems.push({ key: 'tls.key', message: 'tls.key is missing' });
  else {
    try {
      key = createPrivateKey(keyText);
    } catch {
      problems.push({ key: 'tls.key', message: 'tls.key is not an unencrypted PEM private key' });
    }
  }
  if (certificate !== undefined && key !== undefined && !certificate.checkPrivateKey(key)) {
    problems.push({ key: 'tls.key', message: 'tls.key does not belong to the certificate in tls.crt' });
  }
  return problems;
}
