import type { SpreadConfig } from '../cluster/cluster-config.ts';
import type { BalancedEndpoint, BalancerConfig, PickContext } from './balancer.ts';
import { isDegraded } from './endpoint-health.ts';
import { hashModulo } from './hash64.ts';
import { LocalitySet, type SelectionDependencies } from './locality-set.ts';
import { type LevelCounts, priorityLoads } from './priority-loads.ts';

interface Level<E extends BalancedEndpoint> {
  endpoints: E[];
  readonly normal: LocalitySet<E>;
  /** Made when the first endpoint is degraded. */
  reserve: LocalitySet<E> | undefined;
  /** Those in `reserve`. */
  degraded: ReadonlySet<E>;
}

/** Something to choose from, and how much of the load it gets. */
interface Source<E extends BalancedEndpoint> {
  readonly set: LocalitySet<E>;
  /** Percent of all requests. */
  readonly load: number;
  readonly panic: boolean;
}

/**
 * Endpoints by priority and health: decides which of them share the load, now and after each change of health, so that
 * a request has only to draw one. With one priority and no degraded endpoint there is nothing to draw.
 */
export class PrioritySet<E extends BalancedEndpoint> {
  readonly #config: BalancerConfig;
  readonly #spread: SpreadConfig;
  readonly #deps: SelectionDependencies;
  readonly #levels = new Map<number, Level<E>>();
  /** The first level, with which all share what they learn. */
  readonly #first: LocalitySet<E>;
  #sources: readonly Source<E>[] = [];
  #only: LocalitySet<E> | undefined;
  #inPanic = false;
  #overprovisioningFactor = 140;
  /** Requests that were sent to any endpoint, or failed, because too few were available. */
  panicPicks = 0;

  constructor(config: BalancerConfig, spread: SpreadConfig, deps: SelectionDependencies) {
    this.#config = config;
    this.#spread = spread;
    this.#deps = deps;
    this.#first = this.#newSet();
    this.#levels.set(0, { endpoints: [], normal: this.#first, reserve: undefined, degraded: new Set() });
  }

  /** Whether any priority that gets load has too few endpoints available. */
  get inPanic(): boolean {
    return this.#inPanic;
  }

  update(endpoints: readonly E[]): void {
    this.#overprovisioningFactor = endpoints[0]?.config.group?.overprovisioningFactor ?? 140;
    for (const level of this.#levels.values()) level.endpoints = [];
    for (const endpoint of endpoints) this.#level(endpoint.config.group?.priority ?? 0).endpoints.push(endpoint);
    for (const level of this.#levels.values()) this.#divide(level);
    this.refresh();
  }

  /** Call when the health of an endpoint changed. */
  refresh(): void {
    const levels = [...this.#levels].sort(([a], [b]) => a - b).map(([, level]) => level);
    for (const level of levels) {
      const same = level.endpoints.every((endpoint) => isDegraded(endpoint) === level.degraded.has(endpoint));
      if (!same) this.#divide(level);
    }
    const loads = priorityLoads(levels.map(count), this.#overprovisioningFactor, this.#spread.panicThresholdPercent);
    const sources: Source<E>[] = [];
    for (const [i, level] of levels.entries()) {
      const { healthy, degraded, panic } = loads[i] ?? { healthy: 0, degraded: 0, panic: false };
      level.normal.refresh(panic);
      level.reserve?.refresh(panic);
      // In panic all endpoints share alike, the degraded ones among them.
      const reserve = panic ? (healthy * level.degraded.size) / Math.max(1, level.endpoints.length) : degraded;
      const normal = panic ? healthy - reserve : healthy;
      if (normal > 0) sources.push({ set: level.normal, load: normal, panic });
      if (reserve > 0 && level.reserve !== undefined) sources.push({ set: level.reserve, load: reserve, panic });
    }
    this.#sources = sources;
    this.#inPanic = sources.some(({ panic }) => panic);
    this.#only = sources.length === 1 && !this.#inPanic ? sources[0]?.set : undefined;
  }

  pick(tried: readonly E[], context: PickContext | undefined): E | undefined {
    if (this.#only !== undefined) return this.#only.pick(tried, context);
    const hash = context?.hash;
    let point = hash === undefined ? this.#deps.random() * 100 : hashModulo(hash, 100);
    let chosen: Source<E> | undefined;
    for (const source of this.#sources) {
      chosen = source;
      point -= source.load;
      if (point < 0) break;
    }
    if (chosen === undefined) return undefined;
    if (chosen.panic) {
      this.panicPicks++;
      if (this.#spread.failTrafficOnPanic) return undefined;
    }
    return chosen.set.pick(tried, context);
  }

  onResult(endpoint: E, latencyMs: number, failed: boolean): void {
    this.#first.onResult(endpoint, latencyMs, failed);
  }

  #divide(level: Level<E>): void {
    const degraded = level.endpoints.filter(isDegraded);
    level.degraded = new Set(degraded);
    if (degraded.length > 0) level.reserve ??= this.#newSet();
    level.reserve?.update(degraded, this.#overprovisioningFactor);
    const normal = degraded.length === 0 ? level.endpoints : level.endpoints.filter((one) => !level.degraded.has(one));
    level.normal.update(normal, this.#overprovisioningFactor);
  }

  #level(priority: number): Level<E> {
    const known = this.#levels.get(priority);
    if (known !== undefined) return known;
    const level = { endpoints: [], normal: this.#newSet(), reserve: undefined, degraded: new Set<E>() };
    this.#levels.set(priority, level);
    return level;
  }

  #newSet(): LocalitySet<E> {
    return new LocalitySet<E>(this.#config, this.#spread, this.#deps);
  }
}

function count<E extends BalancedEndpoint>({ endpoints, degraded }: Level<E>): LevelCounts {
  let available = 0;
  let reserve = 0;
  for (const endpoint of endpoints) {
    if (!endpoint.available) continue;
    if (degraded.has(endpoint)) reserve++;
    else available++;
  }
  return { healthy: available, degraded: reserve, total: endpoints.length };
}
