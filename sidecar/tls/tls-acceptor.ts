import type { Socket } from 'node:net';
import tls, { type SecureContext, type TLSSocket, type TlsOptions } from 'node:tls';
import type { DownstreamTlsConfig } from '../net/listener-config.ts';
import { socketBelow } from '../net/reset-socket.ts';
import { lowWatermark } from '../net/transport.ts';
import { verifyPeer } from './peer-identity.ts';
import type { SecureContexts } from './secure-contexts.ts';
import { selectAlpn } from './select-alpn.ts';

/** A handshake that takes longer is given up (security.md L-16). Milliseconds. */
export const handshakeTimeoutMs = 5_000;

/** Receives the outcome of a handshake; one of the two is called, once, unless the client goes away first. */
export interface HandshakeReceiver {
  /** The handshake is over and the peer is who it must be; `peer` is its SPIFFE id, or empty. */
  onAccepted(socket: TLSSocket, peer: string): void;
  /** The connection is closed. */
  onRefused(reason: string, detail: string): void;
}

/**
 * The server side of TLS for one filter chain. A peer is verified after the handshake and before a byte of its data is
 * read: `requestCert` asks for the certificate, our own verifier judges it and can say why it was refused.
 */
export class TlsAcceptor {
  readonly #settings: DownstreamTlsConfig;
  readonly #contexts: SecureContexts;
  readonly #wallTime: () => number;
  readonly #server: tls.Server;
  /** By the socket below TLS. */
  readonly #receivers = new WeakMap<Socket, HandshakeReceiver>();
  #ready = false;

  constructor(settings: DownstreamTlsConfig, contexts: SecureContexts, wallTime: () => number) {
    this.#settings = settings;
    this.#contexts = contexts;
    this.#wallTime = wallTime;
    const options: TlsOptions & { highWaterMark: number } = {
      requestCert: settings.validationSecret !== undefined,
      rejectUnauthorized: false,
      handshakeTimeout: handshakeTimeoutMs,
      highWaterMark: lowWatermark,
      SNICallback: (serverName, done) => done(null, this.#contextFor(serverName)),
      ALPNCallback: ({ protocols }) => selectAlpn(settings.alpnProtocols ?? [], protocols),
    };
    this.#server = tls.createServer(options);
    this.#server.on('secureConnection', (socket) => this.#onSecure(socket));
    this.#server.on('tlsClientError', (error, socket) => this.#onError(error, socket));
    this.refresh();
  }

  /** A secret has changed: handshakes from now on use the new one. */
  refresh(): void {
    const options = this.#contexts.serverOptions(this.#settings);
    this.#ready = options !== undefined;
    if (options === undefined) return;
    try {
      this.#server.setSecureContext(options);
    } catch {
      this.#ready = false;
    }
  }

  accept(socket: Socket, receiver: HandshakeReceiver): void {
    if (!this.#ready) {
      const { certificateSecret } = this.#settings;
      this.#refuse(
        'tls.no-secret',
        `the certificate ${certificateSecret} or its roots are not there yet`,
        socket,
        receiver,
      );
      return;
    }
    this.#receivers.set(socket, receiver);
    // Who ends a connection in the handshake is gone; TLS takes this over from the socket below.
    socket.allowHalfOpen = false;
    this.#server.emit('connection', socket);
  }

  /** The certificate for the name, where there are several; `undefined` for the default. Never throws. */
  #contextFor(serverName: string): SecureContext | undefined {
    return this.#contexts.forServerName(this.#settings, serverName.toLowerCase());
  }

  #onSecure(socket: TLSSocket): void {
    const receiver = this.#receiverOf(socket);
    if (receiver === undefined) {
      socket.destroy();
      return;
    }
    socket.allowHalfOpen = true;
    const { validationSecret, requireClientCertificate, allowedIds } = this.#settings;
    if (validationSecret === undefined) {
      receiver.onAccepted(socket, '');
      return;
    }
    const trust = this.#contexts.trust(validationSecret);
    if (trust === undefined) {
      this.#refuse('tls.no-trust', `the roots ${validationSecret} are not there`, socket, receiver);
      return;
    }
    const allowed = allowedIds.length === 0 ? undefined : allowedIds;
    const peer = verifyPeer(socket, trust, allowed, this.#wallTime());
    if (peer.ok) receiver.onAccepted(socket, peer.id);
    else if (peer.reason === 'tls.no-certificate' && !requireClientCertificate) receiver.onAccepted(socket, '');
    else this.#refuse(peer.reason, peer.detail, socket, receiver);
  }

  #onError(error: Error, socket: TLSSocket): void {
    const { code = '' } = error as NodeJS.ErrnoException;
    const reason =
      code === 'ERR_TLS_HANDSHAKE_TIMEOUT'
        ? 'tls.handshake-timeout'
        : code === 'ECONNRESET'
          ? 'tls.handshake-aborted'
          : code === 'ERR_SSL_NO_APPLICATION_PROTOCOL'
            ? 'tls.no-application-protocol'
            : 'tls.handshake-failed';
    this.#refuse(reason, code === '' ? error.message : code, socket, this.#receiverOf(socket));
  }

  #receiverOf(socket: TLSSocket): HandshakeReceiver | undefined {
    const below = socketBelow(socket);
    const receiver = below && this.#receivers.get(below);
    if (below !== undefined) this.#receivers.delete(below);
    return receiver;
  }

  #refuse(reason: string, detail: string, socket: Socket, receiver: HandshakeReceiver | undefined): void {
    socket.on('error', () => {});
    receiver?.onRefused(reason, detail);
    socket.destroy();
  }
}
