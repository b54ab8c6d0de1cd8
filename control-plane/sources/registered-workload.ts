import type { Resource } from '../../proto/api/v1.ts';

/** What a sidecar says about the process it stands beside (`heddle.registration.v1.Workload`). */
export interface RegisteredWorkload {
  readonly namespace: string;
  readonly name: string;
  readonly serviceAccount: string;
  readonly labels: Readonly<Record<string, string>>;
  /** IP address on which other sidecars reach it. */
  readonly address: string;
  readonly ports: readonly {
    readonly name: string;
    readonly appPort: number;
    readonly inboundPort: number;
    readonly protocol: 'http' | 'http2' | 'tcp';
    /** Port of the Service made for it; 0 for the application's. */
    readonly servicePort: number;
  }[];
  readonly upstreams: readonly {
    /** `<service>[.<namespace>][:<port>]`; the namespace may be followed by `.svc.cluster.local`. */
    readonly service: string;
    readonly localPort: number;
  }[];
  /** The Service to make when there is none; `undefined` for none. */
  readonly service: string | undefined;
}

/** Label and annotation under which a workload says which Service it is to stand behind. */
export const serviceLabel = 'heddle.dev/service';
/** Ports of that Service, as `<name>=<port>`, comma-separated. */
const servicePortsAnnotation = 'heddle.dev/service-ports';

/** The durable form of a registration. It is checked by the schema of its kind before it is kept. */
export function toWorkloadResource(workload: RegisteredWorkload): Resource {
  const { service } = workload;
  const servicePorts = workload.ports.map((port) => `${port.name}=${port.servicePort || port.appPort}`).join(',');
  return {
    apiVersion: 'heddle.dev/v1alpha1',
    kind: 'Workload',
    metadata: {
      name: workload.name,
      namespace: workload.namespace,
      labels: { ...(service === undefined ? {} : { app: service, [serviceLabel]: service }), ...workload.labels },
      ...(service === undefined ? {} : { annotations: { [servicePortsAnnotation]: servicePorts } }),
    },
    spec: {
      address: workload.address,
      serviceAccount: workload.serviceAccount,
      ports: workload.ports.map(({ name, appPort, inboundPort, protocol }) => ({
        name,
        port: appPort,
        inboundPort,
        protocol,
      })),
      upstreams: workload.upstreams.map(({ service: target, localPort }) => ({ ...parseUpstream(target), localPort })),
      mesh: true,
    },
  };
}

/** `<namespace>/<name>` of the Service that a registered workload stands behind; `undefined` for none. */
export function registeredService(workload: Resource): string | undefined {
  const name = workload.metadata.labels?.[serviceLabel];
  return name === undefined ? undefined : `${workload.metadata.namespace}/${name}`;
}

/**
 * The Service for workloads that were registered for it, oldest first: the first that names a port decides about it.
 * Works on the durable form, so that a Service can be made again after a restart. `undefined` without any port.
 */
export function toServiceResource(key: string, workloads: readonly Resource[]): Resource | undefined {
  const [namespace = '', name = ''] = key.split('/');
  const ports = new Map<string, { name: string; port: number; targetPort: string; appProtocol: string }>();
  for (const workload of workloads) {
    const numbers = readServicePorts(workload);
    const { ports: own } = workload.spec as { ports?: { name: string; port: number; protocol: string }[] };
    for (const port of own ?? []) {
      const number = numbers.get(port.name) ?? port.port;
      if (ports.has(port.name) || [...ports.values()].some((other) => other.port === number)) continue;
      ports.set(port.name, { name: port.name, port: number, targetPort: port.name, appProtocol: port.protocol });
    }
  }
  if (ports.size === 0) return undefined;
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace, labels: { app: name } },
    spec: { selector: { [serviceLabel]: name }, ports: [...ports.values()] },
  };
}

function readServicePorts(workload: Resource): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  for (const part of workload.metadata.annotations?.[servicePortsAnnotation]?.split(',') ?? []) {
    const [name = '', number] = part.split('=');
    numbers.set(name, Number(number));
  }
  return numbers;
}

function parseUpstream(text: string): { service: string; namespace?: string; port?: number } {
  const [host = '', port] = text.split(':');
  const [service = '', namespace] = host.replace(/\.svc(?:\.cluster\.local)?$/, '').split('.');
  return {
    service,
    ...(namespace === undefined ? {} : { namespace }),
    ...(port === undefined ? {} : { port: Number(port) }),
  };
}
