import type { TLSSocket } from 'node:tls';
import { verifyPeerSvid } from '../../certs/peer-chain.ts';
import type { VerifyReason } from '../../certs/verify.ts';
import type { Trust } from './secure-contexts.ts';

/** Who the other side of a TLS connection is; `reason` starts with `tls.` and names the metric. */
export type PeerIdentity = { ok: true; id: string } | { ok: false; reason: string; detail: string };

/** The names that people look for; other reasons keep the verifier's word. */
const reasons: Partial<Record<VerifyReason, string>> = {
  'no-certificate': 'tls.no-certificate',
  'unknown-authority': 'tls.wrong-ca',
  'unexpected-id': 'tls.wrong-identity',
};

/** OpenSSL allows no clock skew; the times of the certificate are judged by our own verifier alone. */
const judgedByUs: ReadonlySet<string> = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID']);

/**
 * Verifies the certificate that the peer proved in a finished handshake, as an X.509-SVID and from DER, with no
 * fallback to host names. The SPIFFE rules go beyond OpenSSL's, so both must agree. `allowedIds` as for `verifySvid`.
 */
export function verifyPeer(
  socket: TLSSocket,
  trust: Trust,
  allowedIds: readonly string[] | undefined,
  now: number,
): PeerIdentity {
  const verified = verifyPeerSvid(socket, {
    roots: trust.roots,
    trustDomain: trust.trustDomain,
    now,
    ...(allowedIds === undefined ? {} : { allowedIds }),
  });
  if (!verified.ok) {
    return { ok: false, reason: reasons[verified.reason] ?? `tls.${verified.reason}`, detail: verified.detail };
  }
  const openssl = socket.authorizationError as unknown as string | undefined | null;
  if (!socket.authorized && !judgedByUs.has(String(openssl))) {
    return { ok: false, reason: 'tls.wrong-ca', detail: `OpenSSL refuses the chain: ${openssl}` };
  }
  return { ok: true, id: verified.id };
}
