import net, { type Server, type Socket } from 'node:net';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { TimerWheel } from '../../lib/timer-wheel.ts';
import type { Observer } from '../observe/observer.ts';
import type { SecureContexts } from '../tls/secure-contexts.ts';
import { TlsAcceptor } from '../tls/tls-acceptor.ts';
import { adoptSocket } from './adopt-socket.ts';
import { type Chain, type OpenConnection, selectChain } from './chain.ts';
import type { DownstreamTlsConfig, ListenerConfig } from './listener-config.ts';
import { ReadSink } from './read-sink.ts';
import { lowWatermark } from './transport.ts';

/** Open connections of one listener (security.md L-17). */
const maxConnections = 10_000;
/** Time for the first byte of a connection whose kind must be told by it (security.md L-16). Milliseconds. */
const firstByteTimeoutMs = 5_000;
/** First byte of a TLS record that holds a ClientHello. */
const tlsHandshakeByte = 0x16;

export interface ListenerDependencies {
  readonly contexts: SecureContexts;
  readonly observer: Observer;
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly log: Log;
}

/** A bound port: accepts connections, finds the chain of each, does TLS where the chain has it, and hands them over. */
export class Listener {
  #config: ListenerConfig;
  #chains: readonly Chain[];
  #acceptor: TlsAcceptor | undefined;
  readonly #deps: ListenerDependencies;
  readonly #server: Server;
  readonly #accepted = new Set<Socket>();
  /** By the socket that the chain was given: over TLS, one that stands on an accepted one. */
  readonly #served = new Map<Socket, { chain: Chain; connection: OpenConnection }>();
  #draining = false;
  #onEmpty: (() => void)[] = [];

  constructor(config: ListenerConfig, chains: readonly Chain[], deps: ListenerDependencies) {
    this.#config = config;
    this.#chains = chains;
    this.#deps = deps;
    this.#acceptor = this.#createAcceptor();
    const options: net.ServerOpts & { highWaterMark: number } = {
      allowHalfOpen: true,
      noDelay: true,
      highWaterMark: lowWatermark,
    };
    this.#server = net.createServer(options, (socket) => this.#onConnection(socket));
  }

  get config(): ListenerConfig {
    return this.#config;
  }

  get chains(): readonly Chain[] {
    return this.#chains;
  }

  get connections(): number {
    return this.#accepted.size;
  }

  /** The port in use; 0 before {@link listen}. */
  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** Rejects when the port cannot be bound. Resolves with the port in use. */
  listen(): Promise<number> {
    const { address, port, name } = this.#config;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host: address, port, backlog: 1_024 }, () => {
        this.#server.removeListener('error', reject);
        this.#server.on('error', (error) =>
          this.#deps.log.error('accepting failed', { listener: name, error: error.message }),
        );
        resolve(this.port);
      });
    });
  }

  /** Serves new connections by `chains`; those of chains that are no longer there finish what runs. */
  update(config: ListenerConfig, chains: readonly Chain[]): void {
    this.#config = config;
    this.#chains = chains;
    this.#acceptor = this.#createAcceptor();
    for (const { chain, connection } of [...this.#served.values()]) if (!chains.includes(chain)) connection.drain();
  }

  /** A secret has changed. */
  refreshSecrets(): void {
    this.#acceptor?.refresh();
  }

  /** Frees the port at once and lets what runs finish; see {@link empty}. */
  drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    this.#server.close();
    for (const { connection } of [...this.#served.values()]) connection.drain();
    // Who is in a handshake is turned away at its end; who has not begun one need not be waited for.
    for (const socket of this.#accepted) if (socket.bytesRead === 0) socket.destroy();
  }

  /** Closes everything at once. */
  destroy(): void {
    this.drain();
    for (const { connection } of [...this.#served.values()]) connection.destroy();
    for (const socket of this.#accepted) socket.destroy();
  }

  /** Resolves when there is no connection. */
  empty(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#accepted.size === 0) resolve();
      else this.#onEmpty.push(resolve);
    });
  }

  #createAcceptor(): TlsAcceptor | undefined {
    const [first, ...rest] = this.#chains
      .map(({ config }) => config.tls)
      .filter((settings): settings is DownstreamTlsConfig => settings !== undefined);
    if (first === undefined) return undefined;
    return new TlsAcceptor([first, ...rest], this.#deps.contexts, () => this.#deps.clock.wallTime(), {
      settingsFor: (serverName) => selectChain(this.#chains, 'tls', serverName)?.config.tls,
      onAccepted: (socket, serverName, peer) => this.#serve(socket, 'tls', serverName, peer),
      onRefused: (reason, detail, socket) => this.#refused(reason, detail, addressOf(socket)),
    });
  }

  #onConnection(accepted: Socket): void {
    // TLS reads for itself, and a relay passes on what its stream brings.
    const plainHttp =
      this.#acceptor === undefined && this.#chains.every(({ config }) => config.protocol.kind === 'http');
    const sink = plainHttp ? new ReadSink() : undefined;
    const socket = sink === undefined ? accepted : adoptSocket(accepted, sink, lowWatermark);
    // A peer may reset at any time, also before anyone else listens.
    socket.on('error', () => {});
    if (this.#draining || socket.remoteAddress === undefined) {
      socket.destroy();
      return;
    }
    if (this.#accepted.size >= maxConnections) {
      this.#refused('listener.too-many-connections', `${maxConnections} are open`, addressOf(socket));
      socket.destroy();
      return;
    }
    this.#track(socket);
    if (this.#acceptor === undefined) this.#serve(socket, 'raw_buffer', undefined, '', sink);
    else this.#inspect(socket, this.#acceptor);
  }

  #track(socket: Socket): void {
    const { name } = this.#config;
    const { observer } = this.#deps;
    this.#accepted.add(socket);
    observer.onConnectionOpen(name);
    socket.once('close', () => {
      this.#accepted.delete(socket);
      observer.onConnectionClose(name);
      if (this.#accepted.size === 0) for (const resolve of this.#onEmpty.splice(0)) resolve();
    });
  }

  /** Tells TLS from plaintext by the first byte. */
  #inspect(socket: Socket, acceptor: TlsAcceptor): void {
    const timer = this.#deps.wheel.start(firstByteTimeoutMs, () => {
      this.#refused('tls.handshake-timeout', 'the client sent nothing', addressOf(socket));
      socket.destroy();
    });
    socket.once('close', () => timer.stop());
    socket.once('data', (chunk: Buffer) => {
      timer.stop();
      socket.pause();
      socket.unshift(chunk);
      if (chunk[0] === tlsHandshakeByte) acceptor.accept(socket);
      else this.#serve(socket, 'raw_buffer', undefined, '');
    });
  }

  #serve(
    socket: Socket,
    transport: 'tls' | 'raw_buffer',
    serverName: string | undefined,
    peer: string,
    sink?: ReadSink,
  ): void {
    const chain = selectChain(this.#chains, transport, serverName);
    const address = addressOf(socket);
    if (chain === undefined || this.#draining) {
      if (!this.#draining && transport === 'raw_buffer') {
        this.#refused('tls.plaintext', 'plaintext on a port that takes TLS only', address);
      }
      socket.destroy();
      return;
    }
    const facts = { address, peer, tls: transport === 'tls' };
    this.#served.set(socket, { chain, connection: chain.serve(socket, facts, sink) });
    socket.once('close', () => this.#served.delete(socket));
  }

  #refused(reason: string, detail: string, peerAddress: string): void {
    this.#deps.observer.onRefused(this.#config.name, reason, detail, peerAddress);
  }
}

function addressOf(socket: Socket): string {
  return `${socket.remoteAddress ?? ''}:${socket.remotePort ?? 0}`;
}
