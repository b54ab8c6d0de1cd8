import net, { type Server, type Socket } from 'node:net';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { TimerWheel } from '../../lib/timer-wheel.ts';
import type { Observer } from '../observe/observer.ts';
import { type OverloadState, refusesConnection } from '../overload/overload-state.ts';
import type { DownstreamFacts } from '../stream/stream-scope.ts';
import type { HandshakeSlots } from '../tls/handshake-slots.ts';
import type { SecureContexts } from '../tls/secure-contexts.ts';
import { TlsAcceptor } from '../tls/tls-acceptor.ts';
import { acceptSockets } from './accept-sockets.ts';
import type { Chain, OpenConnection, TentativeConnection } from './chain.ts';
import { ChainMatch, type ConnectionEnd, type ConnectionTraits, hasPassthrough } from './chain-match.ts';
import { alertRecord, type ClientHello } from './client-hello.ts';
import type { ConnectionLimits } from './connection-limits.ts';
import type { Detected, Inspection } from './first-bytes.ts';
import { IpRanges } from './ip-range.ts';
import type { DownstreamTlsConfig, ListenerConfig } from './listener-config.ts';
import { ListenerGate } from './listener-gate.ts';
import { Newcomer, type NewcomerEvents } from './newcomer.ts';
import type { ReadSink } from './read-sink.ts';
import { lowWatermark } from './transport.ts';

const unrecognizedName = 112;

export interface ListenerDependencies {
  readonly contexts: SecureContexts;
  readonly observer: Observer;
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly log: Log;
  /** Shared by all listeners of a proxy. */
  readonly limits: ConnectionLimits;
  readonly handshakes: HandshakeSlots;
  readonly overload: OverloadState;
  /** Other processes bind the port too, and the kernel spreads connections over them. */
  readonly reusePort: boolean;
}

/** What was found out about connections before their chain is chosen. */
interface Plan {
  readonly inspection: Inspection;
  readonly proxyTrusted: IpRanges | undefined;
  /** Connections go to their chain as they are accepted. */
  readonly immediate: boolean;
}

/** A bound port: accepts connections, finds the chain of each, does TLS where the chain has it, and hands them over. */
export class Listener implements NewcomerEvents {
  #config: ListenerConfig;
  #chains: readonly Chain[];
  #match: ChainMatch;
  #plan: Plan;
  /** By the settings of the chains. */
  #acceptors = new Map<DownstreamTlsConfig, TlsAcceptor>();
  readonly #deps: ListenerDependencies;
  readonly #server: Server;
  readonly #gate: ListenerGate;
  /** By the socket that the chain was given: over TLS, one that stands on an accepted one. */
  readonly #served = new Map<Socket, { chain: Chain; connection: OpenConnection }>();
  readonly #tentative = new Map<Newcomer, { chain: Chain; connection: TentativeConnection }>();
  #draining = false;

  /** The last of `chains` is the default one where the configuration has it. */
  constructor(config: ListenerConfig, chains: readonly Chain[], deps: ListenerDependencies) {
    this.#config = config;
    this.#chains = chains;
    this.#deps = deps;
    this.#match = matchOf(config, chains);
    this.#plan = planOf(config, chains);
    this.#gate = new ListenerGate(config, deps.limits, deps.observer);
    const options: net.ServerOpts & { highWaterMark: number } = {
      allowHalfOpen: true,
      noDelay: true,
      highWaterMark: lowWatermark,
    };
    this.#server = net.createServer(options);
  }

  get config(): ListenerConfig {
    return this.#config;
  }

  get chains(): readonly Chain[] {
    return this.#chains;
  }

  get connections(): number {
    return this.#gate.size;
  }

  /** The port in use; 0 before {@link listen}. */
  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** Rejects when the port cannot be bound. Resolves with the port in use. */
  listen(): Promise<number> {
    const { address, port, name, backlog = 1_024 } = this.#config;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host: address, port, backlog, reusePort: this.#deps.reusePort }, () => {
        this.#server.removeListener('error', reject);
        acceptSockets(this.#server, lowWatermark, (socket, sink) => this.#onConnection(socket, sink));
        // Such as EMFILE, for each connection of a flood: counted, and logged now and then. Accepting goes on.
        this.#server.on('error', (error: NodeJS.ErrnoException) =>
          this.#deps.observer.onRefused(name, 'listener.accept-failed', error.code ?? error.message, ''),
        );
        resolve(this.port);
      });
    });
  }

  /** Serves new connections by `chains`; those of chains that are no longer there finish what runs. */
  update(config: ListenerConfig, chains: readonly Chain[]): void {
    this.#config = config;
    this.#chains = chains;
    this.#match = matchOf(config, chains);
    this.#plan = planOf(config, chains);
    this.#acceptors = new Map();
    this.#gate.update(config);
    for (const { chain, connection } of [...this.#served.values()]) if (!chains.includes(chain)) connection.drain();
  }

  /** Its connections at work. */
  open(): OpenConnection[] {
    return [...this.#served.values()].map(({ connection }) => connection);
  }

  /** A secret has changed. */
  refreshSecrets(): void {
    for (const acceptor of this.#acceptors.values()) acceptor.refresh();
  }

  /** Frees the port at once and lets what runs finish; see {@link empty}. */
  drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    this.#server.close();
    for (const { connection } of [...this.#served.values()]) connection.drain();
    // Who is in a handshake is turned away at its end; who has not begun one need not be waited for.
    for (const socket of this.#gate.sockets) if (socket.bytesRead === 0 && !this.#served.has(socket)) socket.destroy();
  }

  /** Closes everything at once. */
  destroy(): void {
    this.drain();
    for (const { connection } of [...this.#served.values()]) connection.destroy();
    for (const socket of this.#gate.sockets) socket.destroy();
  }

  /** Resolves when there is no connection. */
  empty(): Promise<void> {
    return this.#gate.empty();
  }

  onAddressed(newcomer: Newcomer): boolean {
    const { socket, source } = newcomer;
    const refusal = this.#gate.admitClient(socket, source.address);
    if (refusal !== undefined) {
      this.#refused('listener.too-many-connections-of-client', refusal, newcomer);
      socket.destroy();
      return false;
    }
    if (this.#plan.immediate) newcomer.settle();
    else this.#beginTentatively(newcomer);
    return !socket.destroyed;
  }

  onDetected(newcomer: Newcomer, detected: Detected | undefined, hello: ClientHello | undefined): void {
    const { name } = this.#config;
    const { inspection } = this.#plan;
    if (inspection.http || inspection.tls) this.#deps.observer.onDetected(name, detected ?? 'server-first');
    const isTls = detected === 'tls';
    const traits: ConnectionTraits = {
      transport: isTls ? 'tls' : 'raw_buffer',
      serverName: hello?.serverName,
      applicationProtocols: hello?.alpnProtocols ?? (detected === undefined || detected === 'other' ? [] : [detected]),
      source: newcomer.source,
      destination: newcomer.destination,
    };
    const chain = this.#match.find(traits);
    const tentative = this.#tentative.get(newcomer);
    this.#tentative.delete(newcomer);
    if (tentative !== undefined && tentative.chain === chain && !this.#draining) {
      this.#keep(newcomer.socket, chain, tentative.connection);
      tentative.connection.commit();
      return;
    }
    tentative?.connection.abandon();
    if (chain === undefined) this.#refuseUnmatched(newcomer, isTls, traits.serverName);
    else if (chain.config.tls !== undefined) this.#handshake(newcomer, chain, chain.config.tls, traits);
    else this.#serve(chain, newcomer.socket, factsOf(newcomer, '', false), newcomer.sink);
  }

  onTimeout(newcomer: Newcomer, received: boolean): void {
    if (this.#tentative.has(newcomer)) {
      // Neither HTTP nor TLS takes so long for its first words.
      newcomer.settle();
      return;
    }
    const detail = received ? 'the client did not finish its first words' : 'the client sent nothing';
    this.#refused('tls.handshake-timeout', detail, newcomer);
    newcomer.socket.destroy();
  }

  onInvalid(newcomer: Newcomer, reason: string, detail: string, alert: number | undefined): void {
    this.#tentative.get(newcomer)?.connection.abandon();
    this.#tentative.delete(newcomer);
    this.#refused(reason, detail, newcomer);
    if (alert === undefined) newcomer.socket.destroy();
    else newcomer.socket.end(alertRecord(alert), () => newcomer.socket.destroy());
  }

  #onConnection(socket: Socket, sink: ReadSink): void {
    // A peer may reset at any time, also before anyone else listens.
    socket.on('error', () => {});
    const { remoteAddress = '', remotePort = 0, localAddress = '', localPort = 0 } = socket;
    const source = { address: remoteAddress, port: remotePort };
    const destination = { address: localAddress, port: localPort };
    if (this.#draining || remoteAddress === '' || refusesConnection(this.#deps.overload)) {
      socket.destroy();
      return;
    }
    const refusal = this.#gate.admit(socket);
    if (refusal !== undefined) {
      this.#refused('listener.too-many-connections', refusal, { source });
      socket.destroy();
      return;
    }
    const { inspection, immediate } = this.#plan;
    let { proxyHeader } = this.#config;
    if (proxyHeader !== undefined && this.#plan.proxyTrusted?.includes(remoteAddress) === false) {
      if (!proxyHeader.allowWithout) {
        this.#refused('proxy-protocol.untrusted', 'the peer may not write a PROXY header', { source });
        socket.destroy();
        return;
      }
      proxyHeader = undefined;
    }
    const newcomer = new Newcomer(
      socket,
      sink,
      { source, destination },
      { inspection, proxyHeader },
      this,
      this.#deps.wheel,
    );
    if (immediate && proxyHeader === undefined) this.onAddressed(newcomer);
    else newcomer.start();
  }

  /** The upstream of a chain for bytes may speak before the client does, so it is connected to while one waits for it. */
  #beginTentatively(newcomer: Newcomer): void {
    const { source, destination, socket, sink } = newcomer;
    const chain = this.#match.find({
      transport: 'raw_buffer',
      serverName: undefined,
      applicationProtocols: [],
      source,
      destination,
    });
    if (chain?.serveTentatively === undefined || this.#isFull(chain)) return;
    const facts = factsOf(newcomer, '', false);
    const connection = chain.serveTentatively(socket, facts, sink, () => newcomer.settle());
    this.#tentative.set(newcomer, { chain, connection });
    socket.once('close', () => this.#tentative.get(newcomer)?.connection.abandon());
    socket.once('close', () => this.#tentative.delete(newcomer));
    newcomer.waitPatiently();
  }

  #handshake(newcomer: Newcomer, chain: Chain, settings: DownstreamTlsConfig, traits: ConnectionTraits): void {
    const { handshakes, contexts, clock } = this.#deps;
    const { socket, sink } = newcomer;
    let acceptor = this.#acceptors.get(settings);
    if (acceptor === undefined) {
      acceptor = new TlsAcceptor(settings, contexts, () => clock.wallTime());
      this.#acceptors.set(settings, acceptor);
    }
    const chosen = acceptor;
    socket.pause();
    const entered = handshakes.enter(
      (place) => {
        // TLS takes what was read from the stream, and the rest from the socket itself.
        socket.unshift(Buffer.concat(newcomer.chunks));
        sink.detach();
        chosen.accept(socket, {
          onAccepted: (secure, peer) => {
            place.leave();
            const facts = { ...factsOf(newcomer, peer, true), ...this.#authorityRule(chain, traits) };
            this.#serve(chain, secure, facts, undefined);
          },
          onRefused: (reason, detail) => {
            place.leave();
            this.#refused(reason, detail, newcomer);
          },
        });
      },
      () => {
        this.#refused('tls.too-many-handshakes', 'no handshake could begin within 1 s', newcomer);
        socket.destroy();
      },
    );
    socket.once('close', () => entered.leave());
  }

  /** At the edge, a host that another chain serves is not served on a connection to this one (security.md TLS-23). */
  #authorityRule(chain: Chain, traits: ConnectionTraits): Pick<DownstreamFacts, 'servesHost'> {
    const several = this.#chains.length > 1 && this.#config.direction === 'gateway';
    if (!several || chain.config.protocol.kind !== 'http') return {};
    let lastHost = traits.serverName;
    let lastAnswer = true;
    return {
      servesHost: (host) => {
        if (host === lastHost) return lastAnswer;
        lastHost = host;
        const other = this.#match.find({ ...traits, serverName: host });
        lastAnswer = other === undefined || other === chain;
        return lastAnswer;
      },
    };
  }

  #serve(chain: Chain, socket: Socket, facts: DownstreamFacts, sink: ReadSink | undefined): void {
    if (this.#draining) {
      socket.destroy();
    } else if (this.#isFull(chain)) {
      this.#deps.observer.onRefused(
        this.#config.name,
        'connection-limit.reached',
        `${chain.connections} connections of the chain ${chain.config.name} are open`,
        facts.address,
      );
      socket.destroy();
    } else {
      this.#keep(socket, chain, chain.serve(socket, facts, sink));
    }
  }

  #keep(socket: Socket, chain: Chain, connection: OpenConnection): void {
    chain.connections++;
    this.#served.set(socket, { chain, connection });
    socket.once('close', () => {
      chain.connections--;
      this.#served.delete(socket);
    });
  }

  #isFull({ config, connections }: Chain): boolean {
    return config.maxConnections !== undefined && connections >= config.maxConnections;
  }

  #refuseUnmatched(newcomer: Newcomer, isTls: boolean, serverName: string | undefined): void {
    const { socket } = newcomer;
    if (this.#draining) {
      socket.destroy();
    } else if (isTls) {
      this.#refused('tls.unknown-server-name', `no chain serves ${serverName ?? 'a client without a name'}`, newcomer);
      socket.end(alertRecord(unrecognizedName), () => socket.destroy());
    } else {
      const [reason, detail] = this.#chains.some(({ config }) => config.tls !== undefined)
        ? ['tls.plaintext', 'plaintext on a port that takes TLS only']
        : ['listener.no-chain', 'no filter chain fits the connection'];
      this.#refused(reason, detail, newcomer);
      socket.destroy();
    }
  }

  #refused(reason: string, detail: string, { source }: { source: ConnectionEnd }): void {
    this.#deps.observer.onRefused(this.#config.name, reason, detail, addressOf(source));
  }
}

function matchOf(config: ListenerConfig, chains: readonly Chain[]): ChainMatch {
  return config.defaultChain === undefined
    ? new ChainMatch(chains)
    : new ChainMatch(chains.slice(0, -1), chains.at(-1));
}

function planOf({ inspect, proxyHeader }: ListenerConfig, chains: readonly Chain[]): Plan {
  const configs = chains.map(({ config }) => config);
  const tls = inspect?.tls === true || configs.some((config) => config.tls !== undefined) || hasPassthrough(configs);
  const http = inspect?.http === true;
  return {
    inspection: { tls, http },
    proxyTrusted:
      proxyHeader === undefined || proxyHeader.trusted.length === 0 ? undefined : new IpRanges(proxyHeader.trusted),
    immediate: !tls && !http,
  };
}

function factsOf({ source, destination }: Newcomer, peer: string, tls: boolean): DownstreamFacts {
  return { address: addressOf(source), peer, tls, source, destination };
}

function addressOf({ address, port }: ConnectionEnd): string {
  return `${address}:${port}`;
}
