import type { Socket } from 'node:net';
import type { Cluster } from '../cluster/cluster.ts';
import { Dial, type DialFailure } from '../cluster/dial.ts';
import type { Endpoint } from '../cluster/endpoint.ts';
import type { TcpInfo } from '../observe/stream-info.ts';
import { type LocalReplyReason, localReplyKinds } from '../stream/local-replies.ts';
import { responseFlags } from '../stream/response-flags.ts';
import type { DownstreamFacts } from '../stream/stream-scope.ts';
import { Relay, type RelayResult, type RelaySide } from './relay.ts';
import { SocketSide } from './socket-side.ts';
import type { TcpScope } from './tcp-scope.ts';

export interface TcpTarget {
  readonly cluster: string;
  readonly idleTimeoutMs: number;
}

/** Tells the owner how it goes; the first two at most once, and `onOver` exactly once, last. */
export interface TcpConnectionEvents {
  /** The upstream is there; bytes flow from now on. */
  onConnected?(): void;
  onFailed?(reason: LocalReplyReason, message: string): void;
  onOver(): void;
}

/** One relayed connection: chooses an endpoint of the cluster, connects, relays, and tells the observer in the end. */
export class TcpConnection {
  readonly #scope: TcpScope;
  readonly #downstream: RelaySide;
  readonly #target: TcpTarget;
  readonly #events: TcpConnectionEvents;
  readonly #startTime: number;
  readonly #info: TcpInfo;
  readonly #tried: Endpoint[] = [];
  #dial: Dial | undefined;
  #relay: Relay | undefined;
  #cluster: Cluster | undefined;
  #endpoint: Endpoint | undefined;
  #over = false;

  constructor(
    downstream: RelaySide,
    facts: DownstreamFacts,
    target: TcpTarget,
    scope: TcpScope,
    events: TcpConnectionEvents,
  ) {
    this.#downstream = downstream;
    this.#target = target;
    this.#scope = scope;
    this.#events = events;
    this.#startTime = scope.clock.now();
    this.#info = {
      direction: scope.direction,
      listener: scope.listener,
      startWallTime: scope.clock.wallTime(),
      durationMs: 0,
      downstreamAddress: facts.address,
      downstreamPeer: facts.peer,
      cluster: target.cluster,
      service: '',
      servicePort: 0,
      upstreamAddress: '',
      upstreamPeer: '',
      bytesReceived: 0,
      bytesSent: 0,
      flags: 0,
      reason: '',
    };
  }

  start(): void {
    const cluster = this.#scope.clusters.get(this.#target.cluster);
    if (cluster === undefined) {
      this.#fail('no-cluster', `the cluster ${this.#target.cluster} is not there`);
      return;
    }
    this.#cluster = cluster;
    this.#info.service = cluster.config.service;
    this.#info.servicePort = cluster.config.servicePort;
    if (cluster.connections >= cluster.config.breakers.maxConnections) {
      this.#fail('overflow', `${cluster.connections} connections to ${cluster.config.name} are open (maxConnections)`);
      return;
    }
    cluster.connections++;
    this.#connect(cluster);
  }

  /** Ends both sides at once. */
  destroy(): void {
    this.#relay?.destroy();
    this.onDownstreamGone();
  }

  /** The client went away; once the relay stands, it sees that by itself. */
  onDownstreamGone(): void {
    if (this.#relay === undefined) this.#fail('', '');
  }

  #connect(cluster: Cluster): void {
    const now = this.#scope.clock.now();
    const endpoint = cluster.pick(this.#tried, now);
    if (endpoint === undefined) {
      const message = `none of the ${cluster.endpoints.length} endpoints of ${cluster.config.name} is healthy`;
      this.#fail('no-healthy-endpoints', message);
      return;
    }
    this.#endpoint = endpoint;
    this.#info.upstreamAddress = endpoint.address;
    cluster.onStart(endpoint, now);
    this.#dial = new Dial(cluster.config, endpoint.config, this.#scope.dial, {
      onDialed: (socket, peer) => this.#onDialed(cluster, endpoint, socket, peer, now),
      onDialFailed: (failure) => this.#onDialFailed(cluster, endpoint, failure, now),
    });
  }

  #onDialed(cluster: Cluster, endpoint: Endpoint, socket: Socket, peer: string, startTime: number): void {
    this.#dial = undefined;
    this.#endpoint = undefined;
    const now = this.#scope.clock.now();
    cluster.onResult(endpoint, now - startTime, false, now);
    this.#info.upstreamPeer = peer;
    this.#events.onConnected?.();
    const { wheel, clock } = this.#scope;
    this.#relay = new Relay(
      this.#downstream,
      new SocketSide(socket),
      { idleTimeoutMs: this.#target.idleTimeoutMs, wheel, clock },
      (result) => this.#onRelayOver(result),
    );
  }

  #onDialFailed(cluster: Cluster, endpoint: Endpoint, failure: DialFailure, startTime: number): void {
    this.#dial = undefined;
    this.#endpoint = undefined;
    const now = this.#scope.clock.now();
    cluster.onResult(endpoint, now - startTime, true, now);
    this.#tried.push(endpoint);
    // Nothing was sent, so another endpoint may be asked; once, as for requests.
    if (this.#tried.length === 1 && cluster.endpoints.length > 1) this.#connect(cluster);
    else this.#fail(failure.kind, failure.detail);
  }

  #onRelayOver(result: RelayResult): void {
    this.#info.bytesReceived = result.bytesReceived;
    this.#info.bytesSent = result.bytesSent;
    if (result.broken === 'downstream') this.#info.flags |= responseFlags.DC.bit;
    else if (result.broken === 'upstream') this.#info.flags |= responseFlags.UC.bit;
    else if (result.broken === 'idle') {
      this.#info.flags |= responseFlags.SI.bit;
      this.#info.reason = 'stream-idle';
    }
    this.#finish();
  }

  /** An empty reason: the client went away before there was anything to relay to. */
  #fail(reason: LocalReplyReason | '', message: string): void {
    if (this.#over) return;
    this.#dial?.cancel();
    if (this.#endpoint !== undefined) this.#cluster?.onCancel(this.#endpoint);
    this.#info.flags |= responseFlags[reason === '' ? 'DC' : localReplyKinds[reason].flag].bit;
    this.#info.reason = reason;
    if (reason !== '') this.#events.onFailed?.(reason, message);
    this.#finish();
    this.#downstream.destroy();
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#cluster !== undefined && this.#info.reason !== 'overflow') this.#cluster.connections--;
    this.#info.durationMs = this.#scope.clock.now() - this.#startTime;
    this.#scope.observer.onTcpEnd(this.#info);
    this.#events.onOver();
  }
}
