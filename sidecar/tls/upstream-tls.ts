import type { Socket } from 'node:net';
import tls, { type ConnectionOptions, type TLSSocket } from 'node:tls';
import type { UpstreamTlsConfig } from '../cluster/cluster-config.ts';
import { lowWatermark } from '../net/transport.ts';
import { verifyOutsideServer } from './outside-server.ts';
import { type PeerIdentity, verifyPeer } from './peer-identity.ts';
import type { SecureContexts } from './secure-contexts.ts';

/**
 * Begins TLS as the client, offering the protocols `alpn`, on a TCP socket that is connected or connecting; `undefined` while the secrets for it
 * are missing. The caller waits for `secureConnect` and must then ask {@link verifyUpstream}: OpenSSL's own verdict
 * does not end the connection.
 */
export function startUpstreamTls(
  socket: Socket,
  config: UpstreamTlsConfig,
  contexts: SecureContexts,
  alpn: readonly string[],
): TLSSocket | undefined {
  const secureContext = contexts.forClient(config);
  if (secureContext === undefined) return undefined;
  const options: ConnectionOptions & { highWaterMark: number } = {
    socket,
    secureContext,
    // Judged in verifyUpstream, by SPIFFE id or by the names that are expected.
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
    highWaterMark: lowWatermark,
    ...(alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] }),
    ...(config.sni === '' ? {} : { servername: config.sni }),
  };
  return tls.connect(options);
}

/** Whether the server is one of those expected; an empty list of expected ids, or of names, refuses everyone. */
export function verifyUpstream(
  socket: TLSSocket,
  config: UpstreamTlsConfig,
  contexts: SecureContexts,
  now: number,
): PeerIdentity {
  if (config.serverNames !== undefined) return verifyOutsideServer(socket, config.serverNames);
  const trust = contexts.trust(config.validationSecret);
  if (trust === undefined) {
    return { ok: false, reason: 'tls.no-trust', detail: `the secret ${config.validationSecret} is not there` };
  }
  return verifyPeer(socket, trust, config.expectedIds, now);
}
