import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Watch } from '../../lib/watch.ts';
import type { ProxyStatus } from '../../proto/api/v1.ts';
import type { MeshSnapshot } from '../registry/mesh-snapshot.ts';
import type { Registrations } from '../sources/registrations.ts';
import type { ProxyNode } from '../translate/proxy-node.ts';
import type { Admission, AdsConnection } from '../xds/ads-service.ts';
import type { XdsNode } from '../xds/protocol.ts';
import type { SnapshotCache } from '../xds/snapshot-cache.ts';
import { admitNode, objection } from './admission.ts';
import { ProxyDirectory } from './proxy-directory.ts';
import { Push } from './push.ts';

export interface ProxyStreamsOptions {
  readonly snapshots: Watch<MeshSnapshot>;
  readonly registrations: Pick<Registrations, 'setConnected'>;
  readonly cache: SnapshotCache;
  readonly rootsPem: string;
  readonly clock: Clock;
  readonly log: Log;
}

interface OpenStream {
  readonly node: ProxyNode;
  readonly identity: string;
  connection: AdsConnection | undefined;
}

/**
 * The streams of proxies: who may have one, what it gets, who is connected. Every stream has resources of its own in
 * the cache, since two processes may call themselves by one node id for a while.
 */
export class ProxyStreams {
  readonly #options: ProxyStreamsOptions;
  readonly #directory: ProxyDirectory;
  readonly #push: Push;
  readonly #streams = new Map<string, OpenStream>();
  #count = 0;
  #closed = false;

  constructor(options: ProxyStreamsOptions) {
    this.#options = options;
    this.#directory = new ProxyDirectory(options.clock);
    this.#push = new Push({ ...options, mayHave: (key, node, snapshot) => this.#mayHave(key, node, snapshot) });
  }

  /** Decides about the first request of a stream. */
  admit(node: XdsNode, identity: string): Admission {
    const admitted = admitNode(node, identity, this.#options.snapshots.value);
    if (!admitted.ok) return admitted;
    const key = `${admitted.node.id}#${++this.#count}`;
    this.#streams.set(key, { node: admitted.node, identity, connection: undefined });
    this.#push.add(key, admitted.node);
    return { ok: true, key, quota: admitted.node.id };
  }

  open(key: string, connection: AdsConnection): void {
    const stream = this.#streams.get(key);
    if (stream === undefined) return;
    stream.connection = connection;
    const { node } = stream;
    this.#options.log.info('proxy connected', { node: node.id, spiffeId: stream.identity, peer: connection.address });
    if (this.#directory.add(key, node, connection)) this.#setConnected(node, true);
  }

  closeStream(key: string): void {
    const stream = this.#streams.get(key);
    if (stream === undefined) return;
    const { node } = stream;
    this.#streams.delete(key);
    const last = this.#directory.remove(key, node);
    this.#push.remove(key);
    if (this.#closed) return;
    this.#options.log.info('proxy disconnected', { node: node.id, peer: stream.connection?.address });
    if (last) this.#setConnected(node, false);
  }

  /** See {@link ProxyDirectory.rows}; for the newest snapshot. */
  rows(): ProxyStatus[] {
    this.#push.flush();
    return this.#directory.rows();
  }

  keyOf(id: string): string | undefined {
    this.#push.flush();
    return this.#directory.keyOf(id);
  }

  /** Pushes nothing any more. That proxies lose their streams then says nothing about them. */
  close(): void {
    this.#closed = true;
    this.#push.close();
  }

  #mayHave(key: string, node: ProxyNode, snapshot: MeshSnapshot): boolean {
    const stream = this.#streams.get(key);
    if (stream === undefined) return false;
    const reason = objection(node, stream.identity, snapshot);
    if (reason !== undefined) stream.connection?.refuse(reason);
    return reason === undefined;
  }

  #setConnected({ namespace, workload }: ProxyNode, connected: boolean): void {
    this.#options.registrations.setConnected(namespace, workload, connected);
  }
}
