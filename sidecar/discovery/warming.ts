import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Timer, TimerWheel } from '../../lib/timer-wheel.ts';
import type { ClusterConfig, EndpointConfig } from '../cluster/cluster-config.ts';
import type { SecretStore } from '../identity/secret-store.ts';
import type { ListenerConfig } from '../net/listener-config.ts';
import type { RouteTable } from '../route/route-table.ts';
import { type ClusterResource, endpointsOf } from './decode-cluster.ts';
import type { EndpointsResource } from './decode-endpoints.ts';
import { needsOf } from './decode-listener.ts';
import { clustersOf } from './decode-route.ts';

/** The part of the proxy that configuration goes to. */
export interface ConfigTarget {
  setCluster(config: ClusterConfig): void;
  /** Resolves when a cluster that looks up host names is ready to serve: with the first answers, or after 5 s without. */
  untilResolved(cluster: string): Promise<void>;
  removeCluster(name: string): void;
  setEndpoints(name: string, endpoints: readonly EndpointConfig[]): void;
  setRouteTable(table: RouteTable): void;
  removeRouteTable(name: string): void;
  setListener(config: ListenerConfig): Promise<number>;
  removeListener(name: string): Promise<void>;
}

export interface WarmingOptions {
  target: ConfigTarget;
  secrets: SecretStore;
  clock: Clock;
  wheel: TimerWheel;
  log: Log;
  /** Called when a listener was bound, failed to, or was removed. */
  onListenerChange?: () => void;
}

/** What is wanted and what the proxy runs now. */
interface Entry<T> {
  wanted: T | undefined;
  applied: T | undefined;
  /** When `wanted` came; monotonic milliseconds. */
  since: number;
}

interface ListenerEntry extends Entry<ListenerConfig> {
  /** The port in use. */
  port: number | undefined;
  failure: string | undefined;
  busy: boolean;
  retryAt: number;
}

export type ListenerState = 'active' | 'warming' | 'failed';

export interface ListenerStatus {
  name: string;
  state: ListenerState;
  port: number | undefined;
  failure: string | undefined;
}

/** How long something waits for what it refers to, in milliseconds (security.md L-93). */
export const warmingMs = 15_000;
const bindRetryMs = 2_000;
/** Stands for backends that cannot be resolved; it never exists (docs/xds-resources.md). */
const invalidBackend = 'invalid-backend';

/**
 * Decides when configuration is handed to the proxy: a cluster when its endpoints and secrets are there, a route
 * table when its clusters are and know their addresses, a listener when its tables and secrets are; and removes nothing that is still
 * referred to. What waits for too long is applied without, except a listener, which stays as it is.
 */
export class Warming {
  readonly #options: WarmingOptions;
  readonly #clusters = new Map<string, Entry<ClusterResource>>();
  readonly #assignments = new Map<string, EndpointsResource>();
  /** Per cluster, the assignment the proxy has. */
  readonly #appliedEndpoints = new Map<string, EndpointsResource>();
  /** New clusters whose host names have not been looked up yet. */
  readonly #unresolved = new Map<string, ClusterResource>();
  readonly #tables = new Map<string, Entry<RouteTable>>();
  readonly #listeners = new Map<string, ListenerEntry>();
  readonly #timer: Timer;
  readonly #stopWatchingSecrets: () => void;
  #closed = false;

  constructor(options: WarmingOptions) {
    this.#options = options;
    this.#timer = options.wheel.timer(() => this.reconcile());
    this.#stopWatchingSecrets = options.secrets.onChange(() => this.reconcile());
  }

  // `undefined` removes. Nothing happens before reconcile().

  setCluster(name: string, resource: ClusterResource | undefined): void {
    this.#want(this.#clusters, name, resource);
  }

  setEndpoints(name: string, resource: EndpointsResource): void {
    this.#assignments.set(name, resource);
  }

  setRouteTable(name: string, table: RouteTable | undefined): void {
    this.#want(this.#tables, name, table);
  }

  setListener(name: string, config: ListenerConfig | undefined): void {
    const now = this.#options.clock.now();
    const entry = this.#listeners.get(name);
    if (entry !== undefined) Object.assign(entry, { wanted: config, since: now, retryAt: 0 });
    else if (config !== undefined) {
      const fresh = { applied: undefined, port: undefined, failure: undefined, busy: false, retryAt: 0 };
      this.#listeners.set(name, { ...fresh, wanted: config, since: now });
    }
  }

  /** Names that clusters and listeners refer to, to be subscribed to. */
  references(): { endpoints: Set<string>; tables: Set<string>; secrets: Set<string> } {
    const names = { endpoints: new Set<string>(), tables: new Set<string>(), secrets: new Set<string>() };
    for (const { wanted, applied } of this.#clusters.values()) {
      for (const cluster of [wanted, applied]) {
        if (cluster === undefined) continue;
        const { discovery, tls } = cluster.config;
        if (discovery.kind === 'eds') names.endpoints.add(discovery.endpointsName);
        for (const name of secretsOf(tls)) names.secrets.add(name);
      }
    }
    for (const { wanted, applied } of this.#listeners.values()) {
      for (const listener of [wanted, applied]) {
        if (listener === undefined) continue;
        const needs = needsOf(listener);
        for (const name of needs.tables) names.tables.add(name);
        for (const name of needs.secrets) names.secrets.add(name);
      }
    }
    return names;
  }

  /** The listener that occupies or wants this address, if any. Port 0 belongs to nobody. */
  ownerOf(address: string, port: number): string | undefined {
    if (port === 0) return undefined;
    for (const [name, { wanted, applied }] of this.#listeners) {
      const config = wanted ?? applied;
      if (config?.port === port && config.address === address) return name;
    }
    return undefined;
  }

  listeners(): ListenerStatus[] {
    return [...this.#listeners].map(([name, { wanted, applied, port, failure }]) => ({
      name,
      state: wanted === applied ? 'active' : failure === undefined ? 'warming' : 'failed',
      port,
      failure,
    }));
  }

  /** Whether the proxy runs the newest version of the cluster, table or listener. */
  isApplied(type: 'cluster' | 'route' | 'listener', name: string): boolean {
    const entries = { cluster: this.#clusters, route: this.#tables, listener: this.#listeners }[type];
    const entry: Entry<unknown> | undefined = entries.get(name);
    return entry !== undefined && entry.wanted === entry.applied;
  }

  /** Hands over everything that is ready, in make-before-break order. */
  reconcile(): void {
    if (this.#closed) return;
    for (const [name, entry] of this.#clusters) if (entry.wanted) this.#applyCluster(name, entry, entry.wanted);
    for (const [name, entry] of this.#tables) if (entry.wanted) this.#applyTable(name, entry, entry.wanted);
    this.#freePorts();
    for (const [name, entry] of this.#listeners) if (entry.wanted) this.#applyListener(name, entry, entry.wanted);
    this.#removeUnwanted();
    this.#schedule();
  }

  close(): void {
    this.#closed = true;
    this.#timer.stop();
    this.#stopWatchingSecrets();
  }

  #want<T>(entries: Map<string, Entry<T>>, name: string, wanted: T | undefined): void {
    const since = this.#options.clock.now();
    const entry = entries.get(name);
    if (entry !== undefined) Object.assign(entry, { wanted, since });
    else if (wanted !== undefined) entries.set(name, { wanted, applied: undefined, since });
  }

  #waitedEnough(entry: Entry<unknown>): boolean {
    return this.#options.clock.now() - entry.since >= warmingMs;
  }

  #applyCluster(name: string, entry: Entry<ClusterResource>, wanted: ClusterResource): void {
    const { target, secrets, log } = this.#options;
    const { discovery, tls } = wanted.config;
    const assignment = discovery.kind === 'eds' ? this.#assignments.get(discovery.endpointsName) : undefined;
    if (entry.applied !== wanted) {
      const missing = [
        ...(discovery.kind === 'eds' && assignment === undefined ? [`endpoints ${discovery.endpointsName}`] : []),
        ...missingOf(secretsOf(tls), secrets),
      ];
      if (missing.length > 0) {
        if (!this.#waitedEnough(entry)) return;
        log.warn('warming-timeout', { cluster: name, missing: missing.join(', ') });
      }
      target.setCluster(wanted.config);
      // One that has addresses keeps them until there are others.
      if (discovery.kind !== 'dns') this.#unresolved.delete(name);
      else if (entry.applied === undefined || this.#unresolved.has(name)) this.#awaitAnswer(name, wanted);
      entry.applied = wanted;
      this.#appliedEndpoints.delete(name);
    }
    if (assignment !== undefined && this.#appliedEndpoints.get(name) !== assignment) {
      target.setEndpoints(name, endpointsOf(wanted, assignment));
      this.#appliedEndpoints.set(name, assignment);
    }
  }

  #awaitAnswer(name: string, cluster: ClusterResource): void {
    this.#unresolved.set(name, cluster);
    void this.#options.target.untilResolved(name).then(() => {
      if (this.#unresolved.get(name) !== cluster) return;
      this.#unresolved.delete(name);
      this.reconcile();
    });
  }

  #applyTable(name: string, entry: Entry<RouteTable>, wanted: RouteTable): void {
    if (entry.applied === wanted) return;
    const missing = this.#missingClusters(clustersOf(wanted));
    if (missing.length > 0) {
      if (!this.#waitedEnough(entry)) return;
      this.#options.log.warn('warming-timeout', { route: name, missing: missing.join(', ') });
    }
    this.#options.target.setRouteTable(wanted);
    entry.applied = wanted;
  }

  #applyListener(name: string, entry: ListenerEntry, wanted: ListenerConfig): void {
    if (entry.applied === wanted || entry.busy || this.#options.clock.now() < entry.retryAt) return;
    const needs = needsOf(wanted);
    const missing = [
      ...missingOf(needs.secrets, this.#options.secrets),
      ...[...needs.tables].filter((table) => this.#tables.get(table)?.applied === undefined),
    ];
    if (missing.length > 0) {
      if (this.#waitedEnough(entry) && entry.failure === undefined) {
        entry.failure = `warming-timeout: waits for ${missing.join(', ')}`;
        this.#options.log.warn('warming-timeout', { listener: name, missing: missing.join(', ') });
        this.#options.onListenerChange?.();
      }
      return;
    }
    if (this.#missingClusters(needs.clusters).length > 0 && !this.#waitedEnough(entry)) return;
    entry.busy = true;
    this.#options.target.setListener(wanted).then(
      (port) => this.#listenerDone(entry, { applied: wanted, port, failure: undefined }),
      (error: unknown) => {
        const failure = error instanceof Error ? error.message : String(error);
        this.#options.log.error('listener cannot be bound', { listener: name, error: failure });
        this.#listenerDone(entry, { failure, retryAt: this.#options.clock.now() + bindRetryMs });
      },
    );
  }

  #listenerDone(entry: ListenerEntry, result: Partial<ListenerEntry>): void {
    Object.assign(entry, result, { busy: false });
    this.#options.onListenerChange?.();
    this.reconcile();
  }

  #missingClusters(names: Iterable<string>): string[] {
    return [...names].filter(
      (name) =>
        name !== invalidBackend && (this.#clusters.get(name)?.applied === undefined || this.#unresolved.has(name)),
    );
  }

  /** A listener that goes makes room first when another one wants its port. */
  #freePorts(): void {
    for (const [name, { wanted, applied }] of this.#listeners) {
      if (wanted !== undefined || applied === undefined || applied.port === 0) continue;
      const isTaken = [...this.#listeners.values()].some(
        (other) => other.wanted?.port === applied.port && other.wanted.address === applied.address,
      );
      if (isTaken) this.#removeListener(name);
    }
  }

  #removeListener(name: string): void {
    const entry = this.#listeners.get(name);
    if (entry === undefined || entry.busy) return;
    const { target, log, onListenerChange } = this.#options;
    this.#listeners.delete(name);
    if (entry.applied === undefined) return;
    target.removeListener(name).catch((error: unknown) => {
      log.warn('listener did not close cleanly', { listener: name, error: String(error) });
    });
    onListenerChange?.();
  }

  #removeUnwanted(): void {
    const { target } = this.#options;
    for (const [name, { wanted }] of this.#listeners) if (wanted === undefined) this.#removeListener(name);
    const references = this.references();
    for (const [name, entry] of this.#tables) {
      if (references.tables.has(name) && (entry.wanted !== undefined || entry.applied !== undefined)) continue;
      this.#tables.delete(name);
      if (entry.applied !== undefined) target.removeRouteTable(name);
    }
    const used = this.#usedClusters();
    for (const [name, entry] of this.#clusters) {
      if (entry.wanted !== undefined || (used.has(name) && !this.#waitedEnough(entry))) continue;
      this.#clusters.delete(name);
      this.#unresolved.delete(name);
      this.#appliedEndpoints.delete(name);
      if (entry.applied !== undefined) target.removeCluster(name);
    }
    for (const name of this.#assignments.keys()) {
      if (!references.endpoints.has(name)) this.#assignments.delete(name);
    }
  }

  /** Clusters that the configuration in force, or about to be, sends to. */
  #usedClusters(): Set<string> {
    const used = new Set<string>();
    for (const { applied } of this.#listeners.values()) {
      if (applied !== undefined) for (const name of needsOf(applied).clusters) used.add(name);
    }
    for (const { wanted, applied } of this.#tables.values()) {
      for (const table of [wanted, applied]) {
        if (table !== undefined) for (const name of clustersOf(table)) used.add(name);
      }
    }
    return used;
  }

  /** Comes back when the next thing has waited long enough. */
  #schedule(): void {
    const now = this.#options.clock.now();
    const due: number[] = [];
    for (const entries of [this.#clusters, this.#tables, this.#listeners]) {
      for (const { wanted, applied, since } of entries.values()) {
        if (wanted !== applied && now - since < warmingMs) due.push(since + warmingMs - now);
      }
    }
    for (const { wanted, applied, retryAt } of this.#listeners.values()) {
      if (wanted !== applied && retryAt > now) due.push(retryAt - now);
    }
    if (due.length > 0) this.#timer.start(Math.min(...due) + 1);
    else this.#timer.stop();
  }
}

function missingOf(names: Iterable<string>, secrets: SecretStore): string[] {
  return [...names].filter((name) => secrets.get(name) === undefined).map((name) => `secret ${name}`);
}

function secretsOf(tls: ClusterConfig['tls']): string[] {
  return tls === undefined ? [] : [tls.certificateSecret, tls.validationSecret].filter((name) => name !== '');
}
