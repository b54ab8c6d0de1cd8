import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { seededRandom } from '../../lib/random.ts';
import { defaultSpread, type EndpointConfig, type Locality, type SpreadConfig } from '../cluster/cluster-config.ts';
import type { BalancedEndpoint, BalancerConfig, PickContext } from './balancer.ts';
import { updateAvailability } from './endpoint-health.ts';
import { zoneAwareShares } from './locality-weights.ts';
import { priorityLoads } from './priority-loads.ts';
import { PrioritySet } from './priority-set.ts';
import { endpoint } from './shared-suite.ts';
import { metadataMatch, Subsets } from './subsets.ts';

interface Place extends Partial<Locality> {
  priority?: number;
  weight?: number;
}

const at = ({ region = '', zone = '', subZone = '', priority = 0, weight = 0 }: Place): EndpointConfig['group'] => ({
  region,
  zone,
  subZone,
  priority,
  weight,
  overprovisioningFactor: 140,
});

let port = 0;
const placed = (count: number, place: Place = {}, more: Partial<EndpointConfig> = {}): BalancedEndpoint[] =>
  Array.from({ length: count }, () => {
    const one = endpoint(port++);
    return { ...one, config: { ...one.config, ...more, group: at(place) as NonNullable<EndpointConfig['group']> } };
  });

interface SetUp {
  spread?: Partial<SpreadConfig>;
  locality?: Locality;
  balancer?: BalancerConfig;
}

function setUp(
  endpoints: readonly BalancedEndpoint[],
  { spread, locality, balancer = { kind: 'random' } }: SetUp = {},
) {
  const deps = { clock: new FakeClock(), random: seededRandom(4), locality };
  const set = new PrioritySet<BalancedEndpoint>(balancer, { ...defaultSpread, ...spread }, deps);
  set.update(endpoints);
  /** Which share of requests each group gets, in percent. */
  const shares = (...groups: (readonly BalancedEndpoint[])[]): number[] => {
    const counts = groups.map(() => 0);
    for (let i = 0; i < 10_000; i++) {
      const picked = set.pick([], undefined);
      const group = groups.findIndex((one) => picked !== undefined && one.includes(picked));
      if (group >= 0) counts[group] = (counts[group] ?? 0) + 1;
    }
    return counts.map((count) => Math.round(count / 100));
  };
  const fail = (...sick: BalancedEndpoint[]) => {
    for (const one of sick) {
      one.signals.checkFailed = true;
      updateAvailability(one);
    }
    set.refresh();
  };
  const heal = (...well: BalancedEndpoint[]) => {
    for (const one of well) {
      one.signals.checkFailed = false;
      updateAvailability(one);
    }
    set.refresh();
  };
  return { set, shares, fail, heal };
}

const close = (found: number[], wanted: number[]) => {
  expect(found).toHaveLength(wanted.length);
  for (const [i, share] of wanted.entries()) expect(Math.abs((found[i] ?? 0) - share)).toBeLessThanOrEqual(2);
};

describe('priorities', () => {
  // The table in Envoy's documentation (arch_overview/upstream/load_balancing/priority): healthy of P=0 and P=1 in
  // percent, then the shares.
  test.each([
    [100, 100, 100, 0],
    [72, 72, 100, 0],
    [71, 71, 99, 1],
    [50, 50, 70, 30],
    [25, 100, 35, 65],
    [25, 25, 50, 50],
  ])('%i %% and %i %% healthy: %i %% and %i %% of the load', (first, second, firstLoad, secondLoad) => {
    const counts = [first, second].map((healthy) => ({ healthy, degraded: 0, total: 100 }));
    expect(priorityLoads(counts, 140, 0).map(({ healthy }) => Math.round(healthy))).toEqual([firstLoad, secondLoad]);
  });

  test('degraded endpoints get what the healthy ones of all levels leave', () => {
    const loads = priorityLoads(
      [
        { healthy: 25, degraded: 75, total: 100 },
        { healthy: 25, degraded: 0, total: 100 },
      ],
      140,
      0,
    );
    expect(loads.map(({ healthy, degraded }) => [Math.round(healthy), Math.round(degraded)])).toEqual([
      [35, 30],
      [35, 0],
    ]);
  });

  test('LB-04: the next priority takes over as the first fails, and gives back', () => {
    const [first, second] = [placed(4), placed(4, { priority: 1 })] as const;
    const { shares, fail, heal } = setUp([...first, ...second]);
    close(shares(first, second), [100, 0]);
    fail(...first.slice(0, 2));
    close(shares(first, second), [70, 30]);
    fail(...first);
    close(shares(first, second), [0, 100]);
    heal(...first);
    close(shares(first, second), [100, 0]);
  });

  test('a degraded endpoint serves only when the healthy ones are too few', () => {
    const [well, degraded] = [placed(4), placed(2, {}, { health: 'degraded' })] as const;
    const { shares, fail } = setUp([...well, ...degraded]);
    // 4 of 6 healthy, times 1.4.
    close(shares(well, degraded), [93, 7]);
    fail(...well.slice(1));
    // 1 of 6 healthy and 2 of 6 degraded are together too few: the level panics.
    expect(shares(degraded)[0]).toBeGreaterThan(20);
  });
});

describe('RS-12: panic', () => {
  test('P-53: with 60 % unhealthy all endpoints are used and counted; with half of them healthy again only those', () => {
    const all = placed(10);
    const { set, shares, fail, heal } = setUp(all);
    fail(...all.slice(0, 6));
    expect(set.inPanic).toBe(true);
    close(shares(all.slice(0, 6), all.slice(6)), [60, 40]);
    expect(set.panicPicks).toBe(10_000);
    heal(...all.slice(0, 1));
    expect(set.inPanic).toBe(false);
    close(shares(all.slice(1, 6), [...all.slice(0, 1), ...all.slice(6)]), [0, 100]);
    expect(set.panicPicks).toBe(10_000);
  });

  test('P-53: it can fail fast instead, and be switched off', () => {
    const all = placed(4);
    const fast = setUp(all, { spread: { failTrafficOnPanic: true } });
    fast.fail(...all.slice(0, 3));
    expect(fast.set.pick([], undefined)).toBeUndefined();
    expect(fast.set.panicPicks).toBe(1);
    const off = setUp(all, { spread: { panicThresholdPercent: 0 } });
    close(off.shares(all.slice(0, 3), all.slice(3)), [0, 100]);
    off.fail(...all);
    expect(off.set.pick([], undefined)).toBeUndefined();
    off.heal(...all);
  });

  test('a level in panic is passed over while other levels suffice', () => {
    const [first, second] = [placed(4), placed(4, { priority: 1 })] as const;
    const { set, shares, fail } = setUp([...first, ...second]);
    fail(...first.slice(0, 3));
    expect(set.inPanic).toBe(false);
    close(shares(first.slice(0, 3), first.slice(3), second), [0, 35, 65]);
  });
});

describe('localities', () => {
  const near = { region: 'r', zone: 'a', subZone: '' };

  test('weights share the load, less where endpoints are missing', () => {
    const [a, b] = [placed(4, { zone: 'a', weight: 3 }), placed(4, { zone: 'b', weight: 1 })] as const;
    const { shares, fail } = setUp([...a, ...b], { spread: { locality: { kind: 'weighted' } } });
    close(shares(a, b), [75, 25]);
    fail(...a.slice(0, 2));
    // 3 × 0.7 against 1.
    close(shares(a, b), [68, 32]);
    fail(...a.slice(0, 3), ...b.slice(0, 1));
  });

  test('P-54: the own zone is preferred, and no endpoint gets more than 1.2 times the mean, wherever callers are', () => {
    // Zones of 2:1, and all callers in one of them: the worst case for its endpoints.
    for (const own of ['a', 'b']) {
      const [a, b] = [placed(8, { ...near, zone: 'a' }), placed(4, { ...near, zone: 'b' })] as const;
      const { set } = setUp([...a, ...b], { locality: { ...near, zone: own }, balancer: { kind: 'round-robin' } });
      const counts = new Map<BalancedEndpoint | undefined, number>();
      for (let i = 0; i < 24_000; i++) {
        const picked = set.pick([], undefined);
        counts.set(picked, (counts.get(picked) ?? 0) + 1);
      }
      expect(Math.max(...counts.values()) / 2_000).toBeLessThan(1.25);
      const mine = own === 'a' ? a : b;
      const nearShare = mine.reduce((sum, one) => sum + (counts.get(one) ?? 0), 0) / 24_000;
      expect(nearShare).toBeGreaterThan((mine.length / 12) * 1.15);
    }
  });

  test('P-54: shares are exact, and what callers of all zones send together stays below 1.2 for any distribution', () => {
    const zones = [8, 4, 2];
    const random = seededRandom(8);
    for (let i = 0; i < 200; i++) {
      const callers = zones.map(() => random());
      const load = zones.map(() => 0);
      for (const [own, calls] of callers.entries()) {
        const shares = zoneAwareShares(
          zones.map((available, zone) => ({ own: zone === own, weight: 0, total: available, available })),
          100,
        );
        const sum = shares.reduce((total, share) => total + share, 0);
        for (const [zone, share] of shares.entries()) load[zone] = (load[zone] ?? 0) + (calls * share) / sum;
      }
      const mean = callers.reduce((sum, calls) => sum + calls, 0) / 14;
      for (const [zone, size] of zones.entries()) {
        expect((load[zone] ?? 0) / size / mean).toBeLessThanOrEqual(1.2 + 1e-9);
      }
    }
  });

  test('P-54: the loss of a zone spills at once', () => {
    const [a, b] = [placed(6, { ...near, zone: 'a' }), placed(6, { ...near, zone: 'b' })] as const;
    const { shares, fail } = setUp([...a, ...b], { locality: near });
    close(shares(a, b), [60, 40]);
    fail(...a);
    close(shares(a, b), [0, 100]);
  });

  test('L-67: below six endpoints, without an own locality, and when switched off, zones do not count', () => {
    const few = [placed(3, { ...near, zone: 'a' }), placed(2, { ...near, zone: 'b' })] as const;
    close(setUp(few.flat(), { locality: near }).shares(...few), [60, 40]);
    const many = [placed(6, { ...near, zone: 'a' }), placed(6, { ...near, zone: 'b' })] as const;
    close(setUp(many.flat()).shares(...many), [50, 50]);
    close(setUp(many.flat(), { locality: { ...near, zone: 'c' } }).shares(...many), [50, 50]);
    const off: SpreadConfig['locality'] = { kind: 'zone-aware', routingPercent: 0, minClusterSize: 6 };
    close(setUp(many.flat(), { locality: near, spread: { locality: off } }).shares(...many), [50, 50]);
  });

  test('a retry leaves a locality of which the only endpoint was tried', () => {
    const [a, b] = [placed(1, { zone: 'a', weight: 100 }), placed(5, { zone: 'b', weight: 1 })] as const;
    const { set } = setUp([...a, ...b], { spread: { locality: { kind: 'weighted' } } });
    for (let i = 0; i < 50; i++) expect(b).toContain(set.pick(a, undefined));
  });
});

describe('subsets', () => {
  const versions = ['1', '1', '2', '2', '2'];
  const endpoints = () =>
    versions.map((version, i) => {
      const one = endpoint(i);
      const metadata = { version, stage: i === 4 ? 'canary' : 'prod', zones: ['x', `z${i}`] };
      return { ...one, config: { ...one.config, metadata } };
    });
  const wanted = (fields: Record<string, unknown>): PickContext => ({
    hash: undefined,
    override: undefined,
    strict: false,
    subset: metadataMatch(Object.entries(fields).map(([key, value]) => [key, JSON.stringify(value)] as const)),
  });
  const make = (more: Partial<NonNullable<SpreadConfig['subsets']>> = {}) => {
    const config = {
      selectors: [
        { keys: ['version'], fallback: undefined },
        { keys: ['stage', 'version'], fallback: { keys: ['version'] } },
        { keys: ['zones'], fallback: 'any' as const },
      ],
      fallback: 'none' as const,
      defaultSubset: [['stage', '"canary"']] as const,
      listAsAny: true,
      panicModeAny: false,
      ...more,
    };
    const deps = { clock: new FakeClock(), random: seededRandom(4), locality: undefined };
    const balancer: BalancerConfig = { kind: 'random' };
    const subsets = new Subsets<BalancedEndpoint>(balancer, defaultSpread, config, deps);
    const all = new PrioritySet<BalancedEndpoint>(balancer, defaultSpread, deps);
    const list = endpoints();
    subsets.update(list);
    all.update(list);
    const picked = (context?: PickContext) =>
      [...new Set(Array.from({ length: 200 }, () => subsets.pick(all, [], context)?.config.port))].sort();
    return { subsets, list, picked };
  };

  test('a request goes to endpoints with its metadata only', () => {
    const { picked } = make();
    expect(picked(wanted({ version: '1' }))).toEqual([0, 1]);
    expect(picked(wanted({ version: '2' }))).toEqual([2, 3, 4]);
    expect(picked(wanted({ stage: 'canary', version: '2' }))).toEqual([4]);
  });

  test('where there is none, the fallback of the selector decides, or that of the cluster', () => {
    expect(make().picked(wanted({ version: '9' }))).toEqual([undefined]);
    expect(make().picked()).toEqual([undefined]);
    expect(make({ fallback: 'any' }).picked(wanted({ version: '9' }))).toEqual([0, 1, 2, 3, 4]);
    expect(make({ fallback: 'default' }).picked(wanted({ version: '9' }))).toEqual([4]);
    expect(make({ fallback: 'default' }).picked(wanted({ unknown: 'key' }))).toEqual([4]);
    expect(make().picked(wanted({ stage: 'canary', version: '1' }))).toEqual([0, 1]);
  });

  test('an endpoint belongs to the subset of each element of a list', () => {
    expect(make().picked(wanted({ zones: 'x' }))).toEqual([0, 1, 2, 3, 4]);
    expect(make().picked(wanted({ zones: 'z3' }))).toEqual([3]);
  });

  test('subsets follow the endpoints', () => {
    const { subsets, list, picked } = make();
    subsets.update(list.slice(0, 2));
    expect(picked(wanted({ version: '2' }))).toEqual([undefined]);
    expect(subsets.size).toBe(1 + 1 + 3);
  });

  test('a subset in panic uses all of its own, or of the cluster where asked to', () => {
    for (const [panicModeAny, ports] of [
      [false, [0, 1]],
      [true, [0, 1, 2, 3, 4]],
    ] as const) {
      const { subsets, list, picked } = make({ panicModeAny });
      for (const one of list.slice(0, 2)) {
        one.signals.checkFailed = true;
        updateAvailability(one);
      }
      subsets.refresh();
      expect(picked(wanted({ version: '1' }))).toEqual(panicModeAny ? [2, 3, 4] : ports);
    }
  });
});
