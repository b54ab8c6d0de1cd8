import { HealthStatus } from '../../proto/gen/envoy/config/core/v3/health_check.ts';
import {
  ClusterLoadAssignment,
  ClusterLoadAssignment_Policy,
} from '../../proto/gen/envoy/config/endpoint/v3/endpoint.ts';
import {
  Endpoint,
  type LbEndpoint,
  LocalityLbEndpoints,
} from '../../proto/gen/envoy/config/endpoint/v3/endpoint_components.ts';
import type { EndpointConfig } from '../cluster/cluster-config.ts';
import { decodeAddress } from './decode-address.ts';
import type { DecodeContext } from './decode-context.ts';
import { fieldsOf } from './message-fields.ts';
import { type Decoded, Reader } from './reader.ts';

export const assignmentFields = fieldsOf(ClusterLoadAssignment, { supported: ['clusterName', 'endpoints', 'policy'] });

export const policyFields = fieldsOf(ClusterLoadAssignment_Policy, {
  supported: [],
  ignored: { overprovisioningFactor: 'it matters between priorities only, of which there is one' },
});

export const localityFields = fieldsOf(LocalityLbEndpoints, {
  supported: ['lbEndpoints', 'priority'],
  ignored: {
    locality: 'all localities are alike',
    loadBalancingWeight: 'all localities are alike',
    metadata: 'for people',
  },
  limits: { priority: '0' },
});

export const endpointFields = fieldsOf(Endpoint, {
  supported: ['address', 'hostname'],
});

/** A ClusterLoadAssignment. Whether TLS applies to an endpoint is up to the cluster that uses it. */
export interface EndpointsResource {
  readonly name: string;
  readonly endpoints: readonly MatchableEndpoint[];
}

export interface MatchableEndpoint extends EndpointConfig {
  /** Metadata `envoy.transport_socket_match`. */
  readonly match: Readonly<Record<string, unknown>>;
}

const maxEndpoints = 10_000;

export function decodeEndpoints(message: ClusterLoadAssignment, context?: DecodeContext): Decoded<EndpointsResource> {
  const reader = new Reader(context);
  const endpoints = readEndpoints(reader, '', message);
  return reader.finish({ name: reader.required('cluster_name', message.clusterName), endpoints });
}

/** Reads endpoints of an EDS resource, or of a cluster's own `load_assignment` under `path`. */
export function readEndpoints(reader: Reader, path: string, message: ClusterLoadAssignment): MatchableEndpoint[] {
  const prefix = path === '' ? '' : `${path}.`;
  reader.only(path, message, assignmentFields);
  if (message.policy !== undefined) {
    reader.only(`${prefix}policy`, message.policy, policyFields);
  }
  const endpoints = message.endpoints.flatMap((locality, index) =>
    readLocality(reader, `${prefix}endpoints[${index}]`, locality),
  );
  if (endpoints.length > maxEndpoints) {
    reader.problem(`${prefix}endpoints`, `${endpoints.length} endpoints; at most ${maxEndpoints}`);
  }
  const seen = new Set<string>();
  for (const { address, port } of endpoints) {
    const key = `${address} ${port}`;
    if (seen.has(key)) reader.problem(`${prefix}endpoints`, `${address}:${port} is listed twice`);
    seen.add(key);
  }
  return endpoints;
}

function readLocality(reader: Reader, path: string, locality: LocalityLbEndpoints): MatchableEndpoint[] {
  reader.only(path, locality, localityFields);
  if (locality.priority !== 0) reader.problem(`${path}.priority`, 'not supported');
  return locality.lbEndpoints.map((endpoint, index) =>
    readEndpoint(reader, `${path}.lb_endpoints[${index}]`, endpoint),
  );
}

function readEndpoint(reader: Reader, path: string, lbEndpoint: LbEndpoint): MatchableEndpoint {
  const identifier = lbEndpoint.hostIdentifier;
  const endpoint = identifier?.$case === 'endpoint' ? identifier.value : undefined;
  if (endpoint === undefined) reader.problem(path, 'endpoint: missing');
  else reader.only(`${path}.endpoint`, endpoint, endpointFields);
  const metadata = lbEndpoint.metadata?.filterMetadata ?? {};
  const own = metadata['heddle.dev'] ?? {};
  const { HEALTHY, UNKNOWN, DEGRADED } = HealthStatus;
  return {
    ...(endpoint === undefined
      ? { address: '', port: 0 }
      : decodeAddress(reader, `${path}.endpoint.address`, endpoint.address)),
    weight: lbEndpoint.loadBalancingWeight ?? 1,
    healthy: [HEALTHY, UNKNOWN, DEGRADED].some((status) => status === lbEndpoint.healthStatus),
    tls: false,
    workload: typeof own.workload === 'string' ? own.workload : '',
    ...(endpoint === undefined || endpoint.hostname === '' ? {} : { hostname: endpoint.hostname }),
    match: metadata['envoy.transport_socket_match'] ?? {},
  };
}
