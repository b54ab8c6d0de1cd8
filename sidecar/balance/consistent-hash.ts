import type { Random } from '../../lib/random.ts';
import type { EndpointConfig, HashConfig } from '../cluster/cluster-config.ts';
import type { BalancedEndpoint, Balancer, PickContext } from './balancer.ts';
import { isEligible, type Strictness } from './eligible.ts';
import type { HashTable, PlacedEndpoint } from './hash-table.ts';
import type { Hash64 } from './hash64.ts';

/**
 * Sends requests of one hash to one endpoint, by a table that changes little when endpoints come and go; requests
 * without a hash go anywhere. Where the endpoint of a hash may not be used, the next place of the table decides, so
 * that no other hash moves. The table is made when endpoints change, never when their health does.
 */
export class ConsistentHashBalancer<E extends BalancedEndpoint> implements Balancer<E> {
  readonly #config: HashConfig;
  readonly #build: (placed: readonly PlacedEndpoint<E>[]) => HashTable<E>;
  readonly #random: Random;
  #table: HashTable<E>;
  #endpoints: readonly E[] = [];
  #placed: readonly PlacedEndpoint<E>[] = [];
  #totalWeight = 0;
  #panic = false;

  constructor(config: HashConfig, build: (placed: readonly PlacedEndpoint<E>[]) => HashTable<E>, random: Random) {
    this.#config = config;
    this.#build = build;
    this.#random = random;
    this.#table = build([]);
  }

  update(endpoints: readonly E[]): void {
    this.#endpoints = endpoints;
    this.#totalWeight = endpoints.reduce((sum, { config }) => sum + config.weight, 0);
    const { byHostname, localityWeighted } = this.#config;
    const shares = localityWeighted ? localityShares(endpoints) : undefined;
    const placed = endpoints
      .map((endpoint) => ({
        endpoint,
        key: hashKey(endpoint.config, byHostname),
        share: shares === undefined ? endpoint.config.weight / this.#totalWeight : shares(endpoint.config),
      }))
      .filter(({ share }) => share > 0);
    // Most updates change something else, and a large table takes long.
    if (samePlaces(this.#placed, placed)) return;
    this.#placed = placed;
    this.#table = this.#build(placed);
  }

  setPanic(panic: boolean): void {
    this.#panic = panic;
  }

  pick(tried: readonly E[], context?: PickContext): E | undefined {
    const hash = context?.hash ?? this.#anyHash();
    return this.#from(hash, tried, 2) ?? this.#from(hash, tried, 1) ?? this.#from(hash, tried, 0);
  }

  onResult(): void {}

  #from(hash: Hash64, tried: readonly E[], strictness: Strictness): E | undefined {
    const { endpoints } = this.#table;
    const { length } = endpoints;
    if (length === 0) return undefined;
    const start = this.#table.locate(hash);
    let leastLoaded: E | undefined;
    let load = Number.POSITIVE_INFINITY;
    for (let i = 0; i < length; i++) {
      // After some misses it is worth to ask whether there is anything to be found.
      if (i === 64 && !this.#hasAny(tried, strictness)) return undefined;
      const endpoint = endpoints[start + i < length ? start + i : start + i - length] as E;
      if (!isEligible(endpoint, tried, this.#panic, strictness)) continue;
      if (this.#config.balanceFactor === 0) return endpoint;
      const own = this.#relativeLoad(endpoint);
      if (own <= 1) return endpoint;
      if (own < load) {
        load = own;
        leastLoaded = endpoint;
      }
    }
    return leastLoaded;
  }

  #hasAny(tried: readonly E[], strictness: Strictness): boolean {
    return this.#endpoints.some((endpoint) => isEligible(endpoint, tried, this.#panic, strictness));
  }

  /** Active requests over what the balance factor allows (consistent hashing with bounded loads, arXiv 1608.01350). */
  #relativeLoad(endpoint: E): number {
    let active = 1;
    for (const { activeRequests } of this.#endpoints) active += activeRequests;
    const slots = Math.ceil((active * this.#config.balanceFactor) / 100);
    return endpoint.activeRequests / Math.max(1, Math.ceil((slots * endpoint.config.weight) / this.#totalWeight));
  }

  #anyHash(): Hash64 {
    return { high: Math.floor(this.#random() * 2 ** 32), low: Math.floor(this.#random() * 2 ** 32) };
  }
}

function samePlaces<E>(before: readonly PlacedEndpoint<E>[], after: readonly PlacedEndpoint<E>[]): boolean {
  if (before.length !== after.length) return false;
  return after.every(({ endpoint, key, share }, i) => {
    const other = before[i] as PlacedEndpoint<E>;
    return other.endpoint === endpoint && other.key === key && other.share === share;
  });
}

/** What stands for an endpoint in the hash: a key given to it, its host name, or its address. In latin1. */
function hashKey(config: EndpointConfig, byHostname: boolean): string {
  const address = config.address.includes(':') ? `[${config.address}]` : config.address;
  const chosen = config.hashKey ?? (byHostname ? config.hostname : undefined) ?? '';
  return chosen === '' ? `${address}:${config.port}` : Buffer.from(chosen).toString('latin1');
}

/** Within its locality an endpoint has the share of its weight, and the locality that of its own; without one, none. */
function localityShares(endpoints: readonly BalancedEndpoint[]): (config: EndpointConfig) => number {
  const sums = new Map<string, { weight: number; endpoints: number }>();
  for (const { config } of endpoints) {
    const sum = sums.get(localityKey(config)) ?? { weight: config.group?.weight ?? 0, endpoints: 0 };
    sum.endpoints += config.weight;
    sums.set(localityKey(config), sum);
  }
  const total = [...sums.values()].reduce((all, { weight }) => all + weight, 0);
  return (config) => {
    const sum = sums.get(localityKey(config));
    return sum === undefined || total === 0 ? 0 : ((sum.weight / total) * config.weight) / sum.endpoints;
  };
}

/** Equal for endpoints of one locality. */
export function localityKey({ group }: EndpointConfig): string {
  return group === undefined ? '' : `${group.region}\0${group.zone}\0${group.subZone}`;
}
