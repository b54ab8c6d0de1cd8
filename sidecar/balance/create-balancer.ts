import type { Clock } from '../../lib/clock.ts';
import type { Random } from '../../lib/random.ts';
import type { BalancedEndpoint, Balancer, BalancerConfig } from './balancer.ts';
import { LeastRequestBalancer } from './least-request.ts';
import { PeakEwmaBalancer } from './peak-ewma.ts';
import { RandomBalancer } from './random-balancer.ts';
import { RoundRobinBalancer } from './round-robin.ts';

/** The balancer that the cluster asks for. It has no endpoints until {@link Balancer.update}. */
export function createBalancer<E extends BalancedEndpoint>(
  config: BalancerConfig,
  clock: Clock,
  random: Random,
): Balancer<E> {
  switch (config.kind) {
    case 'round-robin':
      return new RoundRobinBalancer<E>(random);
    case 'peak-ewma':
      return new PeakEwmaBalancer<E>(config.decayMs, config.defaultRttMs, clock, random);
    case 'least-request':
      return new LeastRequestBalancer<E>(config.choices, random);
    case 'random':
      return new RandomBalancer<E>(random);
  }
}
