import type { Socket } from 'node:net';
import tls, { type SecureContext, type TLSSocket, type TlsOptions } from 'node:tls';
import type { DownstreamTlsConfig } from '../net/listener-config.ts';
import { lowWatermark } from '../net/transport.ts';
import { verifyPeer } from './peer-identity.ts';
import type { SecureContexts } from './secure-contexts.ts';
import { selectAlpn } from './select-alpn.ts';

/** A handshake that takes longer is given up (security.md L-16). Milliseconds. */
const handshakeTimeoutMs = 5_000;

export interface TlsAcceptorEvents {
  /** The TLS settings of the chain that serves this name; `undefined` refuses it. */
  settingsFor(serverName: string | undefined): DownstreamTlsConfig | undefined;
  /** The handshake is over and the peer is who it must be; `peer` is its SPIFFE id, or empty. */
  onAccepted(socket: TLSSocket, serverName: string | undefined, peer: string): void;
  onRefused(reason: string, detail: string, socket: Socket): void;
}

/**
 * The server side of TLS for one listener. A peer is verified after the handshake and before a byte of its data is
 * read: `requestCert` asks for the certificate, our own verifier judges it and can say why it was refused.
 */
export class TlsAcceptor {
  readonly #contexts: SecureContexts;
  readonly #events: TlsAcceptorEvents;
  readonly #wallTime: () => number;
  readonly #default: DownstreamTlsConfig;
  readonly #server: tls.Server;
  #ready = false;

  /** `settings` are those of all chains; the first serves clients that send no server name. */
  constructor(
    settings: readonly [DownstreamTlsConfig, ...DownstreamTlsConfig[]],
    contexts: SecureContexts,
    wallTime: () => number,
    events: TlsAcceptorEvents,
  ) {
    this.#contexts = contexts;
    this.#wallTime = wallTime;
    this.#events = events;
    this.#default = settings[0];
    const requestCert = settings.some(({ validationSecret }) => validationSecret !== undefined);
    const options: TlsOptions & { highWaterMark: number } = {
      requestCert,
      rejectUnauthorized: false,
      handshakeTimeout: handshakeTimeoutMs,
      allowHalfOpen: true,
      highWaterMark: lowWatermark,
      SNICallback: (serverName, done) => done(...this.#contextFor(serverName)),
      ALPNCallback: ({ servername, protocols }) => this.#selectAlpn(servername, protocols),
    };
    this.#server = tls.createServer(options);
    this.#server.on('secureConnection', (socket) => this.#onSecure(socket));
    this.#server.on('tlsClientError', (error, socket) => this.#onError(error, socket));
    this.refresh();
  }

  /** A secret has changed: handshakes from now on use the new one. */
  refresh(): void {
    const options = this.#contexts.serverOptions(this.#default);
    this.#ready = options !== undefined;
    if (options === undefined) return;
    try {
      this.#server.setSecureContext(options);
    } catch {
      this.#ready = false;
    }
  }

  accept(socket: Socket): void {
    if (this.#ready) {
      this.#server.emit('connection', socket);
      return;
    }
    const detail = `the certificate ${this.#default.certificateSecret} or its roots are not there yet`;
    this.#refuse('tls.no-secret', detail, socket);
  }

  /** Never throws: an error in here would end the process. */
  #contextFor(serverName: string): [Error | null, SecureContext?] {
    const settings = this.#events.settingsFor(serverName.toLowerCase());
    const context = settings && this.#contexts.forServer(settings);
    if (context !== undefined) return [null, context];
    return [Object.assign(new Error('no chain serves this name'), { code: 'ERR_UNKNOWN_SERVER_NAME' })];
  }

  /** Without a server name Node gives `false`, which its types do not tell. */
  #selectAlpn(serverName: unknown, offered: readonly string[]): string | undefined {
    const settings = this.#events.settingsFor(typeof serverName === 'string' ? serverName.toLowerCase() : undefined);
    return selectAlpn(settings?.alpnProtocols ?? [], offered);
  }

  #onSecure(socket: TLSSocket): void {
    const serverName = typeof socket.servername === 'string' ? socket.servername.toLowerCase() : undefined;
    const settings = this.#events.settingsFor(serverName);
    if (settings === undefined) {
      this.#refuse('tls.unknown-server-name', `no chain serves ${serverName ?? 'a client without a name'}`, socket);
      return;
    }
    const { validationSecret, requireClientCertificate, allowedIds } = settings;
    if (validationSecret === undefined) {
      this.#events.onAccepted(socket, serverName, '');
      return;
    }
    const trust = this.#contexts.trust(validationSecret);
    if (trust === undefined) {
      this.#refuse('tls.no-trust', `the roots ${validationSecret} are not there`, socket);
      return;
    }
    const allowed = allowedIds.length === 0 ? undefined : allowedIds;
    const peer = verifyPeer(socket, trust, allowed, this.#wallTime());
    if (peer.ok) this.#events.onAccepted(socket, serverName, peer.id);
    else if (peer.reason === 'tls.no-certificate' && !requireClientCertificate) {
      this.#events.onAccepted(socket, serverName, '');
    } else this.#refuse(peer.reason, peer.detail, socket);
  }

  #onError(error: Error, socket: TLSSocket): void {
    const { code = '' } = error as NodeJS.ErrnoException;
    const reason =
      code === 'ERR_TLS_HANDSHAKE_TIMEOUT'
        ? 'tls.handshake-timeout'
        : code === 'ERR_UNKNOWN_SERVER_NAME'
          ? 'tls.unknown-server-name'
          : code === 'ECONNRESET'
            ? 'tls.handshake-aborted'
            : code === 'ERR_SSL_NO_APPLICATION_PROTOCOL'
              ? 'tls.no-application-protocol'
              : 'tls.handshake-failed';
    this.#refuse(reason, code === '' ? error.message : code, socket);
  }

  #refuse(reason: string, detail: string, socket: Socket): void {
    socket.on('error', () => {});
    this.#events.onRefused(reason, detail, socket);
    socket.destroy();
  }
}
