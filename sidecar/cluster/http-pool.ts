import type { Random } from '../../lib/random.ts';
import { ReadSink } from '../net/read-sink.ts';
import type { WriteTurn } from '../net/write-turn.ts';
import type { Cluster } from './cluster.ts';
import { Dial, type DialDependencies, type DialFailure, type DialReceiver } from './dial.ts';
import type { Endpoint } from './endpoint.ts';
import { IdleConnections } from './idle-connections.ts';
import type { PriorityLoad } from './priority-load.ts';
import { SharedConnections } from './shared-connections.ts';
import { type ConnectionOwner, type DialedConnection, UpstreamConnection } from './upstream-connection.ts';
import { defaultUpstreamHttp, type HttpProtocol, type UpstreamHttpConfig } from './upstream-http.ts';
import { WaitingLine } from './waiting-line.ts';

/** Why no connection was handed out. */
export type PoolFailure = DialFailure | { kind: 'overflow'; detail: string };

/** Waits for a connection; exactly one of the two is called, unless it is cancelled. Either may be called at once. */
export interface ConnectionWaiter {
  /** Where it is counted while it waits. */
  readonly load: PriorityLoad;
  /** The request asks to switch protocols, which not every HTTP/2 endpoint takes. */
  readonly upgrades: boolean;
  /** `reused` tells that other requests went over it before: the endpoint may be about to close it. */
  onConnection(connection: UpstreamConnection, reused: boolean): void;
  onNoConnection(failure: PoolFailure): void;
}

export interface PoolDependencies extends DialDependencies {
  readonly turn: WriteTurn;
  readonly random: Random;
  /** A connection was made and begins to be used. */
  onConnected(protocol: HttpProtocol): void;
  /** An endpoint did something between requests; `reason` names the metric, for example `h1.unsolicited-bytes`. */
  onMisbehaviour(cluster: string, reason: string, address: string): void;
}

/** `auto` lets the endpoint choose by ALPN. */
export type PoolProtocol = HttpProtocol | 'auto';

/**
 * A proxy of the mesh keeps idle connections for an hour, so the caution that applications need would only cost
 * handshakes there (security.md L-64); and HTTP/2 says when it closes. Milliseconds.
 */
const patientIdleMs = 60_000;

const offeredBy: Readonly<Record<PoolProtocol, readonly string[]>> = {
  http1: [],
  http2: ['h2'],
  auto: ['h2', 'http/1.1'],
};

/**
 * The connections to one endpoint. HTTP/1 connections carry one request at a time, HTTP/2 connections many; a further
 * one is made when those that there are have no room. Requests for which there is no connection wait in order.
 */
export class HttpPool implements ConnectionOwner {
  readonly #cluster: Cluster;
  readonly #endpoint: Endpoint;
  readonly #protocol: PoolProtocol;
  readonly #http: UpstreamHttpConfig;
  readonly #deps: PoolDependencies;
  readonly #all = new Set<UpstreamConnection>();
  readonly #dials = new Set<Dial>();
  readonly #idle: IdleConnections;
  readonly #shared: SharedConnections;
  readonly #waiting: WaitingLine;
  /** What the next connection will speak, as far as one can know. */
  #expected: HttpProtocol;
  #refusesUpgrades = false;
  #closed = false;

  constructor(cluster: Cluster, endpoint: Endpoint, protocol: PoolProtocol, deps: PoolDependencies) {
    this.#cluster = cluster;
    this.#endpoint = endpoint;
    this.#protocol = protocol;
    this.#deps = deps;
    const { idleTimeoutMs, http } = cluster.config;
    this.#http = http ?? defaultUpstreamHttp;
    const { tls } = endpoint.config;
    this.#expected = protocol === 'http1' || (protocol === 'auto' && !tls) ? 'http1' : 'http2';
    const patientMs = Math.max(idleTimeoutMs, patientIdleMs);
    this.#idle = new IdleConnections(tls ? patientMs : idleTimeoutMs, deps.clock, deps.wheel);
    this.#shared = new SharedConnections(patientMs, deps.clock, deps.wheel);
    this.#waiting = new WaitingLine(cluster);
  }

  /** The endpoint chose HTTP/2 and lets no request switch protocols there: such requests need HTTP/1 connections. */
  get fallsBack(): boolean {
    return this.#protocol === 'auto' && this.#refusesUpgrades;
  }

  /** Open connections. */
  get size(): number {
    return this.#all.size;
  }

  /** Those of them that speak HTTP/2. */
  get sharedSize(): number {
    return this.#shared.size;
  }

  /** Hands out a connection; with `fresh`, none of HTTP/1 that was used before. */
  acquire(waiter: ConnectionWaiter, fresh: boolean, now: number): void {
    const connection = this.#shared.find() ?? (fresh ? undefined : this.#idle.take(now));
    if (connection !== undefined && mayCarry(connection, waiter)) this.#handOver(connection, waiter);
    else if (this.#waiting.join(waiter)) this.#dialForWaiters();
  }

  /** Forgets a waiter. The connection made for it serves others. */
  cancel(waiter: ConnectionWaiter): void {
    this.#waiting.leave(waiter);
  }

  /** The endpoint is gone: requests that run or wait for a connection are served, then everything is closed. */
  drain(): void {
    this.#close();
    for (const connection of [...this.#all]) connection.retire();
    if (this.#waiting.length === 0) this.#cancelDials();
  }

  /** As {@link drain}, without waiting for anything. */
  destroy(): void {
    this.#close();
    this.#cancelDials();
    for (const connection of [...this.#all]) connection.destroy();
    const detail = `the connections to ${this.#endpoint.address} are closed`;
    for (let waiter = this.#waiting.next(); waiter !== undefined; waiter = this.#waiting.next()) {
      waiter.onNoConnection({ kind: 'connect-refused', detail });
    }
  }

  /** An HTTP/1 connection that was reused at `now` turned out to be closed by the endpoint. */
  onReuseFailed(connection: UpstreamConnection, now: number): void {
    if (connection.protocol === 'http1') this.#idle.onReuseFailed(connection, now);
  }

  onCapacity(connection: UpstreamConnection): void {
    if (connection.takesUpgrades === false) this.#refusesUpgrades = true;
    if (this.#waiting.length > 0) this.#serveWaiters(connection);
    if (connection.codec.capacity === 0) return;
    if (this.#closed) {
      // Who still waits does so for what the endpoint has to say first.
      if (this.#waiting.length === 0) connection.retire();
    } else if (connection.protocol === 'http1') this.#idle.put(connection);
    else if (connection.codec.activeStreams === 0) this.#shared.onIdle(connection);
  }

  onGone(connection: UpstreamConnection): void {
    if (!this.#all.delete(connection)) return;
    this.#cluster.connections--;
    if (connection.protocol === 'http1') this.#idle.onGone(connection, !this.#closed);
    else this.#shared.remove(connection);
    this.#dialForWaiters();
  }

  onMisbehaviour(_connection: UpstreamConnection, reason: string): void {
    this.#deps.onMisbehaviour(this.#cluster.config.name, reason, this.#endpoint.address);
  }

  #handOver(connection: UpstreamConnection, waiter: ConnectionWaiter): void {
    waiter.onConnection(connection, connection.requests++ > 0);
    if (connection.requests === this.#http.maxRequestsPerConnection) connection.retire();
  }

  #serveWaiters(connection: UpstreamConnection): void {
    while (connection.codec.capacity > 0) {
      const waiter = this.#waiting.first;
      if (waiter === undefined || !mayCarry(connection, waiter)) return;
      this.#waiting.next();
      this.#handOver(connection, waiter);
    }
  }

  #dialForWaiters(): void {
    // With room on a connection, what is waited for is the endpoint's word on what it takes.
    if (this.#waiting.length > 0 && this.#shared.find() !== undefined) return;
    const { breakers } = this.#cluster.config;
    const perConnection = this.#expected === 'http1' ? 1 : this.#http.http2.maxConcurrentStreams;
    while (this.#waiting.length > this.#dials.size * perConnection) {
      const own = this.#dials.size + this.#all.size;
      // A pool without any connection gets one even past the cluster's limit: other endpoints must not starve it.
      if (own > 0 && this.#cluster.connections >= this.#waiting.maxConnections) return;
      if (own >= (breakers.maxConnectionsPerHost ?? Number.POSITIVE_INFINITY)) return;
      this.#dial();
    }
  }

  #dial(): void {
    this.#cluster.connections++;
    const sink = new ReadSink();
    const { tls } = this.#endpoint.config;
    const { config } = this.#cluster;
    const receiver: DialReceiver = {
      onDialed: (socket, peer, alpn) => {
        this.#dials.delete(dial);
        this.#onDialed({ socket, sink: tls ? undefined : sink, peer, protocol: this.#protocolOf(alpn) });
      },
      onDialFailed: (failure) => {
        this.#dials.delete(dial);
        this.#cluster.connections--;
        this.#failWaiters(failure);
        this.#dialForWaiters();
      },
    };
    const dial = new Dial(config, this.#endpoint.config, this.#deps, receiver, sink, this.#alpn());
    this.#dials.add(dial);
  }

  #alpn(): readonly string[] {
    const configured = this.#cluster.config.tls?.alpnProtocols ?? [];
    return configured.length > 0 && this.#protocol !== 'auto' ? configured : offeredBy[this.#protocol];
  }

  /** Each waiter had a connection being made for it, or its share of one: as many fail as hoped for this one. */
  #failWaiters(failure: DialFailure): void {
    const { maxConcurrentStreams } = this.#http.http2;
    let failing = this.#expected === 'http1' ? 1 : Math.min(this.#waiting.length, maxConcurrentStreams);
    for (; failing > 0; failing--) this.#waiting.next()?.onNoConnection(failure);
  }

  #protocolOf(alpn: string): HttpProtocol {
    if (this.#protocol !== 'auto') return this.#protocol;
    return alpn === 'h2' ? 'http2' : 'http1';
  }

  #onDialed(dialed: DialedConnection): void {
    const { turn, wheel, random } = this.#deps;
    this.#expected = dialed.protocol;
    this.#deps.onConnected(dialed.protocol);
    const connection = new UpstreamConnection(dialed, this.#endpoint, this, this.#http.http2, turn, wheel);
    const { maxConnectionDurationMs } = this.#http;
    if (maxConnectionDurationMs > 0) {
      connection.retireAfter(maxConnectionDurationMs * (0.9 + random() * 0.2), wheel);
    }
    this.#all.add(connection);
    if (dialed.protocol === 'http2') this.#shared.add(connection);
    this.onCapacity(connection);
    // The endpoint may have chosen HTTP/1, which carries fewer than were counted on.
    this.#dialForWaiters();
  }

  #close(): void {
    this.#closed = true;
    this.#idle.stop();
    this.#shared.stop();
  }

  #cancelDials(): void {
    for (const dial of this.#dials) dial.cancel();
    this.#cluster.connections -= this.#dials.size;
    this.#dials.clear();
  }
}

/** An HTTP/2 connection must have heard from its endpoint before a request can ask to switch protocols. */
function mayCarry(connection: UpstreamConnection, waiter: ConnectionWaiter): boolean {
  return !waiter.upgrades || connection.takesUpgrades !== undefined;
}
