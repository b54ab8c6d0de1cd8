import { RetryBudget } from '../balance/retry-budget.ts';
import type { BreakerThresholds } from './cluster-config.ts';

/** Envoy's routing priorities: requests of one do not use up the circuit breakers of the other. */
export type RoutingPriority = 'default' | 'high';

/** How much room the breakers of one priority leave. */
export interface BreakerRoom {
  readonly connections: number;
  readonly pendingRequests: number;
  readonly requests: number;
  readonly retries: number;
}

/** What one priority's requests to a cluster amount to, beside the thresholds of its circuit breakers. */
export class PriorityLoad {
  thresholds: BreakerThresholds;
  /** Requests sent to endpoints and not finished. */
  activeRequests = 0;
  /** Requests that wait for a connection. */
  pendingRequests = 0;
  retryBudget: RetryBudget;

  constructor(thresholds: BreakerThresholds) {
    this.thresholds = thresholds;
    this.retryBudget = createBudget(thresholds);
  }

  /** Counts go on; the budget begins anew. */
  setThresholds(thresholds: BreakerThresholds): void {
    this.thresholds = thresholds;
    this.retryBudget = createBudget(thresholds);
  }

  /** `connections` are the cluster's, which all priorities share. */
  room(connections: number): BreakerRoom {
    const { maxConnections, maxPendingRequests, maxRequests } = this.thresholds;
    return {
      connections: Math.max(0, maxConnections - connections),
      pendingRequests: Math.max(0, maxPendingRequests - this.pendingRequests),
      requests: Math.max(0, maxRequests - this.activeRequests),
      retries: this.retryBudget.remaining(this.activeRequests),
    };
  }
}

function createBudget({ retryBudgetPercent, minRetryConcurrency, maxRetries }: BreakerThresholds): RetryBudget {
  return new RetryBudget(retryBudgetPercent, minRetryConcurrency, maxRetries);
}
