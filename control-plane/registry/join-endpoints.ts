import type { WorkloadHealth } from './join-workloads.ts';
import type { MeshEndpoint, MeshWorkload } from './mesh-snapshot.ts';
import { compare, type ObjectIndex } from './object-index.ts';

/**
 * Endpoints of a service's port among the workloads it selects, sorted by workload. `targetPort` is an application
 * port by number or name. A workload without a sidecar may leave out its ports: then a number is taken as it is.
 */
export function joinEndpoints(
  targetPort: number | string,
  workloads: readonly MeshWorkload[],
  parts: { readonly objects: ObjectIndex; readonly health: WorkloadHealth; readonly trustDomain: string },
): readonly MeshEndpoint[] {
  const endpoints: MeshEndpoint[] = [];
  for (const workload of workloads) {
    const port = endpointPort(targetPort, workload);
    if (port === undefined) continue;
    const { namespace, name, serviceAccount } = workload;
    endpoints.push({
      workload: `${namespace}/${name}`,
      address: workload.address,
      port,
      meshed: workload.meshed,
      spiffeId: workload.meshed ? `spiffe://${parts.trustDomain}/ns/${namespace}/sa/${serviceAccount}` : '',
      healthy: parts.health.isHealthy(namespace, name),
      weight: parts.objects.get('Workload', namespace, name)?.object.spec.weight ?? 1,
      labels: workload.labels,
    });
  }
  return endpoints.sort((a, b) => compare(a.workload, b.workload));
}

function endpointPort(targetPort: number | string, workload: MeshWorkload): number | undefined {
  const port = workload.ports.find((item) => item.name === targetPort || item.appPort === targetPort);
  if (port !== undefined) return workload.meshed ? port.inboundPort : port.appPort;
  if (!workload.meshed && workload.ports.length === 0 && typeof targetPort === 'number') return targetPort;
  return undefined;
}
