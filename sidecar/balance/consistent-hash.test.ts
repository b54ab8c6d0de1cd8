import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { seededRandom } from '../../lib/random.ts';
import type { BalancedEndpoint, BalancerConfig } from './balancer.ts';
import { createBalancer } from './create-balancer.ts';
import { buildRing } from './hash-ring.ts';
import { combineHashes, hashFromBigInt, hashModulo, hashToBigInt } from './hash64.ts';
import { buildMaglevTable } from './maglev-table.ts';
import { murmurHash2 } from './murmur-hash.ts';
import { endpoint } from './shared-suite.ts';
import { xxHash64 } from './xx-hash.ts';

const byHash = { subset: undefined, override: undefined, strict: false };
const plain = { byHostname: false, balanceFactor: 0, localityWeighted: false };
const ring: BalancerConfig = {
  kind: 'ring-hash',
  minRingSize: 1_024,
  maxRingSize: 8_388_608,
  hash: 'xx-hash',
  ...plain,
};
const maglev: BalancerConfig = { kind: 'maglev', tableSize: 65_537, ...plain };

const hosts = (...ports: number[]) =>
  ports.map((port) => ({ key: `127.0.0.1:${port}`, endpoint: port, share: 1 / ports.length }));

describe('hash functions', () => {
  // The values of Envoy's own test (test/common/common/hash_test.cc).
  test.each([
    ['foo', 3728699739546630719n, 9631199822919835226n],
    ['bar', 5234164152756840025n, 11474628671133349555n],
    ['foo\nbar', 8917841378505826757n, 16306510975912980159n],
    ['lyft', 4400747396090729504n, 12847078931730529320n],
    ['', 17241709254077376921n, 6142509188972423790n],
  ])('%j is hashed as by Envoy', (text, xx, murmur) => {
    expect(hashToBigInt(xxHash64(text))).toBe(xx);
    expect(hashToBigInt(murmurHash2(text))).toBe(murmur);
  });

  // From the reference implementation (Python package xxhash).
  test.each([
    ['a', 15154266338359012955n, 16051599287423682246n],
    ['x'.repeat(31), 6979749295578388976n, 14922239680809824389n],
    [
      '0123456789abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ',
      5574364134911806146n,
      14328289748689100351n,
    ],
    ['\xff'.repeat(100), 922196419149206673n, 8671358946199846874n],
  ])('%j is hashed as by xxHash, with seed 0 and 1', (text, unseeded, seeded) => {
    expect(hashToBigInt(xxHash64(text))).toBe(unseeded);
    expect(hashToBigInt(xxHash64(text, 1))).toBe(seeded);
  });

  test('several texts are hashed one after the other, as by Envoy', () => {
    const first = xxHash64('foo');
    expect(hashToBigInt(xxHash64('bar', first.low, first.high))).toBe(17745830980996999794n);
  });

  test('remainders and combinations are those of 64-bit numbers', () => {
    const random = seededRandom(9);
    for (let i = 0; i < 1_000; i++) {
      const value = (BigInt(Math.floor(random() * 2 ** 32)) << 32n) | BigInt(Math.floor(random() * 2 ** 32));
      const size = 1 + Math.floor(random() * 5_000_011);
      const hash = hashFromBigInt(value);
      expect(BigInt(hashModulo(hash, size))).toBe(value % BigInt(size));
      const rotated = BigInt.asUintN(64, (value << 1n) | (value >> 63n));
      expect(hashToBigInt(combineHashes(hash, hash))).toBe(rotated ^ value);
    }
    expect(combineHashes(undefined, { high: 1, low: 2 })).toEqual({ high: 1, low: 2 });
  });
});

describe('ring hash', () => {
  test('the ring is that of Envoy for xxHash and for MurmurHash', () => {
    // Rings printed in Envoy's ring_hash_lb_test.cc.
    const options = { minRingSize: 12, maxRingSize: 8_388_608 };
    const xx = buildRing(hosts(90, 91, 92, 93, 94, 95), { ...options, hash: 'xx-hash' });
    expect(xx.endpoints).toEqual([94, 92, 90, 95, 93, 91, 91, 93, 95, 92, 94, 90]);
    const at = (hash: bigint) => xx.endpoints[xx.locate(hashFromBigInt(hash))];
    expect([0n, 2n ** 64n - 1n, 3551244743356806947n, 3551244743356806948n].map(at)).toEqual([94, 94, 95, 93]);
    const murmur = buildRing(hosts(80, 81, 82, 83, 84, 85), { ...options, hash: 'murmur-hash-2' });
    expect(murmur.endpoints).toEqual([85, 83, 84, 81, 82, 84, 81, 82, 83, 80, 85, 80]);
  });

  test('host names are hashed where asked for', () => {
    const named = ['90', '91', '92', '93', '94', '95'].map((key) => ({ key, endpoint: key, share: 1 / 6 }));
    const table = buildRing(named, { minRingSize: 12, maxRingSize: 100, hash: 'xx-hash' });
    expect(table.endpoints.join(' ')).toBe('95 95 93 94 93 92 90 92 91 90 91 94');
  });

  test('the size of the ring keeps to its bounds and follows weights', () => {
    const size = (ports: number[], minRingSize: number, maxRingSize: number) =>
      buildRing(hosts(...ports), { minRingSize, maxRingSize, hash: 'xx-hash' }).endpoints.length;
    expect(size([1, 2, 3], 1_024, 8_388_608)).toBe(1_026);
    expect(size([1, 2, 3], 1_024, 1_024)).toBe(1_024);
    const weighted = [
      { key: 'a', endpoint: 'a', share: 0.75 },
      { key: 'b', endpoint: 'b', share: 0.25 },
    ];
    const table = buildRing(weighted, { minRingSize: 100, maxRingSize: 1_000, hash: 'xx-hash' });
    expect(table.endpoints.filter((one) => one === 'a')).toHaveLength(75);
  });
});

describe('Maglev', () => {
  test('the table is that of Envoy', () => {
    // Tables printed in Envoy's maglev_lb_test.cc.
    expect(buildMaglevTable(hosts(90, 91, 92, 93, 94, 95), 7).endpoints).toEqual([92, 94, 90, 91, 95, 90, 93]);
    const named = ['90', '91', '92', '93', '94', '95'].map((key) => ({ key, endpoint: Number(key), share: 1 / 6 }));
    expect(buildMaglevTable(named, 7).endpoints).toEqual([92, 95, 90, 93, 94, 91, 90]);
  });

  test('places are shared by weight', () => {
    const weighted = [1, 2, 5].map((weight, i) => ({ key: `127.0.0.1:${i}`, endpoint: weight, share: weight / 8 }));
    const { endpoints } = buildMaglevTable(weighted, 65_537);
    for (const weight of [1, 2, 5]) {
      const share = endpoints.filter((one) => one === weight).length / 65_537;
      expect(Math.abs(share - weight / 8)).toBeLessThan(0.001);
    }
  });
});

describe.each([
  ['ring hash', ring, 0.5],
  ['Maglev', maglev, 0.02],
] as const)('LB-03: every consistent hash: %s', (_name, config, unevenness) => {
  const setUp = (count: number) => {
    const balancer = createBalancer<BalancedEndpoint>(config, new FakeClock(), seededRandom(2));
    const endpoints = Array.from({ length: count }, (_, i) => endpoint(8_000 + i));
    balancer.update(endpoints);
    const at = (key: number) => balancer.pick([], { ...byHash, hash: xxHash64(`user-${key}`) });
    return { balancer, endpoints, at };
  };
  const keys = Array.from({ length: 20_000 }, (_, i) => i);

  test('a hash has one endpoint, and the hashes are spread', () => {
    const { endpoints, at } = setUp(10);
    expect(at(1)).toBe(at(1));
    const counts = endpoints.map((one) => keys.filter((key) => at(key) === one).length / 2_000);
    for (const count of counts) expect(Math.abs(count - 1)).toBeLessThan(unevenness + 0.08);
  });

  test.each(['unavailable', 'removed'] as const)('of one %s only the hashes that it had move', (how) => {
    const { balancer, endpoints, at } = setUp(10);
    const before = keys.map(at);
    const [gone] = endpoints as [BalancedEndpoint];
    if (how === 'unavailable') gone.available = false;
    else balancer.update(endpoints.slice(1));
    const after = keys.map(at);
    const moved = keys.filter((key) => after[key] !== before[key]);
    const had = keys.filter((key) => before[key] === gone);
    expect(after).not.toContain(gone);
    for (const key of had) expect(moved).toContain(key);
    // A table that is made anew moves a few others: a Maglev table by its nature, a ring as its entries grow in number.
    expect(moved.length - had.length).toBeLessThan(how === 'removed' ? keys.length / 10 : 1);
  });

  test('the order in which endpoints are listed changes nothing', () => {
    const { balancer, endpoints, at } = setUp(20);
    const before = keys.map(at);
    balancer.update([...endpoints].reverse());
    expect(keys.filter((key) => at(key) !== before[key])).toEqual([]);
  });

  test('one that was tried before is not asked again', () => {
    const { balancer, at } = setUp(3);
    const first = at(5) as BalancedEndpoint;
    const second = balancer.pick([first], { ...byHash, hash: xxHash64('user-5') }) as BalancedEndpoint;
    expect(second).not.toBe(first);
    expect(balancer.pick([first, second], { ...byHash, hash: xxHash64('user-5') })).not.toBe(second);
  });

  test('with a balance factor none has more than its share of active requests', () => {
    const balancer = createBalancer<BalancedEndpoint>(
      { ...config, balanceFactor: 120 },
      new FakeClock(),
      seededRandom(2),
    );
    const endpoints = Array.from({ length: 5 }, (_, i) => endpoint(i));
    balancer.update(endpoints);
    for (let i = 0; i < 100; i++) {
      const picked = balancer.pick([], { ...byHash, hash: xxHash64('everyone') });
      if (picked !== undefined) picked.activeRequests++;
    }
    for (const { activeRequests } of endpoints) expect(activeRequests).toBeLessThanOrEqual(26);
  });

  test('localities get their weights', () => {
    const balancer = createBalancer<BalancedEndpoint>(
      { ...config, localityWeighted: true },
      new FakeClock(),
      seededRandom(2),
    );
    const place = (zone: string, weight: number) => ({
      region: 'r',
      zone,
      subZone: '',
      weight,
      priority: 0,
      overprovisioningFactor: 140,
    });
    const near = place('near', 9);
    const far = place('far', 1);
    const endpoints = [0, 1, 2, 3].map((port) => {
      const one = endpoint(port);
      return { ...one, config: { ...one.config, group: port === 0 ? near : far } };
    });
    balancer.update(endpoints);
    const share = keys.filter(
      (key) => balancer.pick([], { ...byHash, hash: xxHash64(`${key}`) }) === endpoints[0],
    ).length;
    expect(share / keys.length).toBeGreaterThan(0.8);
  });

  test('10,000 endpoints, and none of them available', () => {
    const { endpoints, at } = setUp(10_000);
    expect(new Set(keys.map(at)).size).toBeGreaterThan(5_000);
    for (const one of endpoints) one.available = false;
    expect(at(1)).toBeUndefined();
  });
});
