import type { BalancedEndpoint } from './balancer.ts';

export type EndpointHealth = 'healthy' | 'degraded' | 'unhealthy';

/** What discovery, health checks and the outlier detector together say of an endpoint. */
export function healthOf({ config, signals }: BalancedEndpoint): EndpointHealth {
  if (!config.healthy || signals.ejected || signals.checkFailed) return 'unhealthy';
  return isDegraded({ config, signals }) ? 'degraded' : 'healthy';
}

/** It is used only where healthy ones do not suffice. */
export function isDegraded({ config, signals }: Pick<BalancedEndpoint, 'config' | 'signals'>): boolean {
  return config.health === 'degraded' || signals.checkDegraded;
}

/** Call when anything that {@link healthOf} looks at has changed. Says whether the availability changed by it. */
export function updateAvailability(endpoint: BalancedEndpoint): boolean {
  const before = endpoint.available;
  endpoint.available = healthOf(endpoint) !== 'unhealthy';
  return endpoint.available !== before;
}
