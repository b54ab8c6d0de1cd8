import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { seededRandom } from '../../lib/random.ts';
import type { BalancedEndpoint, BalancerConfig } from './balancer.ts';
import { createBalancer } from './create-balancer.ts';
import { EndpointSignals } from './endpoint-signals.ts';

export function endpoint(port: number, weight = 1): BalancedEndpoint {
  return {
    config: { address: '127.0.0.1', port, weight, healthy: true, tls: false, workload: `w-${port}` },
    activeRequests: 0,
    available: true,
    signals: new EndpointSignals(),
  };
}

/** What every balancer must do; each balancer's own test runs it. */
export function balancerSuite(config: BalancerConfig, { sharesByWeight = true } = {}): void {
  const setUp = (...weights: number[]) => {
    const clock = new FakeClock();
    const endpoints = weights.map((weight, i) => endpoint(i, weight));
    const balancer = createBalancer<BalancedEndpoint>(config, clock, seededRandom(7));
    balancer.update(endpoints);
    /** Requests that take 5 ms each, one after the other; the picks by port. */
    const send = (count: number, tried: readonly BalancedEndpoint[] = []): number[] => {
      const picks = endpoints.map(() => 0);
      for (let i = 0; i < count; i++) {
        const picked = balancer.pick(tried) as BalancedEndpoint;
        picks[picked.config.port] = (picks[picked.config.port] ?? 0) + 1;
        balancer.onResult(picked, 5, false);
      }
      return picks;
    };
    return { clock, endpoints, balancer, send };
  };

  describe(`every balancer: ${JSON.stringify(config)}`, () => {
    test('without endpoints nothing is picked', () => {
      expect(setUp().balancer.pick([])).toBeUndefined();
    });

    test('a single endpoint is picked, also when it was tried, and not when it is unavailable', () => {
      const { balancer, endpoints } = setUp(1);
      expect(balancer.pick([])).toBe(endpoints[0]);
      expect(balancer.pick(endpoints)).toBe(endpoints[0]);
      for (const only of endpoints) only.available = false;
      expect(balancer.pick([])).toBeUndefined();
    });

    test('only available endpoints are picked, and all of them', () => {
      const { endpoints, send } = setUp(1, 1, 2, 1);
      for (const i of [0, 2]) (endpoints[i] as BalancedEndpoint).available = false;
      const picks = send(200);
      expect([picks[0], picks[2]]).toEqual([0, 0]);
      expect(Math.min(picks[1] as number, picks[3] as number)).toBeGreaterThan(50);
    });

    test('those tried before are avoided while there is another', () => {
      const { endpoints, send } = setUp(1, 5, 1);
      expect(send(50, endpoints.slice(0, 2))).toEqual([0, 0, 50]);
      const picks = send(300, endpoints);
      expect(picks.every((count) => count > 0)).toBe(true);
    });

    test('in panic, endpoints that are not available are picked too, and only then', () => {
      const { balancer, endpoints, send } = setUp(1, 1, 1);
      for (const one of endpoints.slice(0, 2)) one.available = false;
      balancer.setPanic(true);
      expect(Math.min(...send(300))).toBeGreaterThan(50);
      (endpoints[0] as BalancedEndpoint).signals.ejected = true;
      expect(send(60)[0]).toBe(0);
      balancer.setPanic(false);
      expect(send(20)).toEqual([0, 0, 20]);
    });

    test('LB-05: one that is to be avoided is avoided while there is another', () => {
      const { endpoints, send } = setUp(1, 1, 1);
      (endpoints[0] as BalancedEndpoint).signals.avoided = true;
      const picks = send(200);
      expect(picks[0]).toBe(0);
      expect(Math.min(...picks.slice(1))).toBeGreaterThan(50);
      for (const one of endpoints) one.signals.avoided = true;
      expect(Math.min(...send(300))).toBeGreaterThan(50);
    });

    test('10,000 endpoints are picked from evenly', () => {
      const { send } = setUp(...new Array<number>(10_000).fill(1));
      const picks = send(3_000);
      expect(picks.filter((count) => count > 0).length).toBeGreaterThan(2_000);
      expect(Math.max(...picks)).toBeLessThan(15);
    });

    test.runIf(sharesByWeight).each([[[1, 1]], [[1, 1, 1, 1]], [[3, 1]], [[1, 2, 5]]])(
      'weights %o get their shares',
      (weights) => {
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        const picks = setUp(...weights).send(4_000);
        for (const [i, weight] of weights.entries()) {
          // Two choices without replacement favour the small a little; a share stays within a quarter of its size.
          const share = ((picks[i] as number) / 4_000) * total;
          expect(share).toBeGreaterThan(weight * 0.75);
          expect(share).toBeLessThan(weight * 1.25);
        }
      },
    );

    test('an update brings new endpoints in and takes old ones out', () => {
      const { balancer, endpoints } = setUp(1, 1);
      const added = endpoint(9);
      balancer.update([endpoints[1] as BalancedEndpoint, added]);
      const picked = new Set(Array.from({ length: 100 }, () => balancer.pick([])));
      expect(picked).toEqual(new Set([endpoints[1], added]));
      expect(() => balancer.onResult(endpoints[0] as BalancedEndpoint, 1, true)).not.toThrow();
    });
  });
}
