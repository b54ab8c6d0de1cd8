import type { BalancedEndpoint } from './balancer.ts';

/** Available and not tried before. */
export function isEligible<E extends BalancedEndpoint>(endpoint: E, tried: readonly E[]): boolean {
  return endpoint.available && (tried.length === 0 || !tried.includes(endpoint));
}

/** The endpoints to choose from: the available ones not tried yet, or, when there are none, all available ones. */
export function eligible<E extends BalancedEndpoint>(endpoints: readonly E[], tried: readonly E[]): readonly E[] {
  const available = endpoints.filter((endpoint) => endpoint.available);
  const untried = available.filter((endpoint) => !tried.includes(endpoint));
  return untried.length > 0 ? untried : available;
}
