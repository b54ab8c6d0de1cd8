import { expect, test } from 'vitest';
import { Cluster } from '../../proto/gen/envoy/config/cluster/v3/cluster.ts';
import { decodeCluster } from './decode-cluster.ts';

/** The breakers of a cluster, or what is wrong with it. */
function read(json: object) {
  const decoded = decodeCluster(Cluster.fromJSON({ name: 'c', type: 'EDS', connectTimeout: '1s', ...json }));
  return decoded.ok ? decoded.value.config.breakers : decoded.problems;
}

test('circuit breakers are read for each priority and host', () => {
  const circuitBreakers = {
    thresholds: [
      { priority: 'HIGH', maxRequests: 7, retryBudget: { budgetPercent: { value: 50 }, minRetryConcurrency: 1 } },
      { maxConnections: 5, maxRetries: 2, trackRemaining: true },
    ],
    perHostThresholds: [{ maxConnections: 9 }],
  };
  expect(read({ circuitBreakers })).toEqual({
    maxConnections: 5,
    maxPendingRequests: 1024,
    maxRequests: 1024,
    retryBudgetPercent: 20,
    minRetryConcurrency: 3,
    maxRetries: 2,
    maxConnectionsPerHost: 9,
    high: {
      maxConnections: 1024,
      maxPendingRequests: 1024,
      maxRequests: 7,
      retryBudgetPercent: 50,
      minRetryConcurrency: 1,
    },
  });
  expect(read({ circuitBreakers: { perHostThresholds: [{ maxRequests: 1 }] } })).toEqual([
    'circuit_breakers.per_host_thresholds[0].max_requests: not supported',
  ]);
});
