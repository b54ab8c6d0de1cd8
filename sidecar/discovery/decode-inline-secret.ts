import { createHash } from 'node:crypto';
import type { TlsCertificate } from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/common.ts';
import { readCertificate } from './decode-secret.ts';
import type { Reader } from './reader.ts';

/** Begins the names of secrets that came inside another resource. */
export const inlinePrefix = 'inline/';

/**
 * Reads a certificate written into a TLS context, and makes a secret of it that the context can name like one that came
 * by SDS. Its name tells its content: a changed certificate is another secret, and the context changes with it.
 */
export function inlineCertificate(reader: Reader, path: string, message: TlsCertificate): string {
  const secret = readCertificate(reader, path, '', message);
  const name = nameOf(secret.chainPem, secret.privateKeyPem);
  reader.findings.secrets.push({ ...secret, name });
  return name;
}

function nameOf(...contents: readonly string[]): string {
  return `${inlinePrefix}${createHash('sha256').update(contents.join('\0')).digest('hex').slice(0, 32)}`;
}
