import type { Clock } from '../../lib/clock.ts';
import type { ProxyStatus } from '../../proto/api/v1.ts';
import type { ProxyNode } from '../translate/proxy-node.ts';
import type { AdsConnection } from '../xds/ads-service.ts';
import { sendOrder, shortNames } from '../xds/order.ts';

interface Entry {
  readonly key: string;
  readonly node: ProxyNode;
  readonly connection: AdsConnection;
  /** Milliseconds since the epoch. */
  readonly since: number;
}

const keptMs = 600_000;
const maxGone = 1_000;

/** The proxies that are connected, and those that were a short time ago; what `heddle proxy-status` shows. */
export class ProxyDirectory {
  readonly #clock: Clock;
  /** Streams by node id, oldest first. */
  readonly #streams = new Map<string, Entry[]>();
  /** Rows of proxies that left, by node id, the longest gone first. `until` on the clock's scale. */
  readonly #gone = new Map<string, { row: ProxyStatus; until: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Adds a stream; answers whether it is the node's first. */
  add(key: string, node: ProxyNode, connection: AdsConnection): boolean {
    const streams = this.#streams.get(node.id) ?? [];
    this.#streams.set(node.id, [...streams, { key, node, connection, since: this.#clock.wallTime() }]);
    this.#gone.delete(node.id);
    return streams.length === 0;
  }

  /** Removes a stream; answers whether it was the node's last. */
  remove(key: string, node: ProxyNode): boolean {
    const streams = this.#streams.get(node.id) ?? [];
    const left = streams.filter((entry) => entry.key !== key);
    if (left.length > 0) {
      this.#streams.set(node.id, left);
      return false;
    }
    this.#streams.delete(node.id);
    const last = streams.at(-1);
    if (last === undefined) return false;
    this.#gone.set(node.id, { row: { ...describe(last), connected: false }, until: this.#clock.now() + keptMs });
    for (const id of this.#gone.keys()) {
      if (this.#gone.size <= maxGone) break;
      this.#gone.delete(id);
    }
    return true;
  }

  /** Key under which the newest stream of a node has its resources. */
  keyOf(id: string): string | undefined {
    return this.#streams.get(id)?.at(-1)?.key;
  }

  /** One row for each proxy, by id; of several streams the newest counts. */
  rows(): ProxyStatus[] {
    const now = this.#clock.now();
    for (const [id, { until }] of this.#gone) if (until <= now) this.#gone.delete(id);
    const connected = [...this.#streams.values()].flatMap((streams) => {
      const newest = streams.at(-1);
      return newest === undefined ? [] : [describe(newest)];
    });
    return [...connected, ...[...this.#gone.values()].map(({ row }) => row)].sort((a, b) => (a.id < b.id ? -1 : 1));
  }
}

function describe({ node, connection, since }: Entry): ProxyStatus {
  const { userAgentName, userAgentVersion } = connection.node;
  return {
    id: node.id,
    mode: modeOf(node, userAgentName),
    namespace: node.namespace,
    workload: node.workload,
    spiffeId: connection.identity,
    version: userAgentVersion,
    address: connection.address,
    connectedAt: new Date(since).toISOString(),
    connected: true,
    types: Object.fromEntries(sendOrder.map((typeUrl) => [shortNames[typeUrl], { ...connection.status(typeUrl) }])),
  };
}

function modeOf(node: ProxyNode, userAgent: string): string {
  if (userAgent === 'envoy') return 'envoy';
  return userAgent.startsWith('gRPC') ? 'grpc' : node.mode;
}
