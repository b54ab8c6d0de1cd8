import type { BalancedEndpoint } from './balancer.ts';

/** The best kind of endpoint first: not tried and not to be avoided, then not tried, then any that may be used. */
export type Strictness = 2 | 1 | 0;
export const strictest: Strictness = 2;

/**
 * Whether an endpoint may be taken. In panic that may be one that is not available: what others say of it is not
 * believed then. What this proxy saw itself is, so an ejected one is the last resort.
 */
export function isEligible<E extends BalancedEndpoint>(
  endpoint: E,
  tried: readonly E[],
  panic: boolean,
  strictness: Strictness = strictest,
): boolean {
  if (!endpoint.available && (!panic || (endpoint.signals.ejected && strictness > 0))) return false;
  if (strictness > 0 && tried.length > 0 && tried.includes(endpoint)) return false;
  return strictness < 2 || !endpoint.signals.avoided;
}

/** All endpoints of the best kind that there is; empty when none may be used. */
export function eligible<E extends BalancedEndpoint>(
  endpoints: readonly E[],
  tried: readonly E[],
  panic: boolean,
): readonly E[] {
  for (const strictness of [2, 1, 0] as const) {
    const found = endpoints.filter((endpoint) => isEligible(endpoint, tried, panic, strictness));
    if (found.length > 0) return found;
  }
  return [];
}
