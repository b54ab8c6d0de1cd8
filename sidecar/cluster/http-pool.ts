import type { Socket } from 'node:net';
import type { Timer } from '../../lib/timer-wheel.ts';
import { ReadSink } from '../net/read-sink.ts';
import type { WriteTurn } from '../net/write-turn.ts';
import type { Cluster } from './cluster.ts';
import { Dial, type DialDependencies, type DialFailure, type DialReceiver } from './dial.ts';
import type { Endpoint } from './endpoint.ts';
import { IdleLimit } from './idle-limit.ts';
import { type ConnectionOwner, UpstreamConnection } from './upstream-connection.ts';

/** Why no connection was handed out. */
export type PoolFailure = DialFailure | { kind: 'overflow'; detail: string };

/** Waits for a connection; exactly one of the two is called, unless it is cancelled. Either may be called at once. */
export interface ConnectionWaiter {
  /** `reused` tells that other requests went over it before: the endpoint may be about to close it. */
  onConnection(connection: UpstreamConnection, reused: boolean): void;
  onNoConnection(failure: PoolFailure): void;
}

export interface PoolDependencies extends DialDependencies {
  readonly turn: WriteTurn;
  /** An endpoint did something between requests; `reason` names the metric, for example `h1.unsolicited-bytes`. */
  onMisbehaviour(cluster: string, reason: string, address: string): void;
}

/**
 * A proxy of the mesh keeps idle connections for an hour, so the caution that applications need would only cost
 * handshakes there (security.md L-64). Milliseconds.
 */
const meshIdleMs = 60_000;

/**
 * HTTP/1 connections to one endpoint. The one used last is used next, so that the others fall idle and are closed,
 * before the endpoint does it. Requests for which there is no connection wait in order.
 */
export class HttpPool implements ConnectionOwner {
  readonly #cluster: Cluster;
  readonly #endpoint: Endpoint;
  readonly #deps: PoolDependencies;
  readonly #all = new Set<UpstreamConnection>();
  readonly #dials = new Set<Dial>();
  readonly #idleLimit: IdleLimit;
  readonly #sweep: Timer;
  /** The longest idle first. */
  #idle: UpstreamConnection[] = [];
  #waiting: ConnectionWaiter[] = [];
  #closed = false;

  constructor(cluster: Cluster, endpoint: Endpoint, deps: PoolDependencies) {
    this.#cluster = cluster;
    this.#endpoint = endpoint;
    this.#deps = deps;
    const { idleTimeoutMs } = cluster.config;
    this.#idleLimit = new IdleLimit(endpoint.config.tls ? Math.max(idleTimeoutMs, meshIdleMs) : idleTimeoutMs);
    this.#sweep = deps.wheel.timer(() => this.#closeIdle());
  }

  /** Open connections. */
  get size(): number {
    return this.#all.size;
  }

  /** Hands out a connection; with `fresh`, one that has carried nothing yet. */
  acquire(waiter: ConnectionWaiter, fresh: boolean, now: number): void {
    const connection = fresh ? undefined : this.#idle.pop();
    if (connection !== undefined) {
      connection.idle = false;
      if (now - connection.idleSince < this.#idleLimit.ms) {
        this.#handOver(connection, waiter);
        return;
      }
      // The others were idle for even longer; the sweep takes them.
      connection.retire();
    }
    this.#enqueue(waiter);
  }

  /** Forgets a waiter. The connection made for it serves others. */
  cancel(waiter: ConnectionWaiter): void {
    const index = this.#waiting.indexOf(waiter);
    if (index < 0) return;
    this.#waiting.splice(index, 1);
    this.#cluster.pendingRequests--;
  }

  /** The endpoint is gone: requests that run or wait for a connection are served, then everything is closed. */
  drain(): void {
    this.#closed = true;
    this.#sweep.stop();
    for (const connection of [...this.#all]) connection.retire();
    if (this.#waiting.length === 0) this.#cancelDials();
  }

  /** As {@link drain}, without waiting for anything. */
  destroy(): void {
    this.#closed = true;
    this.#sweep.stop();
    this.#cancelDials();
    for (const connection of [...this.#all]) connection.destroy();
    const detail = `the connections to ${this.#endpoint.address} are closed`;
    for (let waiter = this.#takeWaiter(); waiter !== undefined; waiter = this.#takeWaiter()) {
      waiter.onNoConnection({ kind: 'connect-refused', detail });
    }
  }

  onIdle(connection: UpstreamConnection): void {
    const waiter = this.#takeWaiter();
    if (waiter !== undefined) {
      this.#handOver(connection, waiter);
      return;
    }
    if (this.#closed) {
      connection.retire();
      return;
    }
    const { keepAliveMs } = connection;
    if (keepAliveMs !== undefined) this.#idleLimit.onAnnounced(keepAliveMs);
    connection.idle = true;
    connection.idleSince = this.#deps.clock.now();
    this.#idle.push(connection);
    if (!this.#sweep.running) this.#sweep.start(this.#idleLimit.ms / 2);
  }

  onGone(connection: UpstreamConnection): void {
    if (!this.#all.delete(connection)) return;
    this.#cluster.connections--;
    if (connection.idle) {
      connection.idle = false;
      this.#idle = this.#idle.filter((other) => other !== connection);
      if (!this.#closed) this.#idleLimit.onClosedByPeer(this.#deps.clock.now() - connection.idleSince);
    }
    this.#dialForWaiters();
  }

  onMisbehaviour(_connection: UpstreamConnection, reason: string): void {
    this.#deps.onMisbehaviour(this.#cluster.config.name, reason, this.#endpoint.address);
  }

  /** A reused connection turned out to be closed: the endpoint's patience is shorter than thought. */
  onReuseFailed(idleMs: number): void {
    this.#idleLimit.onClosedByPeer(idleMs);
  }

  #handOver(connection: UpstreamConnection, waiter: ConnectionWaiter): void {
    waiter.onConnection(connection, connection.requests++ > 0);
  }

  #enqueue(waiter: ConnectionWaiter): void {
    const { breakers, name } = this.#cluster.config;
    if (this.#cluster.pendingRequests >= breakers.maxPendingRequests) {
      const detail = `${this.#cluster.pendingRequests} requests of ${name} wait for a connection already (maxPendingRequests)`;
      waiter.onNoConnection({ kind: 'overflow', detail });
      return;
    }
    this.#waiting.push(waiter);
    this.#cluster.pendingRequests++;
    this.#dialForWaiters();
  }

  #dialForWaiters(): void {
    while (this.#waiting.length > this.#dials.size) {
      // A pool without any connection gets one even past the limit: other endpoints must not starve it.
      const needed = this.#dials.size === 0 && this.#all.size === 0;
      if (this.#cluster.connections >= this.#cluster.config.breakers.maxConnections && !needed) return;
      this.#dial();
    }
  }

  #dial(): void {
    this.#cluster.connections++;
    const sink = new ReadSink();
    const receiver: DialReceiver = {
      onDialed: (socket, peer) => {
        this.#dials.delete(dial);
        this.#onDialed(socket, this.#endpoint.config.tls ? undefined : sink, peer);
      },
      onDialFailed: (failure) => {
        this.#dials.delete(dial);
        this.#cluster.connections--;
        // Each waiter has a connection being made for it, or waits for one of them: one fails with this one.
        this.#takeWaiter()?.onNoConnection(failure);
        this.#dialForWaiters();
      },
    };
    const dial = new Dial(this.#cluster.config, this.#endpoint.config, this.#deps, receiver, sink);
    this.#dials.add(dial);
  }

  #onDialed(socket: Socket, sink: ReadSink | undefined, peer: string): void {
    const { turn, wheel } = this.#deps;
    const connection = new UpstreamConnection(socket, sink, peer, this.#endpoint, this, turn, wheel);
    this.#all.add(connection);
    this.onIdle(connection);
  }

  #cancelDials(): void {
    for (const dial of this.#dials) dial.cancel();
    this.#cluster.connections -= this.#dials.size;
    this.#dials.clear();
  }

  #takeWaiter(): ConnectionWaiter | undefined {
    const waiter = this.#waiting.shift();
    if (waiter !== undefined) this.#cluster.pendingRequests--;
    return waiter;
  }

  #closeIdle(): void {
    const limit = this.#deps.clock.now() - this.#idleLimit.ms;
    const firstYoung = this.#idle.findIndex((connection) => connection.idleSince > limit);
    const old = this.#idle.splice(0, firstYoung < 0 ? this.#idle.length : firstYoung);
    for (const connection of old) {
      connection.idle = false;
      connection.retire();
    }
    if (this.#idle.length > 0) this.#sweep.start(this.#idleLimit.ms / 4);
  }
}
