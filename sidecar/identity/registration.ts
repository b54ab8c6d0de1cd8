import { Metadata, type ServiceError } from '@grpc/grpc-js';
import { type RegistrationServiceClient, Workload } from '../../proto/gen/heddle/registration/v1/registration.ts';

/** What the control plane must know of this process (proto/heddle/registration). */
export interface WorkloadDescription {
  name: string;
  namespace: string;
  serviceAccount: string;
  labels: Readonly<Record<string, string>>;
  address: string;
  ports: readonly WorkloadPort[];
  nodeId: string;
  /** Service to make when none of this name exists; empty for none. */
  service: string;
  upstreams: readonly { service: string; localPort: number }[];
}

export interface WorkloadPort {
  name: string;
  appPort: number;
  inboundPort: number;
  protocol: 'http' | 'http2' | 'tcp';
  /** 0 for the application's port. */
  servicePort: number;
}

const registerDeadlineMs = 10_000;
const deregisterDeadlineMs = 2_000;

/** Announces the workload; answered when it is durable. Rejects with gRPC's error. */
export function register(client: RegistrationServiceClient, workload: WorkloadDescription, now: number): Promise<void> {
  const { labels, ports, upstreams } = workload;
  const message = Workload.fromPartial({
    ...workload,
    labels: { ...labels },
    ports: [...ports],
    upstreams: [...upstreams],
  });
  return new Promise((resolve, reject) => {
    client.register(
      { $type: 'heddle.registration.v1.RegisterRequest', workload: message },
      new Metadata(),
      { deadline: now + registerDeadlineMs },
      (error: ServiceError | null) => (error ? reject(error) : resolve()),
    );
  });
}

/** Takes the workload out, so that nobody sends it anything new. Rejects with gRPC's error. */
export function deregister(
  client: RegistrationServiceClient,
  { namespace, name }: Pick<WorkloadDescription, 'namespace' | 'name'>,
  now: number,
): Promise<void> {
  return new Promise((resolve, reject) => {
    client.deregister(
      { $type: 'heddle.registration.v1.DeregisterRequest', namespace, name },
      new Metadata(),
      { deadline: now + deregisterDeadlineMs },
      (error: ServiceError | null) => (error ? reject(error) : resolve()),
    );
  });
}
