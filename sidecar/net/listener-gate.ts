import type { Socket } from 'node:net';
import type { Observer } from '../observe/observer.ts';
import { ClientCounts, type ConnectionLimits } from './connection-limits.ts';
import type { ListenerConfig } from './listener-config.ts';

/** Open connections of one listener (security.md L-17). */
export const defaultMaxConnections = 10_000;
/** Of one client address at the edge (security.md L-18). */
export const defaultMaxAtEdge = 100;
/** Whoever shares this machine is no stranger: a proxy in front of this one, as a rule. */
const ownAddresses: ReadonlySet<string> = new Set(['127.0.0.1', '::1', '::ffff:127.0.0.1', '']);

/** Knows the connections of one listener, and says which one is too many. */
export class ListenerGate {
  #config: ListenerConfig;
  readonly #limits: ConnectionLimits;
  readonly #observer: Observer;
  readonly #sockets = new Set<Socket>();
  readonly #clients = new ClientCounts();
  #onEmpty: (() => void)[] = [];

  constructor(config: ListenerConfig, limits: ConnectionLimits, observer: Observer) {
    this.#config = config;
    this.#limits = limits;
    this.#observer = observer;
  }

  get size(): number {
    return this.#sockets.size;
  }

  get sockets(): Iterable<Socket> {
    return this.#sockets;
  }

  /** Limits apply to connections that come from now on. */
  update(config: ListenerConfig): void {
    this.#config = config;
  }

  /** Lets an accepted socket in and counts it until it is closed, or says why not. */
  admit(socket: Socket): string | undefined {
    const { maxConnections = defaultMaxConnections, name } = this.#config;
    if (this.#sockets.size >= maxConnections) return `${this.#sockets.size} are open on this listener`;
    if (!this.#limits.enter()) return `${this.#limits.open} are open on all listeners`;
    this.#sockets.add(socket);
    this.#observer.onConnectionOpen(name);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      this.#limits.leave();
      this.#observer.onConnectionClose(name);
      if (this.#sockets.size === 0) for (const resolve of this.#onEmpty.splice(0)) resolve();
    });
    return undefined;
  }

  /** Counts the socket for the client whose it is, or says why there are enough of them. */
  admitClient(socket: Socket, address: string): string | undefined {
    const { direction, maxConnectionsPerClient = direction === 'gateway' ? defaultMaxAtEdge : 0 } = this.#config;
    if (maxConnectionsPerClient === 0 || ownAddresses.has(address)) return undefined;
    if (!this.#clients.enter(address, maxConnectionsPerClient)) return `${maxConnectionsPerClient} are open already`;
    socket.once('close', () => this.#clients.leave(address));
    return undefined;
  }

  /** Resolves when there is no connection. */
  empty(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#sockets.size === 0) resolve();
      else this.#onEmpty.push(resolve);
    });
  }
}
