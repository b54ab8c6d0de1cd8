import type { TLSSocket } from 'node:tls';
import { readAlternativeNames } from '../../certs/alternative-names.ts';
import type { PeerIdentity } from './peer-identity.ts';
import { matchesServerName, type ServerNameMatch } from './server-name-match.ts';

/**
 * Verifies a server outside the mesh in a finished handshake: OpenSSL has built a path to one of the trusted roots, and
 * the certificate has one of the names. Names are read from DER; the common name does not count (RFC 9525).
 */
export function verifyOutsideServer(socket: TLSSocket, names: readonly ServerNameMatch[]): PeerIdentity {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return { ok: false, reason: 'tls.no-certificate', detail: 'it showed no certificate' };
  if (!socket.authorized) {
    const verdict = String(socket.authorizationError);
    const reason = verdict === 'CERT_HAS_EXPIRED' ? 'tls.expired' : 'tls.wrong-ca';
    return { ok: false, reason, detail: `OpenSSL refuses the chain: ${verdict}` };
  }
  const presented = readAlternativeNames(certificate.raw);
  if (matchesServerName(names, presented)) return { ok: true, id: '' };
  const list = presented.slice(0, 5).map(({ type, value }) => (type === 'ip' ? 'an IP address' : value));
  const detail = `the certificate is for ${list.length === 0 ? 'no name' : list.join(', ')}`;
  return { ok: false, reason: 'tls.wrong-name', detail };
}
