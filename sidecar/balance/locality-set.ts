import type { Clock } from '../../lib/clock.ts';
import type { Random } from '../../lib/random.ts';
import type { Locality, SpreadConfig } from '../cluster/cluster-config.ts';
import type { BalancedEndpoint, Balancer, BalancerConfig, PickContext } from './balancer.ts';
import { localityKey } from './consistent-hash.ts';
import { createBalancer } from './create-balancer.ts';
import { isEligible } from './eligible.ts';
import { type LocalityCounts, weightedShares, zoneAwareShares } from './locality-weights.ts';

export interface SelectionDependencies {
  readonly clock: Clock;
  readonly random: Random;
  /** Where this proxy stands; `undefined` where it was not told. */
  readonly locality: Locality | undefined;
}

interface Place<E extends BalancedEndpoint> {
  readonly balancer: Balancer<E>;
  endpoints: E[];
  own: boolean;
  /** Of the requests, relative to the other places. */
  share: number;
}

/**
 * Endpoints of one priority that are alike in health: chosen from by one balancer, or, where localities count, by the
 * balancer of a locality that is drawn first.
 */
export class LocalitySet<E extends BalancedEndpoint> {
  readonly #config: BalancerConfig;
  readonly #spread: SpreadConfig;
  readonly #deps: SelectionDependencies;
  readonly #flat: Balancer<E>;
  readonly #places = new Map<string, Place<E>>();
  #endpoints: readonly E[] = [];
  #overprovisioningFactor = 140;
  #panic = false;
  /** Sum of the places' shares; 0 while localities do not count. */
  #totalShare = 0;

  constructor(config: BalancerConfig, spread: SpreadConfig, deps: SelectionDependencies) {
    this.#config = config;
    this.#spread = spread;
    this.#deps = deps;
    this.#flat = createBalancer<E>(config, deps.clock, deps.random);
  }

  update(endpoints: readonly E[], overprovisioningFactor: number): void {
    this.#endpoints = endpoints;
    this.#overprovisioningFactor = overprovisioningFactor;
    this.#flat.update(endpoints);
    const groups = new Map<string, E[]>();
    if (this.#mayDivide()) {
      for (const endpoint of endpoints) {
        const key = localityKey(endpoint.config);
        const group = groups.get(key);
        if (group === undefined) groups.set(key, [endpoint]);
        else group.push(endpoint);
      }
    }
    for (const key of this.#places.keys()) if (!groups.has(key) || groups.size < 2) this.#places.delete(key);
    if (groups.size < 2) return;
    for (const [key, members] of groups) {
      const place = this.#places.get(key) ?? this.#newPlace();
      place.endpoints = members;
      place.own = this.#isOwn(members[0]);
      place.balancer.update(members);
      this.#places.set(key, place);
    }
  }

  /** The health of endpoints changed. In `panic` it is not looked at. */
  refresh(panic: boolean): void {
    this.#panic = panic;
    this.#flat.setPanic(panic);
    this.#totalShare = 0;
    if (this.#places.size === 0) return;
    const places = [...this.#places.values()];
    const shares = this.#shares(places.map((place) => this.#count(place)));
    for (const [i, place] of places.entries()) {
      place.balancer.setPanic(panic);
      place.share = shares?.[i] ?? 0;
      this.#totalShare += place.share;
    }
  }

  pick(tried: readonly E[], context: PickContext | undefined): E | undefined {
    if (this.#totalShare === 0) return this.#flat.pick(tried, context);
    let point = this.#deps.random() * this.#totalShare;
    for (const place of this.#places.values()) {
      point -= place.share;
      if (point >= 0) continue;
      const picked = place.balancer.pick(tried, context);
      // One that was tried, or asked to be avoided, is worse than one of another locality.
      if (picked !== undefined && isEligible(picked, tried, this.#panic)) return picked;
      break;
    }
    return this.#flat.pick(tried, context);
  }

  onResult(endpoint: E, latencyMs: number, failed: boolean): void {
    this.#flat.onResult(endpoint, latencyMs, failed);
  }

  /** A table of hashes holds the localities' weights itself. */
  #mayDivide(): boolean {
    const { kind } = this.#config;
    if (kind === 'ring-hash' || kind === 'maglev' || kind === 'pick-first') return false;
    const { locality } = this.#spread;
    return locality.kind === 'weighted' || (locality.kind === 'zone-aware' && this.#deps.locality !== undefined);
  }

  /** `undefined` where localities do not count. */
  #shares(counts: LocalityCounts[]): number[] | undefined {
    const { locality } = this.#spread;
    if (locality.kind === 'weighted') return weightedShares(counts, this.#overprovisioningFactor);
    if (locality.kind === 'none' || !counts.some(({ own }) => own)) return undefined;
    const usable = this.#panic ? this.#endpoints.length : this.#endpoints.filter(({ available }) => available).length;
    return usable < locality.minClusterSize ? undefined : zoneAwareShares(counts, locality.routingPercent);
  }

  #count({ endpoints, own }: Place<E>): LocalityCounts {
    let total = 0;
    let available = 0;
    for (const endpoint of endpoints) {
      total += endpoint.config.weight;
      if (endpoint.available || this.#panic) available += endpoint.config.weight;
    }
    return { own, weight: endpoints[0]?.config.group?.weight ?? 0, total, available };
  }

  #isOwn(endpoint: E | undefined): boolean {
    const { locality } = this.#deps;
    const group = endpoint?.config.group;
    return (
      locality !== undefined &&
      group !== undefined &&
      group.zone === locality.zone &&
      group.region === locality.region &&
      group.subZone === locality.subZone
    );
  }

  #newPlace(): Place<E> {
    const { clock, random } = this.#deps;
    return { balancer: createBalancer<E>(this.#config, clock, random), endpoints: [], own: false, share: 0 };
  }
}
