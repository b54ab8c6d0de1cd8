import type { DetailedPeerCertificate, PeerCertificate, TLSSocket } from 'node:tls';
import { maxChainLength, type Verified, type VerifyOptions, verifySvid } from './verify.ts';

/**
 * Verifies the certificate that a peer proved in a finished handshake as an X.509-SVID (see {@link verifySvid}). The
 * socket's context must trust the same roots and no others.
 *
 * On the server's side Node knows the leaf alone, not the intermediates that came with it. OpenSSL has seen them, so
 * there its path stands in for ours; the rules for the leaf are ours in any case.
 */
export function verifyPeerSvid(socket: TLSSocket, options: VerifyOptions): Verified {
  return verifySvid(chainOf(socket.getPeerCertificate(true)), { ...options, pathProven: socket.authorized });
}

/**
 * A peer's chain as DER, leaf first; empty without a certificate. One more than a verifier allows, so that it can
 * refuse a chain that is too long. OpenSSL may have added the root to what the peer sent; that does no harm.
 */
export function chainOf(leaf: PeerCertificate | DetailedPeerCertificate): Buffer[] {
  const chain: Buffer[] = [];
  let current: PeerCertificate | undefined = leaf;
  while (current?.raw !== undefined && chain.length <= maxChainLength) {
    chain.push(current.raw);
    const issuer: PeerCertificate | undefined = (current as Partial<DetailedPeerCertificate>).issuerCertificate;
    current = issuer === current ? undefined : issuer;
  }
  return chain;
}
