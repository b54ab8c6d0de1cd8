import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { seededRandom } from '../../lib/random.ts';
import type { BalancedEndpoint, BalancerConfig } from './balancer.ts';
import { createBalancer } from './create-balancer.ts';
import { balancerSuite, endpoint } from './shared-suite.ts';

const peakEwma: BalancerConfig = { kind: 'peak-ewma', decayMs: 10_000, defaultRttMs: 30 };

balancerSuite({ kind: 'round-robin' });
balancerSuite(peakEwma);
balancerSuite({ kind: 'least-request', choices: 2 });
balancerSuite({ kind: 'random' });

describe('round robin', () => {
  const picks = (weights: number[], count: number) => {
    const balancer = createBalancer<BalancedEndpoint>({ kind: 'round-robin' }, new FakeClock(), () => 0);
    balancer.update(weights.map((weight, i) => endpoint(i, weight)));
    return Array.from({ length: count }, () => balancer.pick([])?.config.port).join('');
  };
  test('goes in turn', () => expect(picks([1, 1, 1], 7)).toBe('0120120'));
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
