import { Cluster, type ClusterDependencies } from './cluster.ts';
import type { ClusterConfig, EndpointConfig } from './cluster-config.ts';

/** All clusters by name. Endpoints that discovery brings before their cluster wait for it here. */
export class ClusterManager {
  readonly #deps: ClusterDependencies;
  readonly #clusters = new Map<string, Cluster>();
  readonly #endpoints = new Map<string, readonly EndpointConfig[]>();

  constructor(deps: ClusterDependencies) {
    this.#deps = deps;
  }

  get(name: string): Cluster | undefined {
    return this.#clusters.get(name);
  }

  get all(): Iterable<Cluster> {
    return this.#clusters.values();
  }

  /** The TCP cluster of a service's port, for tunnels that name a service and no route. `service` is `<name>.<namespace>`. */
  findTcp(service: string, port: number): Cluster | undefined {
    for (const cluster of this.#clusters.values()) {
      const { config } = cluster;
      if (config.protocol === 'tcp' && config.service === service && config.servicePort === port) return cluster;
    }
    return undefined;
  }

  setCluster(config: ClusterConfig): void {
    const { discovery } = config;
    let cluster = this.#clusters.get(config.name);
    if (cluster === undefined) {
      cluster = new Cluster(config, this.#deps);
      this.#clusters.set(config.name, cluster);
    } else {
      cluster.setConfig(config);
    }
    const endpoints = discovery.kind === 'static' ? discovery.endpoints : this.#endpoints.get(discovery.endpointsName);
    if (endpoints !== undefined) cluster.setEndpoints(endpoints);
  }

  removeCluster(name: string): void {
    const cluster = this.#clusters.get(name);
    if (cluster === undefined) return;
    cluster.drain();
    this.#clusters.delete(name);
    const { discovery } = cluster.config;
    if (discovery.kind === 'eds') this.#endpoints.delete(discovery.endpointsName);
  }

  /** Sets the endpoints of every cluster that takes them under this name. */
  setEndpoints(name: string, endpoints: readonly EndpointConfig[]): void {
    this.#endpoints.set(name, endpoints);
    for (const cluster of this.#clusters.values()) {
      const { discovery } = cluster.config;
      if (discovery.kind === 'eds' && discovery.endpointsName === name) cluster.setEndpoints(endpoints);
    }
  }

  close(): void {
    for (const cluster of this.#clusters.values()) cluster.destroy();
    this.#clusters.clear();
  }
}
