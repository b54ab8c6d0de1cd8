import { Cluster, type ClusterDependencies } from './cluster.ts';
import type { ClusterConfig, EndpointConfig } from './cluster-config.ts';
import type { DnsConfig } from './dns/dns-config.ts';
import { DnsEndpoints } from './dns/dns-endpoints.ts';
import { NameResolver } from './dns/name-resolver.ts';

/** All clusters by name. Endpoints that discovery brings before their cluster wait for it here. */
export class ClusterManager {
  readonly #deps: ClusterDependencies;
  readonly #clusters = new Map<string, Cluster>();
  readonly #endpoints = new Map<string, readonly EndpointConfig[]>();

  readonly #lookUps = new Map<string, DnsEndpoints>();
  readonly #resolver: NameResolver;

  /** `resolver` looks up the host names of clusters by DNS. */
  constructor(deps: ClusterDependencies, resolver: NameResolver = new NameResolver()) {
    this.#deps = deps;
    this.#resolver = resolver;
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
    if (discovery.kind === 'dns') {
      this.#lookUp(cluster, discovery.dns);
      return;
    }
    this.#stopLookUps(config.name);
    const endpoints = discovery.kind === 'static' ? discovery.endpoints : this.#endpoints.get(discovery.endpointsName);
    if (endpoints !== undefined) cluster.setEndpoints(endpoints);
  }

  /** Resolves at once for a cluster that looks up no names; see {@link DnsEndpoints.resolved}. */
  untilResolved(name: string): Promise<void> {
    return this.#lookUps.get(name)?.resolved ?? Promise.resolve();
  }

  removeCluster(name: string): void {
    const cluster = this.#clusters.get(name);
    if (cluster === undefined) return;
    cluster.drain();
    this.#stopLookUps(name);
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

  /** Look-ups that are asked for in the same words go on. */
  #lookUp(cluster: Cluster, dns: DnsConfig): void {
    const { name } = cluster.config;
    const running = this.#lookUps.get(name);
    if (running !== undefined && JSON.stringify(running.config) === JSON.stringify(dns)) return;
    running?.close();
    const endpoints = new DnsEndpoints(
      dns,
      { ...this.#deps, resolver: this.#resolver },
      (found) => cluster.setEndpoints(found),
      (host, reason) => this.#deps.onPeerRefused(name, 'dns.lookup-failed', reason, host),
    );
    this.#lookUps.set(name, endpoints);
  }

  #stopLookUps(name: string): void {
    this.#lookUps.get(name)?.close();
    this.#lookUps.delete(name);
  }

  close(): void {
    for (const name of [...this.#lookUps.keys()]) this.#stopLookUps(name);
    for (const cluster of this.#clusters.values()) cluster.destroy();
    this.#clusters.clear();
  }
}
