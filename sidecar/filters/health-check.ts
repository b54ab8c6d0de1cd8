import { matchHeaders } from '../route/match-values.ts';
import type { ValueMatch } from '../route/route-table.ts';
import type { Filter, FilterCallbacks, FilterStatus, SharedFilter } from './filter.ts';

/** Answers health checks of this proxy itself, without an upstream (`envoy.filters.http.health_check`). */
export interface HealthCheckFilterConfig {
  kind: 'health-check';
  /** A request that matches all of them is a health check. At least one. */
  headers: readonly ValueMatch[];
}

class HealthCheckAnswer implements Filter {
  readonly #callbacks: FilterCallbacks;

  constructor(callbacks: FilterCallbacks) {
    this.#callbacks = callbacks;
  }

  onRequestHead(): FilterStatus {
    this.#callbacks.reply({ status: 200, reason: '', details: {}, message: '', flags: 0 });
    return 'stop';
  }
}

export function createHealthCheck({ headers }: HealthCheckFilterConfig): SharedFilter {
  return (callbacks) => (matchHeaders(headers, callbacks.head) ? new HealthCheckAnswer(callbacks) : undefined);
}
