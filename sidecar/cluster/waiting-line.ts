import type { Cluster } from './cluster.ts';
import type { ConnectionWaiter } from './http-pool.ts';

/** The requests that wait for a connection to one endpoint, in order, counted among the cluster's pending ones. */
export class WaitingLine {
  readonly #cluster: Cluster;
  readonly #waiting: ConnectionWaiter[] = [];

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** Who has waited longest. */
  get first(): ConnectionWaiter | undefined {
    return this.#waiting[0];
  }

  get length(): number {
    return this.#waiting.length;
  }

  /** Connections that the cluster may have, as far as who has waited longest is concerned. */
  get maxConnections(): number {
    return this.#waiting[0]?.load.thresholds.maxConnections ?? 0;
  }

  /** Puts `waiter` at the end, or turns it away where too many wait already. Returns whether it waits. */
  join(waiter: ConnectionWaiter): boolean {
    const { pendingRequests, thresholds } = waiter.load;
    if (pendingRequests >= thresholds.maxPendingRequests) {
      const { name } = this.#cluster.config;
      const detail = `${pendingRequests} requests of ${name} wait for a connection already (maxPendingRequests)`;
      waiter.onNoConnection({ kind: 'overflow', detail });
      return false;
    }
    this.#waiting.push(waiter);
    waiter.load.pendingRequests++;
    this.#cluster.pendingRequests++;
    return true;
  }

  /** Takes out who has waited longest. */
  next(): ConnectionWaiter | undefined {
    const waiter = this.#waiting.shift();
    if (waiter !== undefined) this.#left(waiter);
    return waiter;
  }

  leave(waiter: ConnectionWaiter): void {
    const index = this.#waiting.indexOf(waiter);
    if (index < 0) return;
    this.#waiting.splice(index, 1);
    this.#left(waiter);
  }

  #left(waiter: ConnectionWaiter): void {
    waiter.load.pendingRequests--;
    this.#cluster.pendingRequests--;
  }
}
