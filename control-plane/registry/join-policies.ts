import { durationMs } from '../model/duration.ts';
import { meshNamespace, type TrafficPolicy } from '../model/traffic-policy.ts';
import type { EffectiveTrafficPolicy } from './mesh-snapshot.ts';
import type { Entry, ObjectIndex } from './object-index.ts';
import type { StatusCollector } from './status-collector.ts';

/**
 * What holds where no TrafficPolicy says otherwise. A request may take 15 s with all its tries and 5 s in each; one
 * retry, and only where it cannot be processed twice.
 */
export const defaultTrafficPolicy: EffectiveTrafficPolicy = {
  requestTimeoutMs: 15_000,
  perTryTimeoutMs: 5_000,
  idleTimeoutMs: 300_000,
  connectTimeoutMs: 1_000,
  retries: {
    attempts: 1,
    on: ['connect-failure', 'refused-stream', 'reset-before-request', 'reset'],
    statuses: [],
  },
  retryBudget: { percent: 20, minConcurrency: 3 },
  balancer: 'PeakEwma',
  limits: { connections: 1_024, pendingRequests: 1_024, requests: 1_024 },
  origins: [],
};

/** Policies by what they are for. */
export interface PolicyIndex {
  /** What holds for a service. */
  effective(namespace: string, service: string): EffectiveTrafficPolicy;
}

type PolicyEntry = Entry<TrafficPolicy>;

/** Sorts policies by mesh, namespace and service. Of two with the same target, the older one wins field by field. */
export function joinPolicies(objects: ObjectIndex, status: StatusCollector): PolicyIndex {
  const mesh: PolicyEntry[] = [];
  const byNamespace = new Map<string, PolicyEntry[]>();
  const byService = new Map<string, PolicyEntry[]>();
  for (const entry of objects.all('TrafficPolicy')) {
    const targets = entry.object.spec.targetRefs;
    if (targets === undefined) {
      if (entry.namespace === meshNamespace) mesh.push(entry);
      else addTo(byNamespace, entry.namespace, entry);
    }
    for (const target of targets ?? []) {
      if (target.kind === 'Namespace') {
        if (target.name === entry.namespace) addTo(byNamespace, entry.namespace, entry);
        else {
          const message = `a policy holds for its own namespace only, not for ${target.name}`;
          status.problem(entry.origin, 'Accepted', 'RefNotPermitted', message);
        }
      } else if (objects.get('Service', entry.namespace, target.name) === undefined) {
        const message = `no Service ${entry.namespace}/${target.name} exists`;
        status.problem(entry.origin, 'Accepted', 'TargetNotFound', message);
      } else {
        addTo(byService, `${entry.namespace}/${target.name}`, entry);
      }
    }
    status.ok(entry.origin, 'Accepted', 'Accepted', 'in force');
  }
  reportConflicts([mesh, ...byNamespace.values(), ...byService.values()], status);

  const cache = new Map<string, EffectiveTrafficPolicy>();
  return {
    effective(namespace, service) {
      const own = byService.get(`${namespace}/${service}`) ?? [];
      const layers = [mesh, byNamespace.get(namespace) ?? [], own];
      // The oldest is laid last, so that it wins over younger ones of its level.
      const ordered = layers.flatMap((layer) => layer.toReversed());
      const key = ordered.map((entry) => entry.origin).join(' ');
      let effective = cache.get(key);
      if (effective === undefined) {
        effective = ordered.reduce(overlay, defaultTrafficPolicy);
        cache.set(key, effective);
      }
      return effective;
    },
  };
}

function overlay(base: EffectiveTrafficPolicy, { object, origin }: PolicyEntry): EffectiveTrafficPolicy {
  const { timeouts, retries, retryBudget, balancer, limits } = object.spec;
  const request = durationMs(timeouts?.request);
  return {
    requestTimeoutMs: request ?? base.requestTimeoutMs,
    // Who allows a request a minute does not expect a try to be cut after five seconds.
    perTryTimeoutMs: durationMs(timeouts?.perTry) ?? request ?? base.perTryTimeoutMs,
    idleTimeoutMs: durationMs(timeouts?.idle) ?? base.idleTimeoutMs,
    connectTimeoutMs: durationMs(timeouts?.connect) ?? base.connectTimeoutMs,
    retries: {
      attempts: retries?.attempts ?? base.retries.attempts,
      on: retries?.on ?? base.retries.on,
      statuses: retries?.statuses ?? base.retries.statuses,
    },
    retryBudget: {
      percent: retryBudget?.percent ?? base.retryBudget.percent,
      minConcurrency: retryBudget?.minConcurrency ?? base.retryBudget.minConcurrency,
    },
    balancer: balancer?.type ?? base.balancer,
    limits: {
      connections: limits?.connections ?? base.limits.connections,
      pendingRequests: limits?.pendingRequests ?? base.limits.pendingRequests,
      requests: limits?.requests ?? base.limits.requests,
    },
    origins: [...base.origins, origin],
  };
}

function reportConflicts(levels: readonly (readonly PolicyEntry[])[], status: StatusCollector): void {
  for (const [first, ...later] of levels) {
    for (const entry of later) {
      const message = `${first?.origin} has the same target and is older; its fields win`;
      status.ok(entry.origin, 'Conflicted', 'OlderPolicyWins', message);
    }
  }
}

function addTo<T>(map: Map<string, T[]>, key: string, item: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [item]);
  else if (!list.includes(item)) list.push(item);
}
