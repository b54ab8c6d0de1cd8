import { portProtocol, type Service, speaksHttp2 } from '../model/service.ts';
import { joinEndpoints } from './join-endpoints.ts';
import type { PolicyIndex } from './join-policies.ts';
import type { WorkloadHealth } from './join-workloads.ts';
import type { MeshRoute, MeshService, MeshWorkload } from './mesh-snapshot.ts';
import type { Entry, ObjectIndex } from './object-index.ts';
import type { StatusCollector } from './status-collector.ts';

/** What services are joined with. */
export interface ServiceParts {
  readonly objects: ObjectIndex;
  readonly workloads: ReadonlyMap<string, MeshWorkload>;
  readonly health: WorkloadHealth;
  readonly policies: PolicyIndex;
  /** GAMMA routes by `<namespace>/<name>` of the service. */
  readonly routes: ReadonlyMap<string, readonly MeshRoute[]>;
  readonly trustDomain: string;
  readonly status: StatusCollector;
}

/** Services with endpoints, routes and policy, sorted by key. */
export function joinServices(parts: ServiceParts): ReadonlyMap<string, MeshService> {
  const byService = new Map<string, MeshWorkload[]>();
  for (const workload of parts.workloads.values()) {
    for (const key of workload.services) {
      const list = byService.get(key);
      if (list === undefined) byService.set(key, [workload]);
      else list.push(workload);
    }
  }
  const services = new Map<string, MeshService>();
  for (const entry of parts.objects.all('Service').toSorted((a, b) => (a.key < b.key ? -1 : 1))) {
    services.set(entry.key, joinService(entry, byService.get(entry.key) ?? [], parts));
  }
  return services;
}

function joinService(entry: Entry<Service>, workloads: readonly MeshWorkload[], parts: ServiceParts): MeshService {
  const { status } = parts;
  status.ok(entry.origin, 'Accepted', 'Accepted', 'part of the mesh');
  const ports = entry.object.spec.ports.map((port) => {
    const endpoints = joinEndpoints(port.targetPort ?? port.port, workloads, parts);
    if (endpoints.length === 0) {
      const message =
        workloads.length === 0
          ? 'its selector matches no workload'
          : `no workload it selects has port ${port.targetPort ?? port.port}`;
      status.problem(entry.origin, 'Ready', 'NoEndpoints', message);
    } else if (endpoints.every((endpoint) => !endpoint.healthy)) {
      status.problem(entry.origin, 'Ready', 'NoHealthyEndpoints', `no endpoint of port ${port.port} is healthy`);
    } else {
      status.ok(entry.origin, 'Ready', 'Ready', 'has healthy endpoints');
    }
    const protocol = portProtocol(port);
    return {
      name: port.name ?? '',
      port: port.port,
      protocol,
      http2: protocol === 'http' && speaksHttp2(port),
      endpoints,
    };
  });
  return {
    namespace: entry.namespace,
    name: entry.name,
    fqdn: `${entry.name}.${entry.namespace}.svc.cluster.local`,
    labels: entry.labels,
    ports,
    routes: parts.routes.get(entry.key) ?? [],
    policy: parts.policies.effective(entry.namespace, entry.name),
  };
}
