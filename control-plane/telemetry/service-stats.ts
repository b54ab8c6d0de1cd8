import type { ServiceStats, ServiceStatsList } from '../../proto/api/v1.ts';
import type { MeshSnapshot } from '../registry/mesh-snapshot.ts';
import type { PairSignals } from './golden-signals.ts';
import { latencyBuckets, latencyQuantile } from './latency-histogram.ts';

/**
 * Golden signals of every service the mesh knows, and of those that were called in the window although it no longer
 * knows them. `connected` holds the workloads whose sidecar has a stream to this control plane, as `ProxyStatus.id`
 * (`<workload>.<namespace>`) or `<namespace>/<workload>`.
 */
export function buildServiceStats(
  windowSeconds: number,
  pairs: readonly PairSignals[],
  snapshot: MeshSnapshot,
  connected: ReadonlySet<string>,
): ServiceStatsList {
  const incoming = Map.groupBy(
    pairs.filter((pair) => pair.destination.kind === 'service'),
    (pair) => `${pair.destination.namespace}/${pair.destination.name}`,
  );
  const workloads = countWorkloads(snapshot, connected);
  const keys = [...new Set([...snapshot.services.keys(), ...incoming.keys()])].sort();
  const items = keys.map((key): ServiceStats => {
    const slash = key.indexOf('/');
    const known = workloads.get(key);
    return {
      namespace: key.slice(0, slash),
      name: key.slice(slash + 1),
      workloads: known?.workloads ?? 0,
      meshed: known?.meshed ?? 0,
      ...signals(windowSeconds, incoming.get(key) ?? []),
    };
  });
  return { windowSeconds, items };
}

function countWorkloads(snapshot: MeshSnapshot, connected: ReadonlySet<string>) {
  const counts = new Map<string, { workloads: number; meshed: number }>();
  for (const { namespace, name, meshed, services } of snapshot.workloads.values()) {
    const present = meshed && (connected.has(`${name}.${namespace}`) || connected.has(`${namespace}/${name}`));
    for (const service of services) {
      const count = counts.get(service) ?? { workloads: 0, meshed: 0 };
      count.workloads++;
      if (present) count.meshed++;
      counts.set(service, count);
    }
  }
  return counts;
}

function signals(windowSeconds: number, pairs: readonly PairSignals[]) {
  const latency = new Float64Array(latencyBuckets);
  let requests = 0;
  let errors = 0;
  for (const pair of pairs) {
    requests += pair.requests;
    errors += pair.errors;
    for (let bucket = 0; bucket < latencyBuckets; bucket++) {
      latency[bucket] = (latency[bucket] ?? 0) + (pair.latency[bucket] ?? 0);
    }
  }
  return {
    requests,
    rate: requests / windowSeconds,
    successRate: requests === 0 ? 1 : 1 - errors / requests,
    p50Ms: latencyQuantile(latency, 0.5),
    p95Ms: latencyQuantile(latency, 0.95),
    p99Ms: latencyQuantile(latency, 0.99),
  };
}
