import type { Socket } from 'node:net';
import type { Random } from '../../lib/random.ts';
import type { Timer } from '../../lib/timer-wheel.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { Dial, type DialFailure } from '../cluster/dial.ts';
import type { Endpoint } from '../cluster/endpoint.ts';
import type { TcpChainConfig } from '../net/listener-config.ts';
import type { ProxiedEnds } from '../net/proxy-header.ts';
import { ReadSink } from '../net/read-sink.ts';
import type { TcpInfo } from '../observe/stream-info.ts';
import { type LocalReplyReason, localReplyKinds } from '../stream/local-replies.ts';
import { responseFlags } from '../stream/response-flags.ts';
import type { DownstreamFacts } from '../stream/stream-scope.ts';
import { Relay, type RelayResult, type RelaySide } from './relay.ts';
import { SocketSide } from './socket-side.ts';
import type { TcpScope } from './tcp-scope.ts';

/** Where the bytes go, and for how long; the fields are those of {@link TcpChainConfig}. */
export type TcpTarget = Omit<TcpChainConfig, 'kind'>;

/** Nothing was sent to an endpoint that did not answer, so another one may be asked; once, as for requests. */
const defaultConnectAttempts = 2;

interface Failure {
  readonly reason: LocalReplyReason;
  readonly message: string;
}

/** A connection to an endpoint that nothing was sent on yet. */
interface ReadyUpstream {
  readonly socket: Socket;
  readonly sink: ReadSink | undefined;
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
  readonly #facts: DownstreamFacts;
  readonly #lifetime: Timer;
  /** Called when the upstream speaks, while it is not certain that this is the right chain. */
  #tentative: (() => void) | undefined;
  #ready: ReadyUpstream | undefined;
  #failure: Failure | undefined;
  /** It is counted among the cluster's connections. */
  #hasPlace = false;
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
    this.#facts = facts;
    this.#lifetime = scope.wheel.timer(() => this.#onLifetimeOver());
    this.#startTime = scope.clock.now();
    this.#info = {
      direction: scope.direction,
      listener: scope.listener,
      startWallTime: scope.clock.wallTime(),
      durationMs: 0,
      downstreamAddress: facts.address,
      downstreamPeer: facts.peer,
      cluster: chooseCluster(target, scope.random),
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
    const { maxConnectionDurationMs = 0 } = this.#target;
    if (maxConnectionDurationMs > 0) this.#lifetime.start(maxConnectionDurationMs);
    const cluster = this.#scope.clusters.get(this.#info.cluster);
    if (cluster === undefined) {
      this.#fail('no-cluster', `the cluster ${this.#info.cluster} is not there`);
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
    this.#hasPlace = true;
    this.#connect(cluster);
  }

  /** As {@link start}, but only connects, until {@link commit} or {@link abandon}. Calls `onUpstreamSpoke` when the endpoint begins. */
  startTentatively(onUpstreamSpoke: () => void): void {
    this.#tentative = onUpstreamSpoke;
    this.start();
  }

  commit(): void {
    this.#tentative = undefined;
    const { reason, message } = this.#failure ?? {};
    if (reason !== undefined && message !== undefined) this.#fail(reason, message);
    else if (this.#ready !== undefined) this.#beginRelay(this.#ready);
  }

  /** Lets go of the endpoint; nobody is told. */
  abandon(): void {
    if (this.#over || this.#tentative === undefined) return;
    this.#tentative = undefined;
    this.#letGo();
    this.#over = true;
    this.#releasePlace();
    this.#lifetime.stop();
  }

  /** Ends both sides at once. */
  destroy(): void {
    this.#relay?.destroy();
    this.onDownstreamGone();
  }

  /** The client went away; once the relay stands, it sees that by itself. */
  onDownstreamGone(): void {
    if (this.#tentative !== undefined) this.abandon();
    else if (this.#relay === undefined) this.#fail('', '');
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
    const sink = endpoint.config.tls ? undefined : new ReadSink();
    this.#dial = new Dial(
      cluster.config,
      endpoint.config,
      this.#scope.dial,
      {
        onDialed: (socket, peer) => this.#onDialed(cluster, endpoint, { socket, sink }, peer, now),
        onDialFailed: (failure) => this.#onDialFailed(cluster, endpoint, failure, now),
      },
      sink,
      [],
      endsOf(this.#facts),
    );
  }

  #onDialed(cluster: Cluster, endpoint: Endpoint, upstream: ReadyUpstream, peer: string, startTime: number): void {
    this.#dial = undefined;
    this.#endpoint = undefined;
    const now = this.#scope.clock.now();
    cluster.onResult(endpoint, now - startTime, false, now);
    this.#info.upstreamPeer = peer;
    if (this.#tentative === undefined) this.#beginRelay(upstream);
    else this.#standBy(upstream, this.#tentative);
  }

  #standBy(upstream: ReadyUpstream, onUpstreamSpoke: () => void): void {
    this.#ready = upstream;
    const { socket, sink } = upstream;
    // An end before a word is an answer too; a break is noticed when the relay begins.
    socket.once('end', onUpstreamSpoke);
    if (sink === undefined) {
      socket.once('readable', onUpstreamSpoke);
      return;
    }
    sink.attach((chunk) => {
      sink.detach([chunk]);
      onUpstreamSpoke();
    });
  }

  #beginRelay(upstream: ReadyUpstream): void {
    this.#ready = undefined;
    this.#events.onConnected?.();
    const { wheel, clock } = this.#scope;
    this.#relay = new Relay(
      this.#downstream,
      new SocketSide(upstream.socket, upstream.sink),
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
    const { maxConnectAttempts = defaultConnectAttempts } = this.#target;
    const another = cluster.endpoints.length > 1 || this.#target.maxConnectAttempts !== undefined;
    if (this.#tried.length < maxConnectAttempts && another) this.#connect(cluster);
    else this.#fail(failure.kind, failure.detail);
  }

  #onRelayOver(result: RelayResult): void {
    this.#info.bytesReceived = result.bytesReceived;
    this.#info.bytesSent = result.bytesSent;
    if ((this.#info.flags & responseFlags.DT.bit) !== 0) this.#info.reason = 'max-connection-duration';
    else if (result.broken === 'downstream') this.#info.flags |= responseFlags.DC.bit;
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
    if (this.#tentative !== undefined && reason !== '') {
      // Whether that matters will be seen when the client has said what it wants.
      this.#failure = { reason, message };
      return;
    }
    this.#letGo();
    if ((this.#info.flags & responseFlags.DT.bit) === 0) {
      this.#info.flags |= responseFlags[reason === '' ? 'DC' : localReplyKinds[reason].flag].bit;
    }
    this.#info.reason = reason;
    if (reason !== '') this.#events.onFailed?.(reason, message);
    this.#finish();
    this.#downstream.destroy();
  }

  #letGo(): void {
    this.#dial?.cancel();
    if (this.#endpoint !== undefined) this.#cluster?.onCancel(this.#endpoint);
    this.#dial = undefined;
    this.#endpoint = undefined;
    this.#ready?.socket.destroy();
    this.#ready = undefined;
  }

  #onLifetimeOver(): void {
    if (this.#over) return;
    this.#info.flags |= responseFlags.DT.bit;
    if (this.#relay === undefined) this.#fail('', '');
    else this.#relay.destroy();
  }

  #releasePlace(): void {
    if (this.#hasPlace && this.#cluster !== undefined) this.#cluster.connections--;
    this.#hasPlace = false;
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#lifetime.stop();
    this.#releasePlace();
    this.#info.durationMs = this.#scope.clock.now() - this.#startTime;
    this.#scope.observer.onTcpEnd(this.#info);
    this.#events.onOver();
  }
}

function chooseCluster({ cluster, weightedClusters = [] }: TcpTarget, random: Random): string {
  let total = 0;
  for (const { weight } of weightedClusters) total += weight;
  if (total === 0) return cluster;
  let point = random() * total;
  for (const { name, weight } of weightedClusters) {
    point -= weight;
    if (point < 0) return name;
  }
  return cluster;
}

function endsOf({ source, destination }: DownstreamFacts): ProxiedEnds | undefined {
  return source === undefined || destination === undefined ? undefined : { source, destination };
}
