import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { TimerWheel } from '../../lib/timer-wheel.ts';
import type { Resource } from '../../proto/gen/envoy/service/discovery/v3/discovery.ts';
import type { SecretStore } from '../identity/secret-store.ts';
import type { FileReference, LocalData } from './decode-context.ts';
import { inlinePrefix } from './decode-inline-secret.ts';
import { type AcceptedResource, decodeResources, describeRefused, type RefusedResource } from './decode-response.ts';
import { HeldResources } from './held-resources.ts';
import { probePort } from './probe-port.ts';
import { type ResourceType, resourceTypes, typeNames } from './type-urls.ts';
import { type ConfigTarget, type ListenerStatus, Warming } from './warming.ts';

export interface DiscoveryOptions {
  target: ConfigTarget;
  secrets: SecretStore;
  /** Secrets that the proxy makes itself and never asks for. */
  localSecrets: ReadonlySet<string>;
  /** Trust domain that validation secrets belong to. */
  trustDomain: string;
  /** Data outside of the configuration that it may name; without it, such names are refused. */
  local?: LocalData;
  /** Whether resources can come by the aggregated stream. Default true. */
  hasAds?: boolean;
  clock: Clock;
  wheel: TimerWheel;
  log: Log;
  /** Called after each update, and when a listener was bound or removed. */
  onChange?: () => void;
}

/** What one response brought, however it came. */
export interface Update {
  type: ResourceType;
  resources: readonly Resource[];
  removed: readonly string[];
  /** `static` for what the proxy is started with; default `dynamic`. */
  origin?: 'static' | 'dynamic';
}

/** Types whose names are asked for because clusters and listeners refer to them. */
export const namedTypes = ['endpoint', 'secret', 'route'] as const;

/** Fewer clusters than this may vanish at once. */
const guardedClusters = 5;

/**
 * Takes resources from a stream or from the last good state, keeps what is good, and hands it to the proxy when it
 * is warm. Nothing that a server sends makes it throw.
 */
export class Discovery {
  readonly held = new HeldResources();
  readonly #options: DiscoveryOptions;
  readonly #warming: Warming;
  readonly #received = new Set<ResourceType>();
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: DiscoveryOptions) {
    this.#options = options;
    const { target, secrets, clock, wheel, log, onChange } = options;
    this.#warming = new Warming({
      target,
      secrets,
      clock,
      wheel,
      log,
      ...(onChange === undefined ? {} : { onListenerChange: onChange }),
    });
  }

  /**
   * Applies an update, after those that came before. Answers the problems for the NACK, each naming resource and field; none is an ACK. Good
   * resources of an update are applied also when others are bad; a bad one keeps its last good version.
   */
  accept(update: Update): Promise<string[]> {
    const accepted = this.#queue.then(() => this.#accept(update));
    this.#queue = accepted;
    return accepted;
  }

  async #accept(update: Update): Promise<string[]> {
    const { type, origin = 'dynamic' } = update;
    const guard = this.#massRemoval(update);
    if (guard !== undefined) return [guard];
    const now = this.#options.clock.wallTime();
    const held = this.held.of(type);
    const isFixed = (name: string) => origin === 'dynamic' && held.get(name)?.origin === 'static';
    const { trustDomain, local, hasAds = true } = this.#options;
    const context = { trustDomain, now, hasAds, ...(local === undefined ? {} : { local }) };
    const { accepted, refused } = decodeResources(type, update.resources, context);
    const changeable = accepted.filter(({ name, version }) => {
      if (isFixed(name)) refused.push({ name, version, problems: ['the proxy was started with one of this name'] });
      return !isFixed(name);
    });
    const bindable = type === 'listener' ? await this.#checkAddresses(changeable, update.removed, refused) : changeable;
    for (const resource of bindable) {
      const { name, version, packed, findings } = resource;
      held.set(name, { version, packed, origin, files: findings.files, updatedAt: now, refused: undefined });
      for (const secret of findings.secrets) this.#options.secrets.set(secret);
      this.#stage(resource);
    }
    for (const name of update.removed) {
      if (!isFixed(name) && held.delete(name)) this.#stageRemoval(type, name);
    }
    for (const { name, version, problems } of refused) {
      const before = held.get(name);
      if (before !== undefined) before.refused = { version, details: problems.join('; '), at: now };
    }
    this.#received.add(type);
    this.#warming.reconcile();
    this.#dropUnreferenced();
    this.#options.onChange?.();
    const problems = describeRefused(type, refused);
    for (const problem of problems) this.#options.log.warn('resource refused', { problem });
    return problems;
  }

  /** Names to subscribe to, of the types that are asked for by name. */
  wantedNames(type: ResourceType): Set<string> {
    const { endpoints, tables, secrets } = this.#warming.references();
    if (type === 'endpoint') return endpoints;
    if (type === 'route') return tables;
    if (type !== 'secret') return new Set();
    return new Set(
      [...secrets].filter((name) => !name.startsWith(inlinePrefix) && !this.#options.localSecrets.has(name)),
    );
  }

  /** Files with resources that those held refer to. */
  wantedFiles(): FileReference[] {
    return resourceTypes.flatMap((type) => [...this.held.of(type).values()].flatMap(({ files }) => files));
  }

  /** Whether an update of this type has come. */
  hasReceived(type: ResourceType): boolean {
    return this.#received.has(type);
  }

  listeners(): ListenerStatus[] {
    return this.#warming.listeners();
  }

  /** Whether the proxy runs the newest accepted version of a resource. */
  isActive(type: ResourceType, name: string): boolean {
    return type === 'endpoint' || type === 'secret' || this.#warming.isApplied(type, name);
  }

  close(): void {
    this.#warming.close();
  }

  #stage(resource: AcceptedResource): void {
    const { name } = resource;
    if (resource.type === 'cluster') this.#warming.setCluster(name, resource.value);
    else if (resource.type === 'endpoint') this.#warming.setEndpoints(name, resource.value);
    else if (resource.type === 'listener') this.#warming.setListener(name, resource.value);
    else if (resource.type === 'route') this.#warming.setRouteTable(name, resource.value);
    else this.#options.secrets.set(resource.value);
  }

  #stageRemoval(type: ResourceType, name: string): void {
    if (type === 'cluster') this.#warming.setCluster(name, undefined);
    if (type === 'listener') this.#warming.setListener(name, undefined);
    if (type === 'route') this.#warming.setRouteTable(name, undefined);
    // Endpoints go with their cluster, and a secret in use keeps its last value.
  }

  /** A server that has lost its state must not empty the proxy (security.md XD-08). */
  #massRemoval({ type, resources, removed }: Update): string | undefined {
    if (type !== 'cluster' || resources.length > 0) return undefined;
    const held = this.held.of(type);
    const staying = [...held.keys()].filter((name) => name.startsWith('outbound|') && !removed.includes(name));
    const leaving = removed.filter((name) => held.has(name) && name.startsWith('outbound|'));
    if (leaving.length < guardedClusters || staying.length > 0) return undefined;
    const text = `${typeNames.cluster}: refusing to drop 100 % of clusters (${leaving.length}) in one response`;
    this.#options.log.error('mass removal refused', { clusters: leaving.length });
    return text;
  }

  /** Moves listeners whose address is taken, here or by another process, to the refused (security.md XD-10). */
  async #checkAddresses(
    accepted: readonly AcceptedResource[],
    removed: readonly string[],
    refused: RefusedResource[],
  ): Promise<AcceptedResource[]> {
    const good: AcceptedResource[] = [];
    const claimed = new Map<string, string>();
    for (const resource of accepted) {
      if (resource.type !== 'listener') continue;
      const { address, port } = resource.value;
      const { name, version } = resource;
      const owner = this.#warming.ownerOf(address, port);
      const ours = owner === name || (owner !== undefined && removed.includes(owner));
      const other = claimed.get(`${address} ${port}`) ?? (ours ? undefined : owner);
      const fault =
        other !== undefined
          ? `port ${port} belongs to listener "${other}"`
          : ours
            ? undefined
            : await probePort(address, port);
      if (fault === undefined) {
        if (port !== 0) claimed.set(`${address} ${port}`, name);
        good.push(resource);
      } else refused.push({ name, version, problems: [`address: ${fault}`] });
    }
    return good;
  }

  #dropUnreferenced(): void {
    for (const type of namedTypes) {
      const wanted = this.wantedNames(type);
      const held = this.held.of(type);
      for (const [name, { origin }] of held) if (origin === 'dynamic' && !wanted.has(name)) held.delete(name);
    }
    const { secrets } = this.#warming.references();
    for (const name of this.#options.secrets.names()) {
      if (name.startsWith(inlinePrefix) && !secrets.has(name)) this.#options.secrets.delete(name);
    }
  }
}
