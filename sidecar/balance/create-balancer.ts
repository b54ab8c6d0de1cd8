import type { Clock } from '../../lib/clock.ts';
import type { Random } from '../../lib/random.ts';
import type { SlowStartConfig } from '../cluster/cluster-config.ts';
import type { BalancedEndpoint, Balancer, BalancerConfig } from './balancer.ts';
import { ConsistentHashBalancer } from './consistent-hash.ts';
import { buildRing } from './hash-ring.ts';
import { LeastRequestBalancer } from './least-request.ts';
import { buildMaglevTable } from './maglev-table.ts';
import { PeakEwmaBalancer } from './peak-ewma.ts';
import { PickFirstBalancer } from './pick-first.ts';
import { RandomBalancer } from './random-balancer.ts';
import { ReportedWeights } from './reported-weights.ts';
import { RoundRobinBalancer } from './round-robin.ts';
import { SlowStart } from './slow-start.ts';

/** The balancer that the cluster asks for. It has no endpoints until {@link Balancer.update}. */
export function createBalancer<E extends BalancedEndpoint>(
  config: BalancerConfig,
  clock: Clock,
  random: Random,
): Balancer<E> {
  const slowStart = (wanted: SlowStartConfig | undefined): SlowStart<E> | undefined =>
    wanted === undefined ? undefined : new SlowStart<E>(wanted, clock);
  switch (config.kind) {
    case 'round-robin':
      return new RoundRobinBalancer<E>(random, slowStart(config.slowStart));
    case 'peak-ewma':
      return new PeakEwmaBalancer<E>({ ...config, clock, random, slowStart: slowStart(config.slowStart) });
    case 'least-request': {
      const { choices, activeRequestBias = 1 } = config;
      return new LeastRequestBalancer<E>({
        choices,
        activeRequestBias,
        random,
        slowStart: slowStart(config.slowStart),
      });
    }
    case 'random':
      return new RandomBalancer<E>(random);
    case 'pick-first':
      return new PickFirstBalancer<E>(config.shuffle, random);
    case 'client-side-weighted':
      return new RoundRobinBalancer<E>(random, new ReportedWeights<E>({ ...config, clock }));
    case 'ring-hash':
      return new ConsistentHashBalancer<E>(config, (placed) => buildRing(placed, config), random);
    case 'maglev':
      return new ConsistentHashBalancer<E>(config, (placed) => buildMaglevTable(placed, config.tableSize), random);
  }
}
