import type { MetadataEntry, SpreadConfig, SubsetConfig, SubsetFallback } from '../cluster/cluster-config.ts';
import type { BalancedEndpoint, BalancerConfig, MetadataMatch, PickContext } from './balancer.ts';
import type { SelectionDependencies } from './locality-set.ts';
import { PrioritySet } from './priority-set.ts';

interface Selector<E extends BalancedEndpoint> {
  readonly keys: readonly string[];
  readonly fallback: SubsetFallback | { keys: readonly string[] };
  /** By the values of the keys. */
  readonly sets: Map<string, PrioritySet<E>>;
}

/**
 * Endpoints divided by their metadata (Envoy's subset load balancer): a request that names metadata goes only to
 * endpoints that have it. All combinations of values that endpoints have are made when endpoints change.
 */
export class Subsets<E extends BalancedEndpoint> {
  readonly #config: SubsetConfig;
  readonly #make: () => PrioritySet<E>;
  readonly #selectors: readonly Selector<E>[];
  readonly #default: PrioritySet<E>;

  constructor(balancer: BalancerConfig, spread: SpreadConfig, subsets: SubsetConfig, deps: SelectionDependencies) {
    this.#config = subsets;
    this.#make = () => new PrioritySet<E>(balancer, spread, deps);
    this.#default = this.#make();
    this.#selectors = subsets.selectors.map(({ keys, fallback }) => ({
      keys,
      fallback: fallback ?? subsets.fallback,
      sets: new Map(),
    }));
  }

  /** Number of subsets, the default one not counted. */
  get size(): number {
    return this.#selectors.reduce((sum, { sets }) => sum + sets.size, 0);
  }

  update(endpoints: readonly E[]): void {
    for (const { keys, sets } of this.#selectors) {
      const groups = new Map<string, E[]>();
      for (const endpoint of endpoints) {
        for (const values of this.#valuesOf(endpoint, keys)) {
          const group = groups.get(values);
          if (group === undefined) groups.set(values, [endpoint]);
          else group.push(endpoint);
        }
      }
      for (const values of sets.keys()) if (!groups.has(values)) sets.delete(values);
      for (const [values, group] of groups) {
        const set = sets.get(values) ?? this.#make();
        set.update(group);
        sets.set(values, set);
      }
    }
    this.#default.update(endpoints.filter((endpoint) => hasEntries(endpoint, this.#config.defaultSubset)));
  }

  refresh(): void {
    for (const { sets } of this.#selectors) for (const set of sets.values()) set.refresh();
    this.#default.refresh();
  }

  /** `all` is the cluster without subsets, where a fallback may lead. */
  pick(all: PrioritySet<E>, tried: readonly E[], context: PickContext | undefined): E | undefined {
    const wanted = context?.subset;
    const selector = wanted === undefined ? undefined : this.#find(wanted.keys);
    if (wanted === undefined || selector === undefined)
      return this.#fallBack(this.#config.fallback, all, tried, context);
    const set = selector.sets.get(wanted.values);
    if (set !== undefined) {
      return (set.inPanic && this.#config.panicModeAny ? all : set).pick(tried, context);
    }
    const { fallback } = selector;
    if (typeof fallback === 'string') return this.#fallBack(fallback, all, tried, context);
    const fewer = metadataMatch(wanted.entries.filter(([key]) => fallback.keys.includes(key)));
    const reduced = this.#find(fewer.keys);
    if (reduced === undefined || context === undefined) return undefined;
    return this.pick(all, tried, { ...context, subset: fewer });
  }

  #fallBack(
    fallback: SubsetFallback,
    all: PrioritySet<E>,
    tried: readonly E[],
    context: PickContext | undefined,
  ): E | undefined {
    if (fallback === 'none') return undefined;
    return (fallback === 'any' ? all : this.#default).pick(tried, context);
  }

  #find(keys: string): Selector<E> | undefined {
    return this.#selectors.find((selector) => selector.keys.join('\0') === keys);
  }

  /** The combinations of values that an endpoint has for these keys: none, or one, or more where values are lists. */
  #valuesOf({ config }: E, keys: readonly string[]): string[] {
    let combinations: string[] = [''];
    for (const [i, key] of keys.entries()) {
      const value = config.metadata?.[key];
      if (value === undefined) return [];
      const values = Array.isArray(value) && this.#config.listAsAny ? value : [value];
      combinations = combinations.flatMap((before) =>
        values.map((one) => (i === 0 ? '' : `${before}\0`) + JSON.stringify(one)),
      );
    }
    return combinations;
  }
}

/** Makes entries, sorted by key, ready for look-ups. */
export function metadataMatch(entries: readonly MetadataEntry[]): MetadataMatch {
  return {
    entries,
    keys: entries.map(([key]) => key).join('\0'),
    values: entries.map(([, value]) => value).join('\0'),
  };
}

function hasEntries({ config }: BalancedEndpoint, entries: readonly MetadataEntry[]): boolean {
  return entries.every(([key, value]) => JSON.stringify(config.metadata?.[key]) === value);
}
