import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { seededRandom } from '../../lib/random.ts';
import type { BalancedEndpoint, BalancerConfig } from './balancer.ts';
import { createBalancer } from './create-balancer.ts';
import { balancerSuite, endpoint } from './shared-suite.ts';

const plainHash = { byHostname: false, balanceFactor: 0, localityWeighted: false };
const peakEwma: BalancerConfig = { kind: 'peak-ewma', decayMs: 10_000, defaultRttMs: 30 };

balancerSuite({ kind: 'round-robin' });
balancerSuite(peakEwma);
balancerSuite({ kind: 'least-request', choices: 2 });
balancerSuite({ kind: 'least-request', choices: 'all' }, { sharesByWeight: false });
balancerSuite({ kind: 'least-request', choices: 2, activeRequestBias: 0.5 });
balancerSuite({ kind: 'random' });
balancerSuite({ kind: 'ring-hash', minRingSize: 4_096, maxRingSize: 8_388_608, hash: 'xx-hash', ...plainHash });
balancerSuite({ kind: 'ring-hash', minRingSize: 4_096, maxRingSize: 8_388_608, hash: 'murmur-hash-2', ...plainHash });
balancerSuite({ kind: 'maglev', tableSize: 65_537, ...plainHash });
const slowStart = { windowMs: 10_000, aggression: 1, minWeightPercent: 10 };
balancerSuite({ kind: 'round-robin', slowStart });
balancerSuite({ ...peakEwma, slowStart } as BalancerConfig);

describe('round robin', () => {
  const picks = (weights: number[], count: number) => {
    const balancer = createBalancer<BalancedEndpoint>({ kind: 'round-robin' }, new FakeClock(), () => 0);
    balancer.update(weights.map((weight, i) => endpoint(i, weight)));
    return Array.from({ length: count }, () => balancer.pick([])?.config.port).join('');
  };
  test('goes in turn', () => expect(picks([1, 1, 1], 7)).toBe('0120120'));
  test('with very many endpoints weights count by chance, and cost no look at all of them', () => {
    const balancer = createBalancer<BalancedEndpoint>({ kind: 'round-robin' }, new FakeClock(), seededRandom(2));
    const endpoints = Array.from({ length: 10_000 }, (_, i) => endpoint(i, i % 2 === 0 ? 1 : 3));
    balancer.update(endpoints);
    let heavy = 0;
    for (let i = 0; i < 40_000; i++) if ((balancer.pick([])?.config.weight ?? 0) === 3) heavy++;
    expect(heavy / 40_000).toBeGreaterThan(0.73);
    expect(heavy / 40_000).toBeLessThan(0.77);
  });
  test('interleaves weights', () => expect(picks([5, 1, 1], 7)).toBe('0010200'));
});

describe('least request', () => {
  test('takes the endpoint with fewer active requests for its weight', () => {
    const endpoints = [endpoint(0, 1), endpoint(1, 4)] as const;
    const balancer = createBalancer<BalancedEndpoint>(
      { kind: 'least-request', choices: 2 },
      new FakeClock(),
      seededRandom(1),
    );
    balancer.update(endpoints);
    endpoints[0].activeRequests = 2;
    endpoints[1].activeRequests = 7;
    for (let i = 0; i < 20; i++) expect(balancer.pick([])).toBe(endpoints[1]);
    endpoints[1].activeRequests = 9;
    for (let i = 0; i < 20; i++) expect(balancer.pick([])).toBe(endpoints[0]);
  });
});

describe('slow start', () => {
  const slow = { windowMs: 10_000, aggression: 1, minWeightPercent: 10 };
  test.each<[BalancerConfig]>([
    [{ kind: 'round-robin', slowStart: slow }],
    [{ kind: 'least-request', choices: 2, slowStart: slow }],
    [{ kind: 'peak-ewma', decayMs: 10_000, defaultRttMs: 30, slowStart: slow }],
  ])('RS-18: the share of a new endpoint grows with time: %o', (config) => {
    const clock = new FakeClock();
    const balancer = createBalancer<BalancedEndpoint>(config, clock, seededRandom(5));
    const old = [endpoint(0), endpoint(1), endpoint(2)];
    const added = endpoint(3);
    added.signals.servingSince = clock.now();
    balancer.update([...old, added]);
    const share = () => {
      let picks = 0;
      for (let i = 0; i < 4_000; i++) if (balancer.pick([]) === added) picks++;
      return picks / 4_000;
    };
    expect(share()).toBeLessThan(0.06);
    clock.advance(5_000);
    const half = share();
    expect(half).toBeGreaterThan(0.1);
    expect(half).toBeLessThan(0.19);
    clock.advance(5_000);
    const full = share();
    expect(full).toBeGreaterThan(0.2);
    expect(full).toBeLessThan(0.3);
  });
});

describe('pick first', () => {
  test('one endpoint has everything while it may be used', () => {
    const endpoints = [endpoint(0), endpoint(1), endpoint(2)];
    const balancer = createBalancer<BalancedEndpoint>(
      { kind: 'pick-first', shuffle: false },
      new FakeClock(),
      seededRandom(1),
    );
    balancer.update(endpoints);
    for (let i = 0; i < 10; i++) expect(balancer.pick([])).toBe(endpoints[0]);
    expect(balancer.pick([endpoints[0] as BalancedEndpoint])).toBe(endpoints[1]);
    for (const one of endpoints.slice(0, 2)) one.available = false;
    expect(balancer.pick([])).toBe(endpoints[2]);
  });

  test('with shuffling, an update does not move the traffic', () => {
    const endpoints = Array.from({ length: 20 }, (_, i) => endpoint(i));
    const balancer = createBalancer<BalancedEndpoint>(
      { kind: 'pick-first', shuffle: true },
      new FakeClock(),
      seededRandom(1),
    );
    balancer.update(endpoints);
    const first = balancer.pick([]);
    balancer.update([...endpoints].reverse());
    expect(balancer.pick([])).toBe(first);
  });
});

describe('Peak-EWMA', () => {
  const setUp = () => {
    const clock = new FakeClock();
    const balancer = createBalancer<BalancedEndpoint>(peakEwma, clock, seededRandom(3));
    const [a, b] = [endpoint(0), endpoint(1)] as const;
    balancer.update([a, b]);
    const share = () => {
      let picks = 0;
      for (let i = 0; i < 200; i++) if (balancer.pick([]) === a) picks++;
      return picks / 200;
    };
    return { clock, balancer, a, b, share };
  };

  test('one slow answer is enough to prefer the other', () => {
    const { balancer, a, b, share } = setUp();
    balancer.onResult(a, 300, false);
    balancer.onResult(b, 30, false);
    expect(share()).toBe(0);
  });

  test('a slow endpoint is forgiven as the memory of it fades', () => {
    const { clock, balancer, a, b, share } = setUp();
    balancer.onResult(a, 300, false);
    for (let second = 0; second < 60; second++) {
      clock.advance(1_000);
      balancer.onResult(b, 30, false);
    }
    expect(share()).toBe(1);
  });

  test('a fall of latency is believed over the decay time', () => {
    const { clock, balancer, a, b, share } = setUp();
    balancer.onResult(a, 300, false);
    clock.advance(5_000);
    balancer.onResult(a, 10, false);
    balancer.onResult(b, 30, false);
    expect(share()).toBe(0);
    for (let second = 0; second < 60; second++) {
      clock.advance(1_000);
      balancer.onResult(a, 10, false);
      balancer.onResult(b, 30, false);
    }
    expect(share()).toBe(1);
  });

  test('active requests outweigh a better latency', () => {
    const { balancer, a, b, share } = setUp();
    balancer.onResult(a, 30, false);
    balancer.onResult(b, 90, false);
    expect(share()).toBe(1);
    a.activeRequests = 4;
    expect(share()).toBe(0);
  });

  test('an endpoint that fails fast does not draw the traffic', () => {
    const { balancer, a, b, share } = setUp();
    balancer.onResult(b, 50, false);
    balancer.onResult(a, 0.2, true);
    expect(share()).toBe(0);
  });

  test('what was learned stays over an update', () => {
    const { balancer, a, b, share } = setUp();
    balancer.onResult(a, 300, false);
    balancer.update([a, b]);
    expect(share()).toBe(0);
  });
});
