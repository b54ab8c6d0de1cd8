import {
  type ServerDuplexStream,
  type ServiceDefinition,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Timer, TimerWheel } from '../../lib/timer-wheel.ts';
import { AggregatedDiscoveryServiceService } from '../../proto/gen/envoy/service/discovery/v3/ads.ts';
import { AdsStream, type Nack, type TypeStatus } from './ads-stream.ts';
import { deltaProtocol } from './delta-protocol.ts';
import type { AdsProtocol, AdsRequest, XdsNode } from './protocol.ts';
import type { TypeUrl } from './resource.ts';
import type { SnapshotCache } from './snapshot-cache.ts';
import { sotwProtocol } from './sotw-protocol.ts';

/** A client whose first request was admitted. */
export interface AdsConnection {
  readonly node: XdsNode;
  /** Identity of the connection, as the transport proved it. */
  readonly identity: string;
  /** Address of the client. */
  readonly address: string;
  status(typeUrl: TypeUrl): TypeStatus;
  /** Ends the stream with PERMISSION_DENIED. */
  refuse(reason: string): void;
}

/** Whether a node may have a stream. `key` names its resources in the cache; of one `quota` there are at most four. */
export type Admission = { ok: true; key: string; quota: string } | { ok: false; reason: string };

export interface AdsServiceOptions {
  readonly cache: SnapshotCache;
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly log: Log;
  /** The identity behind a connection (`address:port` of the client); undefined refuses the call. */
  identify(peer: string): string | undefined;
  /** Closes the connection of a client that does not even read the end of its stream. */
  disconnect(peer: string): void;
  /** Called with the first request. When it admits, the cache must hold the node's resources. */
  admit(node: XdsNode, identity: string): Admission;
  onOpen(key: string, connection: AdsConnection): void;
  /** Called once for each node that was admitted, also when a limit kept its stream from opening. */
  onClose(key: string, connection: AdsConnection): void;
  onNack(connection: AdsConnection, nack: Nack): void;
}

/** Streams of one node (security.md L-91, XD-18). */
export const maxStreamsPerNode = 4;
/** Streams of one identity, which may be shared by many replicas. */
export const maxStreamsPerIdentity = 256;
const firstRequestMs = 5_000;
const answerMs = 60_000;
const endMs = 5_000;
const maxFirstBytes = 65_536;
const maxNodeBytes = 16_384;

type Call = ServerDuplexStream<Buffer, Buffer>;

/**
 * The aggregated discovery service over gRPC, in both forms. Requests are read here and not by grpc-js, so that what
 * cannot be read ends the stream with INVALID_ARGUMENT (XD-01).
 */
export function adsService(options: AdsServiceOptions): {
  definition: ServiceDefinition;
  implementation: UntypedServiceImplementation;
} {
  const { streamAggregatedResources, deltaAggregatedResources } = AggregatedDiscoveryServiceService;
  const raw = (bytes: Buffer) => bytes;
  const codec = { requestSerialize: raw, requestDeserialize: raw, responseSerialize: raw, responseDeserialize: raw };
  const streams = new StreamCounter();
  return {
    definition: {
      streamAggregatedResources: { ...streamAggregatedResources, ...codec },
      deltaAggregatedResources: { ...deltaAggregatedResources, ...codec },
    },
    implementation: {
      streamAggregatedResources: (call: Call) => serve(call, sotwProtocol, streams, options),
      deltaAggregatedResources: (call: Call) => serve(call, deltaProtocol, streams, options),
    },
  };
}

function serve(call: Call, protocol: AdsProtocol, streams: StreamCounter, options: AdsServiceOptions): void {
  const identity = options.identify(call.getPeer());
  if (identity === undefined) {
    end(call, status.UNAUTHENTICATED, 'a client certificate of the trust domain is required');
    return;
  }
  const release = streams.take(identity, maxStreamsPerIdentity);
  if (release === undefined) {
    end(call, status.RESOURCE_EXHAUSTED, `more than ${maxStreamsPerIdentity} streams of ${identity}`);
    return;
  }
  const server = new ServedStream(call, protocol, identity, streams, options);
  call.on('data', (bytes: Buffer) => server.onMessage(bytes));
  call.on('end', () => call.end());
  call.on('close', () => {
    release();
    server.close();
  });
}

/** A call and the stream on it: deadlines, limits and admission. */
class ServedStream implements AdsConnection {
  readonly identity: string;
  readonly address: string;
  readonly #call: Call;
  readonly #protocol: AdsProtocol;
  readonly #streams: StreamCounter;
  readonly #options: AdsServiceOptions;
  readonly #timer: Timer;
  #admitted: { key: string; node: XdsNode; stream: AdsStream; release: () => void } | undefined;
  #ended = false;

  constructor(call: Call, protocol: AdsProtocol, identity: string, streams: StreamCounter, options: AdsServiceOptions) {
    this.identity = identity;
    this.address = call.getPeer();
    this.#call = call;
    this.#protocol = protocol;
    this.#streams = streams;
    this.#options = options;
    this.#timer = options.wheel.start(firstRequestMs, () => this.#onTimer());
  }

  get node(): XdsNode {
    return this.#admitted?.node ?? { id: '', cluster: '', userAgentName: '', userAgentVersion: '', metadata: {} };
  }

  status(typeUrl: TypeUrl): TypeStatus {
    return (
      this.#admitted?.stream.status(typeUrl) ?? { state: 'NOT SENT', version: '', resources: 0, nacks: 0, error: '' }
    );
  }

  refuse(reason: string): void {
    this.#end(status.PERMISSION_DENIED, reason);
  }

  onMessage(bytes: Buffer): void {
    if (this.#ended) return;
    let request: AdsRequest;
    try {
      request = this.#protocol.read(bytes);
    } catch {
      this.#end(status.INVALID_ARGUMENT, 'the message is no discovery request');
      return;
    }
    if (this.#admitted === undefined && !this.#admit(request)) return;
    const fault = this.#admitted?.stream.onRequest(request);
    if (fault !== undefined) this.#end(status.INVALID_ARGUMENT, fault);
  }

  close(): void {
    this.#ended = true;
    this.#timer.stop();
    const admitted = this.#admitted;
    if (admitted === undefined) return;
    admitted.release();
    // What the stream was is still there to be read and kept.
    this.#options.onClose(admitted.key, this);
    this.#admitted = undefined;
  }

  /** The first request: it must be small and name a node that the identity may be. */
  #admit(request: AdsRequest): boolean {
    const { node, messageBytes, nodeBytes } = request;
    if (messageBytes > maxFirstBytes || nodeBytes > maxNodeBytes) {
      const limit = nodeBytes > maxNodeBytes ? `node is ${nodeBytes} bytes; at most ${maxNodeBytes}` : '';
      const message = limit || `first message is ${messageBytes} bytes; at most ${maxFirstBytes}`;
      return this.#end(status.INVALID_ARGUMENT, message);
    }
    if (node === undefined || node.id === '') {
      return this.#end(status.INVALID_ARGUMENT, 'the first request must name its node (node.id)');
    }
    const admission = this.#options.admit(node, this.identity);
    if (!admission.ok) return this.#end(status.PERMISSION_DENIED, admission.reason);
    const { key, quota } = admission;
    const release = this.#streams.take(`node ${quota}`, maxStreamsPerNode);
    if (release === undefined) {
      this.#options.onClose(key, this);
      return this.#end(status.RESOURCE_EXHAUSTED, `more than ${maxStreamsPerNode} streams of ${quota}`);
    }
    this.#open(key, node, release);
    return true;
  }

  #open(key: string, node: XdsNode, releaseQuota: () => void): void {
    const { cache, clock } = this.#options;
    const stream = new AdsStream(cache.get(key) ?? new Map(), {
      protocol: this.#protocol,
      clock,
      send: (bytes) => this.#send(bytes),
      onNack: (nack) => this.#options.onNack(this, nack),
    });
    const unwatch = cache.watch(key, (resources) => stream.update(resources));
    const release = () => {
      unwatch();
      releaseQuota();
    };
    this.#admitted = { key, node, stream, release };
    this.#timer.start(answerMs);
    this.#options.onOpen(key, this);
  }

  #send(bytes: Buffer): void {
    if (!this.#ended) this.#call.write(bytes);
  }

  #onTimer(): void {
    if (this.#ended) {
      this.#options.disconnect(this.address);
      return;
    }
    if (this.#admitted === undefined) {
      this.#end(status.DEADLINE_EXCEEDED, `no request within ${firstRequestMs / 1_000} s`);
      return;
    }
    const now = this.#options.clock.now();
    const oldest = this.#admitted.stream.oldestPending ?? now;
    if (now - oldest >= answerMs) {
      this.#end(status.DEADLINE_EXCEEDED, `a response was neither accepted nor refused within ${answerMs / 1_000} s`);
    } else {
      this.#timer.start(oldest + answerMs - now);
    }
  }

  #end(code: status, details: string): false {
    if (this.#ended) return false;
    this.#ended = true;
    this.#options.log.warn('discovery stream ended', {
      identity: this.identity,
      peer: this.address,
      node: this.node.id,
      reason: details,
    });
    end(this.#call, code, details);
    this.#timer.start(endMs);
    return false;
  }
}

/** Counts streams by name and refuses those above a limit. */
class StreamCounter {
  readonly #counts = new Map<string, number>();

  /** Takes a place; the returned function gives it back. Undefined when there is none. */
  take(name: string, limit: number): (() => void) | undefined {
    const count = this.#counts.get(name) ?? 0;
    if (count >= limit) return undefined;
    this.#counts.set(name, count + 1);
    let taken = true;
    return () => {
      if (!taken) return;
      taken = false;
      const left = (this.#counts.get(name) ?? 1) - 1;
      if (left === 0) this.#counts.delete(name);
      else this.#counts.set(name, left);
    };
  }
}

function end(call: Call, code: status, details: string): void {
  call.emit('error', { code, details });
}
