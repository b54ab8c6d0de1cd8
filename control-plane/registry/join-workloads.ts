import { portProtocol, type Service, speaksHttp2 } from '../model/service.ts';
import type { Workload } from '../model/workload.ts';
import { selects } from './label-selector.ts';
import type { MeshWorkload, WorkloadPort } from './mesh-snapshot.ts';
import type { Entry, ObjectIndex } from './object-index.ts';
import type { StatusCollector } from './status-collector.ts';

/** Whether requests may be sent to a workload. */
export interface WorkloadHealth {
  isHealthy(namespace: string, name: string): boolean;
}

/** Workloads with the services that select them and the ports of their upstreams. By `<namespace>/<name>`. */
export function joinWorkloads(
  objects: ObjectIndex,
  health: WorkloadHealth,
  status: StatusCollector,
): ReadonlyMap<string, MeshWorkload> {
  const services = Map.groupBy(objects.all('Service').filter(hasSelector), ({ namespace }) => namespace);
  const workloads = new Map<string, MeshWorkload>();
  for (const entry of objects.all('Workload')) {
    const { spec } = entry.object;
    const selecting = (services.get(entry.namespace) ?? []).filter(({ object }) =>
      selects(object.spec.selector ?? {}, entry.labels),
    );
    status.ok(entry.origin, 'Accepted', 'Accepted', 'part of the mesh');
    reportHealth(entry, health, status);
    workloads.set(entry.key, {
      namespace: entry.namespace,
      name: entry.name,
      serviceAccount: spec.serviceAccount ?? 'default',
      labels: entry.labels,
      address: spec.address,
      ports: (spec.ports ?? []).map((port) => joinPort(port, selecting)),
      upstreams: joinUpstreams(entry, objects, status),
      meshed: spec.mesh ?? true,
      services: selecting.map(({ key }) => key).sort(),
    });
  }
  return workloads;
}

/** What the port of a Service says of its application holds here, where the workload itself says nothing. */
function joinPort(
  port: NonNullable<Workload['spec']['ports']>[number],
  services: readonly Entry<Service>[],
): WorkloadPort {
  const stated = port.protocol ?? portProtocol({ name: port.name });
  const protocol = stated === 'http2' ? 'http' : stated;
  const ports = services.flatMap(({ object }) => object.spec.ports);
  const servicePort = ports.find((item) => {
    const target = item.targetPort ?? item.port;
    return target === port.name || target === port.port;
  });
  const http2 = stated === 'http2' || (protocol === 'http' && speaksHttp2(servicePort ?? { name: port.name }));
  return { name: port.name, appPort: port.port, inboundPort: port.inboundPort ?? 0, protocol, http2 };
}

function hasSelector({ object }: Entry<Service>): boolean {
  return Object.keys(object.spec.selector ?? {}).length > 0;
}

function joinUpstreams(
  entry: Entry<Workload>,
  objects: ObjectIndex,
  status: StatusCollector,
): MeshWorkload['upstreams'] {
  return (entry.object.spec.upstreams ?? []).flatMap((upstream) => {
    const namespace = upstream.namespace ?? entry.namespace;
    const service = objects.get('Service', namespace, upstream.service);
    const port = upstream.port ?? service?.object.spec.ports[0]?.port;
    if (service === undefined) {
      const message = `upstream ${namespace}/${upstream.service}: no such Service exists`;
      status.problem(entry.origin, 'ResolvedRefs', 'ServiceNotFound', message);
    }
    return port === undefined ? [] : [{ service: upstream.service, namespace, port, localPort: upstream.localPort }];
  });
}

function reportHealth(entry: Entry<Workload>, health: WorkloadHealth, status: StatusCollector): void {
  if (health.isHealthy(entry.namespace, entry.name)) {
    status.ok(entry.origin, 'Ready', 'Ready', 'takes requests');
  } else {
    status.problem(entry.origin, 'Ready', 'SidecarDisconnected', 'its sidecar is not connected; it gets no requests');
  }
}
