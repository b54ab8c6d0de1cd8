import type { EndpointConfig } from '../../sidecar/cluster/cluster-config.ts';
import type { ConfigTarget } from '../../sidecar/discovery/warming.ts';
import type { ListenerConfig } from '../../sidecar/net/listener-config.ts';

/** A proxy that only writes down what it is told, in order. */
export class RecordingTarget implements ConfigTarget {
  readonly calls: string[] = [];
  readonly endpoints = new Map<string, readonly EndpointConfig[]>();
  /** Listeners that fail to bind, with the reason. */
  readonly unbindable = new Map<string, string>();
  readonly #waiting: { name: string; resolve: () => void }[] = [];

  setCluster(config: { name: string }): void {
    this.calls.push(`cluster ${config.name}`);
  }

  untilResolved(name: string): Promise<void> {
    return new Promise((resolve) => this.#waiting.push({ name, resolve }));
  }

  /** What ends each wait for a cluster's addresses, in order; a wait lasts until then. */
  untilResolvedOf(name: string): (() => void)[] {
    return this.#waiting.filter((wait) => wait.name === name).map(({ resolve }) => resolve);
  }

  removeCluster(name: string): void {
    this.calls.push(`-cluster ${name}`);
  }

  setEndpoints(name: string, endpoints: readonly EndpointConfig[]): void {
    this.endpoints.set(name, endpoints);
    this.calls.push(`endpoints ${name} ${endpoints.length}`);
  }

  setRouteTable(table: { name: string }): void {
    this.calls.push(`table ${table.name}`);
  }

  removeRouteTable(name: string): void {
    this.calls.push(`-table ${name}`);
  }

  setListener(config: ListenerConfig): Promise<number> {
    const failure = this.unbindable.get(config.name);
    if (failure !== undefined) return Promise.reject(new Error(failure));
    this.calls.push(`listener ${config.name}`);
    return Promise.resolve(config.port);
  }

  removeListener(name: string): Promise<void> {
    this.calls.push(`-listener ${name}`);
    return Promise.resolve();
  }

  /** What was called since the last time this was asked. */
  take(): string[] {
    return this.calls.splice(0);
  }
}
