import { constants, type X509Certificate } from 'node:crypto';
import tls from 'node:tls';
import { verifyPeerSvid } from '../../certs/peer-chain.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { TimerWheel } from '../../lib/timer-wheel.ts';
import type { ServingCertificate } from '../ca/serving-identity.ts';
import type { Peer, Peers } from './peers.ts';

export interface TlsServerOptions {
  readonly certificate: ServingCertificate;
  readonly roots: readonly X509Certificate[];
  readonly trustDomain: string;
  readonly peers: Peers;
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly log: Log;
  /** Gets each connection after its handshake. */
  onConnection(socket: tls.TLSSocket): void;
}

const handshakeMs = 5_000;
const maxConnections = 10_000;

/**
 * A TLS 1.3 server that asks for a client certificate and takes connections without one: who may do what is decided
 * for each call. A certificate that is sent is verified as an SVID, with our own rules.
 * A connection lives no longer than the certificate that opened it. Sessions are never resumed (security.md L-44).
 */
export function createTlsServer(options: TlsServerOptions): tls.Server {
  const { certificate, roots, log } = options;
  const server = tls.createServer({
    ...contextOptions(certificate, roots),
    requestCert: true,
    rejectUnauthorized: false,
    ALPNProtocols: ['h2'],
    handshakeTimeout: handshakeMs,
  });
  server.maxConnections = maxConnections;
  server.on('secureConnection', (socket) => admit(socket, options));
  server.on('tlsClientError', (error, socket) => {
    log.debug('handshake failed', { peer: addressOf(socket), error: error.message });
  });
  return server;
}

/** Replaces the server's certificate for new connections. */
export function replaceCertificate(
  server: tls.Server,
  certificate: ServingCertificate,
  roots: readonly X509Certificate[],
): void {
  server.setSecureContext(contextOptions(certificate, roots));
}

function contextOptions(certificate: ServingCertificate, roots: readonly X509Certificate[]): tls.SecureContextOptions {
  return {
    ...certificate,
    // These and no others: where Node hides the intermediates, OpenSSL's path to them counts (see verifyPeerSvid).
    ca: roots.map((root) => root.toString()),
    minVersion: 'TLSv1.3',
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
}

function admit(socket: tls.TLSSocket, options: TlsServerOptions): void {
  const { peers, wheel, clock, log } = options;
  const address = addressOf(socket);
  socket.on('error', () => socket.destroy());
  const peer = verifyPeer(socket, options);
  if (peer.kind === 'refused') log.warn('client certificate refused', { peer: address, reason: peer.reason });
  const forget = peers.add(address, peer, () => socket.destroy());
  const expiry =
    peer.kind === 'verified'
      ? wheel.start(Math.max(0, peer.notAfter - clock.wallTime()), () => {
          log.info('connection ended: its certificate expired', { peer: address, spiffeId: peer.id });
          socket.destroy();
        })
      : undefined;
  socket.on('close', () => {
    forget();
    expiry?.stop();
  });
  options.onConnection(socket);
}

function verifyPeer(socket: tls.TLSSocket, { roots, trustDomain, clock }: TlsServerOptions): Peer {
  if (socket.getPeerX509Certificate() === undefined) return { kind: 'anonymous' };
  const verified = verifyPeerSvid(socket, { roots, trustDomain, now: clock.wallTime() });
  if (!verified.ok) return { kind: 'refused', reason: `${verified.reason}: ${verified.detail}` };
  return { kind: 'verified', id: verified.id, notAfter: verified.notAfter };
}

/** As gRPC names the peer of a call. */
function addressOf(socket: tls.TLSSocket): string {
  return `${socket.remoteAddress}:${socket.remotePort}`;
}
