import { createHash } from 'node:crypto';

/** SHA-256 of a certificate's DER in lower-case hex: how logs and the admin port name a certificate. */
export function fingerprint(der: Uint8Array): string {
  return createHash('sha256').update(der).digest('hex');
}
