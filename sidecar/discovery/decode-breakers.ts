import {
  CircuitBreakers,
  CircuitBreakers_Thresholds,
  CircuitBreakers_Thresholds_RetryBudget,
} from '../../proto/gen/envoy/config/cluster/v3/circuit_breaker.ts';
import { RoutingPriority } from '../../proto/gen/envoy/config/core/v3/base.ts';
import { type BreakerConfig, type BreakerThresholds, defaultBreakers } from '../cluster/cluster-config.ts';
import { fieldsOf } from './message-fields.ts';
import { join, type Reader } from './reader.ts';

export const circuitBreakersFields = fieldsOf(CircuitBreakers, { supported: ['thresholds', 'perHostThresholds'] });

export const thresholdsFields = fieldsOf(CircuitBreakers_Thresholds, {
  supported: ['priority', 'maxConnections', 'maxPendingRequests', 'maxRequests', 'maxRetries', 'retryBudget'],
  ignored: { trackRemaining: 'what remains is always told in /clusters' },
  limits: { maxRetries: 'a retry budget holds beside it', maxConnections: 'connections are shared by all priorities' },
});

export const perHostThresholdsFields = fieldsOf(CircuitBreakers_Thresholds, {
  place: 'of one host',
  supported: ['priority', 'maxConnections'],
  ignored: { trackRemaining: 'statistics only' },
});

export const retryBudgetFields = fieldsOf(CircuitBreakers_Thresholds_RetryBudget, {
  supported: ['budgetPercent', 'minRetryConcurrency'],
});

/** Reads `circuit_breakers`. What is not set is 1,024, and a retry budget of 20 % but 3 at least. */
export function decodeBreakers(reader: Reader, path: string, message: CircuitBreakers | undefined): BreakerConfig {
  const all = message ?? CircuitBreakers.fromPartial({});
  reader.only(path, all, circuitBreakersFields);
  const { DEFAULT, HIGH } = RoutingPriority;
  const maxConnectionsPerHost = decodePerHost(reader, path, all.perHostThresholds);
  const shared = (reader.context.workers ?? 1) > 1;
  const high = decodeThresholds(reader, path, all.thresholds, HIGH) ?? (shared ? defaultBreakers : undefined);
  return {
    ...shareOf(reader, decodeThresholds(reader, path, all.thresholds, DEFAULT) ?? defaultBreakers),
    ...(maxConnectionsPerHost === undefined ? {} : { maxConnectionsPerHost: reader.share(maxConnectionsPerHost) }),
    ...(high === undefined ? {} : { high: shareOf(reader, high) }),
  };
}

/** Each worker counts for itself, so that it may have a part of the whole only. */
function shareOf<T extends BreakerThresholds>(reader: Reader, thresholds: T): T {
  const { maxConnections, maxPendingRequests, maxRequests } = thresholds;
  return {
    ...thresholds,
    maxConnections: reader.share(maxConnections),
    maxPendingRequests: reader.share(maxPendingRequests),
    maxRequests: reader.share(maxRequests),
  };
}

function decodeThresholds(
  reader: Reader,
  path: string,
  thresholds: readonly CircuitBreakers_Thresholds[],
  priority: RoutingPriority,
): BreakerThresholds | undefined {
  const index = thresholds.findIndex((one) => one.priority === priority);
  const found = thresholds[index];
  if (found === undefined) return undefined;
  const at = join(path, `thresholds[${index}]`);
  reader.only(at, found, thresholdsFields);
  const budget = found.retryBudget;
  const budgetAt = join(at, 'retry_budget');
  if (budget !== undefined) reader.only(budgetAt, budget, retryBudgetFields);
  const percent = budget?.budgetPercent?.value ?? defaultBreakers.retryBudgetPercent;
  if (!(percent >= 0 && percent <= 100)) reader.problem(join(budgetAt, 'budget_percent'), 'must be between 0 and 100');
  return {
    maxConnections: found.maxConnections ?? defaultBreakers.maxConnections,
    maxPendingRequests: found.maxPendingRequests ?? defaultBreakers.maxPendingRequests,
    maxRequests: found.maxRequests ?? defaultBreakers.maxRequests,
    retryBudgetPercent: percent,
    minRetryConcurrency: budget?.minRetryConcurrency ?? defaultBreakers.minRetryConcurrency,
    // A budget takes its place, as in Envoy.
    ...(budget === undefined && found.maxRetries !== undefined ? { maxRetries: found.maxRetries } : {}),
  };
}

function decodePerHost(
  reader: Reader,
  path: string,
  thresholds: readonly CircuitBreakers_Thresholds[],
): number | undefined {
  for (const [index, one] of thresholds.entries()) {
    reader.only(join(path, `per_host_thresholds[${index}]`), one, perHostThresholdsFields);
  }
  const found = thresholds.find(({ priority }) => priority === RoutingPriority.DEFAULT) ?? thresholds[0];
  if (found?.maxConnections === 0) reader.problem(join(path, 'per_host_thresholds'), 'max_connections must be above 0');
  return found?.maxConnections;
}
