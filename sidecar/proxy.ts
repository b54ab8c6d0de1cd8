import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Random } from '../lib/random.ts';
import type { TimerWheel } from '../lib/timer-wheel.ts';
import type { ClusterConfig, EndpointConfig, Locality } from './cluster/cluster-config.ts';
import { ClusterManager } from './cluster/cluster-manager.ts';
import type { DialDependencies } from './cluster/dial.ts';
import type { NameResolver } from './cluster/dns/name-resolver.ts';
import { type ComposedFilters, composeFilters } from './compose-filters.ts';
import { describeCluster, describeListener } from './describe-proxy.ts';
import type { Chain } from './net/chain.ts';
import { ConnectionLimits, connectionsByDescriptors } from './net/connection-limits.ts';
import { HttpChain } from './net/http-chain.ts';
import { Listener } from './net/listener.ts';
import type { FilterChainConfig, HttpChainConfig, ListenerConfig, TcpChainConfig } from './net/listener-config.ts';
import { lowWatermark } from './net/transport.ts';
import { TurnClock } from './net/turn-clock.ts';
import { WriteTurn } from './net/write-turn.ts';
import type { Observer } from './observe/observer.ts';
import type { OverloadTarget } from './overload/overload-manager.ts';
import { calmState, type OverloadState } from './overload/overload-state.ts';
import type { ProxyDescription } from './proxy-description.ts';
import { type CompiledRouteTable, compileRouteTable } from './route/compile.ts';
import type { RouteTable } from './route/route-table.ts';
import type { RouteSource, StreamScope } from './stream/stream-scope.ts';
import { defaultUpgrades } from './stream/upgrade-policy.ts';
import { openTunnel } from './tcp/connect-tunnel.ts';
import { TcpChain } from './tcp/tcp-chain.ts';
import type { TcpScope } from './tcp/tcp-scope.ts';
import { HandshakeSlots } from './tls/handshake-slots.ts';
import type { SecretSource } from './tls/secret.ts';
import { SecureContexts } from './tls/secure-contexts.ts';

/** The data path, driven by configuration. Every change takes effect at once and breaks nothing that runs. */
export interface Proxy extends OverloadTarget {
  setCluster(config: ClusterConfig): void;
  /** Resolves when a cluster that looks up host names is ready to serve: with the first answers, or after 5 s without. */
  untilResolved(cluster: string): Promise<void>;
  removeCluster(name: string): void;
  setEndpoints(name: string, endpoints: readonly EndpointConfig[]): void;
  setRouteTable(table: RouteTable): void;
  removeRouteTable(name: string): void;
  /** Binds or replaces; rejects when the port cannot be bound. Resolves with the port in use. */
  setListener(config: ListenerConfig): Promise<number>;
  /** Frees the port; connections finish what runs. */
  removeListener(name: string): Promise<void>;
  describe(): ProxyDescription;
  /** Stops accepting, announces `connection: close`, and waits until idle or for `maxMs`. */
  drain(maxMs: number): Promise<void>;
  /** Ends everything at once. */
  close(): Promise<void>;
}

export interface ProxyDependencies {
  secrets: SecretSource;
  observer: Observer;
  clock: Clock;
  random: Random;
  log: Log;
  wheel: TimerWheel;
  /** Where this proxy stands; without, endpoints of no place are preferred. */
  locality?: Locality;
  /** What to do about overload; without it, nothing ever. */
  overload?: OverloadState;
  /** Value of `server` on responses without one, at the edge. */
  serverName?: string;
  /** Ports are shared with other processes of the same proxy. Default false. */
  reusePort?: boolean;
  /** Connections of clients to all listeners. Default: 40 % of the file descriptors that the process may have. */
  maxConnections?: number;
  /** Looks up host names. Default: one that asks the system's name servers. */
  resolver?: NameResolver;
}

export function createProxy(deps: ProxyDependencies): Proxy {
  return new ConfiguredProxy(deps);
}

/** A route table's place, kept while listeners refer to it, so that a new table reaches them at once. */
interface RoutePlace extends RouteSource {
  table: CompiledRouteTable | undefined;
}

class ConfiguredProxy implements Proxy {
  readonly #deps: ProxyDependencies;
  readonly #clock: TurnClock;
  readonly #turn: WriteTurn;
  readonly #contexts: SecureContexts;
  readonly #limits: ConnectionLimits;
  readonly #handshakes: HandshakeSlots;
  readonly #overload: OverloadState;
  readonly #clusters: ClusterManager;
  readonly #routes = new Map<string, RoutePlace>();
  readonly #listeners = new Map<string, Listener>();
  /** Taken out of service and not yet empty. */
  readonly #leaving = new Set<Listener>();

  readonly #onPeerRefused: DialDependencies['onPeerRefused'];

  constructor(deps: ProxyDependencies) {
    this.#deps = deps;
    this.#overload = deps.overload ?? calmState();
    this.#onPeerRefused = (cluster, reason, detail, address) =>
      deps.observer.onRefused(cluster, reason, detail, address);
    const { random, wheel, observer } = deps;
    const clock = new TurnClock(deps.clock);
    this.#clock = clock;
    this.#turn = new WriteTurn(clock);
    this.#limits = new ConnectionLimits(deps.maxConnections ?? connectionsByDescriptors());
    this.#handshakes = new HandshakeSlots(wheel);
    this.#contexts = new SecureContexts(deps.secrets, () => {
      for (const listener of this.#listeners.values()) listener.refreshSecrets();
    });
    this.#clusters = new ClusterManager(
      {
        clock,
        random,
        wheel,
        contexts: this.#contexts,
        turn: this.#turn,
        onMisbehaviour: (cluster, reason, address) =>
          observer.onRefused(cluster, reason, 'the upstream connection was closed', address),
        onPeerRefused: this.#onPeerRefused,
        locality: deps.locality,
        onEndpointEvent: (cluster, event, reason, address, detail) =>
          observer.onEndpointEvent(cluster, event, reason, address, detail),
        onConnected: (protocol) => observer.onHttpConnection('upstream', protocol),
      },
      deps.resolver,
    );
  }

  setCluster(config: ClusterConfig): void {
    this.#clusters.setCluster(config);
  }

  untilResolved(cluster: string): Promise<void> {
    return this.#clusters.untilResolved(cluster);
  }

  removeCluster(name: string): void {
    this.#clusters.removeCluster(name);
  }

  setEndpoints(name: string, endpoints: readonly EndpointConfig[]): void {
    this.#clusters.setEndpoints(name, endpoints);
  }

  setRouteTable(table: RouteTable): void {
    this.#routePlace(table.name).table = compileRouteTable(table);
  }

  removeRouteTable(name: string): void {
    const place = this.#routes.get(name);
    if (place !== undefined) place.table = undefined;
  }

  async setListener(config: ListenerConfig): Promise<number> {
    const current = this.#listeners.get(config.name);
    const moved = current !== undefined && (current.config.address !== config.address || isOtherPort(current, config));
    if (current !== undefined && !moved) {
      current.update(config, this.#chains(config, current.chains));
      return current.port;
    }
    const { observer, wheel, log } = this.#deps;
    const clock = this.#clock;
    const listener = new Listener(config, this.#chains(config, []), {
      contexts: this.#contexts,
      observer,
      clock,
      wheel,
      log,
      limits: this.#limits,
      handshakes: this.#handshakes,
      overload: this.#overload,
      reusePort: this.#deps.reusePort ?? false,
    });
    const port = await listener.listen();
    // The old port is left only when the new one is bound.
    this.#listeners.set(config.name, listener);
    if (current !== undefined) this.#retire(current);
    return port;
  }

  async removeListener(name: string): Promise<void> {
    const listener = this.#listeners.get(name);
    if (listener === undefined) return;
    this.#listeners.delete(name);
    this.#retire(listener);
  }

  describe(): ProxyDescription {
    return {
      listeners: [...this.#listeners.values()].map(describeListener),
      clusters: [...this.#clusters.all].map(describeCluster),
      routeTables: [...this.#routes.values()].filter(({ table }) => table !== undefined).map(({ name }) => name),
    };
  }

  closeIdle(limitMs: (idleTimeoutMs: number) => number): number {
    let closed = 0;
    for (const listener of this.#listeners.values()) {
      for (const connection of listener.open()) if (connection.closeIfIdle?.(limitMs)) closed++;
    }
    return closed;
  }

  resetLargest(count: number): number {
    const open = [...this.#listeners.values()].flatMap((listener) => listener.open());
    const full = open.filter(({ bufferedBytes = 0 }) => bufferedBytes >= lowWatermark);
    full.sort((a, b) => (b.bufferedBytes ?? 0) - (a.bufferedBytes ?? 0));
    for (const connection of full.slice(0, count)) connection.destroy();
    return Math.min(full.length, count);
  }

  async drain(maxMs: number): Promise<void> {
    for (const listener of this.#listeners.values()) this.#retire(listener);
    this.#listeners.clear();
    const empty = Promise.all([...this.#leaving].map((listener) => listener.empty()));
    await new Promise<void>((resolve) => {
      const timer = this.#deps.wheel.start(maxMs, resolve);
      void empty.then(() => {
        timer.stop();
        resolve();
      });
    });
  }

  async close(): Promise<void> {
    const listeners = [...this.#listeners.values(), ...this.#leaving];
    this.#listeners.clear();
    for (const listener of listeners) listener.destroy();
    await Promise.all(listeners.map((listener) => listener.empty()));
    this.#clusters.close();
    this.#contexts.close();
  }

  #retire(listener: Listener): void {
    this.#leaving.add(listener);
    listener.drain();
    void listener.empty().then(() => this.#leaving.delete(listener));
  }

  #routePlace(name: string): RoutePlace {
    let place = this.#routes.get(name);
    if (place === undefined) {
      place = { name, table: undefined };
      this.#routes.set(name, place);
    }
    return place;
  }

  /** Chains of the same name and kind are kept and changed, so that their connections stay. */
  #chains(config: ListenerConfig, before: readonly Chain[]): Chain[] {
    const all = config.defaultChain === undefined ? config.chains : [...config.chains, config.defaultChain];
    return all.map((chain) => {
      const known = before.find((other) => other.config.name === chain.name);
      const { protocol } = chain;
      return protocol.kind === 'http'
        ? this.#httpChain(config, chain, protocol, known)
        : this.#tcpChain(config, chain, protocol, known);
    });
  }

  #httpChain(config: ListenerConfig, chain: FilterChainConfig, http: HttpChainConfig, known: Chain | undefined): Chain {
    const before = known instanceof HttpChain ? known.scope.filters : undefined;
    const scope = this.#streamScope(config, http, before);
    if (known instanceof HttpChain && sameSecurity(known.config, chain)) {
      known.update(chain, http, scope);
      return known;
    }
    const tcp = this.#tcpScope(config);
    return new HttpChain(chain, http, scope, this.#turn, {
      serverName: http.edge ? this.#deps.serverName : undefined,
      openTunnel:
        config.direction === 'outbound'
          ? (connection, head, writer) => openTunnel(connection, head, writer, tcp)
          : undefined,
    });
  }

  #tcpChain(config: ListenerConfig, chain: FilterChainConfig, tcp: TcpChainConfig, known: Chain | undefined): Chain {
    if (known instanceof TcpChain && sameSecurity(known.config, chain)) {
      known.update(chain, tcp);
      return known;
    }
    return new TcpChain(chain, tcp, this.#tcpScope(config));
  }

  #streamScope(config: ListenerConfig, http: HttpChainConfig, before: ComposedFilters | undefined): StreamScope {
    const { observer, random, wheel } = this.#deps;
    const clock = this.#clock;
    return {
      listener: config.name,
      direction: config.direction,
      edge: http.edge,
      streamIdleTimeoutMs: http.streamIdleTimeoutMs ?? 300_000,
      maxStreamDurationMs: http.maxStreamDurationMs ?? 0,
      requestTimeoutMs: http.requestTimeoutMs ?? 0,
      filters: composeFilters(config.direction, http.filters, { clock, random, wheel }, before),
      routes:
        http.routes.kind === 'rds'
          ? this.#routePlace(http.routes.name)
          : { name: http.routes.table.name, table: compileRouteTable(http.routes.table) },
      upgrades: http.upgrades ?? defaultUpgrades,
      clusters: this.#clusters,
      overload: this.#overload,
      observer,
      clock,
      random,
      wheel,
    };
  }

  #tcpScope(config: ListenerConfig): TcpScope {
    const { observer, random, wheel } = this.#deps;
    const clock = this.#clock;
    return {
      listener: config.name,
      direction: config.direction,
      clusters: this.#clusters,
      dial: { clock, wheel, contexts: this.#contexts, onPeerRefused: this.#onPeerRefused },
      observer,
      clock,
      random,
      wheel,
    };
  }
}

/** Port 0 asks for any free port, so the one in use will do. */
function isOtherPort(listener: Listener, config: ListenerConfig): boolean {
  return config.port !== 0 && config.port !== listener.port;
}

/** With other demands on who may connect, the connections that are there must prove themselves anew. */
function sameSecurity(before: FilterChainConfig, after: FilterChainConfig): boolean {
  return JSON.stringify(before.tls) === JSON.stringify(after.tls);
}
