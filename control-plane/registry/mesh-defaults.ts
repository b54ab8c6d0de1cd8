import { type DefaultRow, showCount, showMs } from '../../lib/default-row.ts';
import { defaultTrafficPolicy as policy } from './join-policies.ts';

/** What holds in a mesh where no TrafficPolicy says otherwise, with the reason. */
export function meshDefaults(): DefaultRow[] {
  const group = 'mesh (TrafficPolicy)';
  const { retries, retryBudget, limits } = policy;
  const rows: [string, string, string][] = [
    ['timeouts.request', showMs(policy.requestTimeoutMs), 'Envoy’s default; a caller that waits longer has given up'],
    ['timeouts.perTry', showMs(policy.perTryTimeoutMs), 'leaves time for a second try within the whole'],
    ['timeouts.idle', showMs(policy.idleTimeoutMs), 'streams may rest, but not for ever'],
    ['timeouts.connect', showMs(policy.connectTimeoutMs), 'within a cluster a connection takes milliseconds'],
    ['retries.attempts', String(retries.attempts), 'one retry hides a lost connection; more multiply load'],
    ['retries.on', retries.on.join(', '), 'only where the request cannot have been processed, or may be twice'],
    [
      'retries.budget',
      `${retryBudget.percent} %, at least ${retryBudget.minConcurrency}`,
      'retries cannot become a storm',
    ],
    ['balancer', policy.balancer, 'slow endpoints get less, without a setting'],
    ['limits.connections', showCount(limits.connections), 'Envoy’s default; a breaker that is always on'],
    ['limits.pendingRequests', showCount(limits.pendingRequests), 'a longer queue only makes everyone wait'],
    ['limits.requests', showCount(limits.requests), 'Envoy’s default; a breaker that is always on'],
  ];
  return rows.map(([name, value, reason]) => ({ group, name, value, reason }));
}
