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
import type { EndpointConfig, EndpointGroup } from '../cluster/cluster-config.ts';
import { decodeAddress } from './decode-address.ts';
import type { DecodeContext } from './decode-context.ts';
import { decodeEndpointCheck } from './decode-health-check.ts';
import { fieldsOf } from './message-fields.ts';
import { type Decoded, Reader } from './reader.ts';

export const assignmentFields = fieldsOf(ClusterLoadAssignment, { supported: ['clusterName', 'endpoints', 'policy'] });

export const policyFields = fieldsOf(ClusterLoadAssignment_Policy, { supported: ['overprovisioningFactor'] });

export const localityFields = fieldsOf(LocalityLbEndpoints, {
  supported: ['locality', 'lbEndpoints', 'loadBalancingWeight', 'priority'],
  ignored: { metadata: 'for people' },
  limits: { priority: 'not above 128' },
});

export const endpointFields = fieldsOf(Endpoint, { supported: ['address', 'hostname', 'healthCheckConfig'] });

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
const maxPriority = 128;

/** Healths besides those that `healthy` tells apart. */
const otherHealth: Readonly<Record<number, EndpointConfig['health']>> = {
  [HealthStatus.DEGRADED]: 'degraded',
  [HealthStatus.DRAINING]: 'draining',
  [HealthStatus.TIMEOUT]: 'timeout',
};

export function decodeEndpoints(message: ClusterLoadAssignment, context?: DecodeContext): Decoded<EndpointsResource> {
  const reader = new Reader(context);
  const endpoints = readEndpoints(reader, '', message);
  return reader.finish({ name: reader.required('cluster_name', message.clusterName), endpoints });
}

/** Reads endpoints of an EDS resource, or of a cluster's own `load_assignment` under `path`; with `hosts`, by host names. */
export function readEndpoints(
  reader: Reader,
  path: string,
  message: ClusterLoadAssignment,
  hosts = false,
): MatchableEndpoint[] {
  const prefix = path === '' ? '' : `${path}.`;
  reader.only(path, message, assignmentFields);
  if (message.policy !== undefined) {
    reader.only(`${prefix}policy`, message.policy, policyFields);
  }
  const endpoints = message.endpoints.flatMap((locality, index) =>
    readLocality(reader, `${prefix}endpoints[${index}]`, locality, message.policy, hosts),
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

function readLocality(
  reader: Reader,
  path: string,
  locality: LocalityLbEndpoints,
  policy: ClusterLoadAssignment['policy'],
  hosts: boolean,
): MatchableEndpoint[] {
  reader.only(path, locality, localityFields);
  if (locality.priority > maxPriority) reader.problem(`${path}.priority`, `at most ${maxPriority}`);
  const { region = '', zone = '', subZone = '' } = locality.locality ?? {};
  const overprovisioningFactor = policy?.overprovisioningFactor ?? 140;
  const weight = locality.loadBalancingWeight ?? 0;
  const group: EndpointGroup = { region, zone, subZone, weight, priority: locality.priority, overprovisioningFactor };
  return locality.lbEndpoints.map((endpoint, index) =>
    readEndpoint(reader, `${path}.lb_endpoints[${index}]`, endpoint, group, hosts),
  );
}

function readEndpoint(
  reader: Reader,
  path: string,
  lbEndpoint: LbEndpoint,
  group: EndpointGroup,
  hosts: boolean,
): MatchableEndpoint {
  const identifier = lbEndpoint.hostIdentifier;
  const endpoint = identifier?.$case === 'endpoint' ? identifier.value : undefined;
  if (endpoint === undefined) reader.problem(path, 'endpoint: missing');
  else reader.only(`${path}.endpoint`, endpoint, endpointFields);
  const metadata = lbEndpoint.metadata?.filterMetadata ?? {};
  const own = metadata['heddle.dev'] ?? {};
  const selection = metadata['envoy.lb'];
  const hashKey = selection?.hash_key;
  const health = otherHealth[lbEndpoint.healthStatus];
  const { HEALTHY, UNKNOWN, DEGRADED } = HealthStatus;
  if (lbEndpoint.loadBalancingWeight === 0) reader.problem(`${path}.load_balancing_weight`, 'must be above 0');
  return {
    ...(endpoint === undefined
      ? { address: '', port: 0 }
      : decodeAddress(reader, `${path}.endpoint.address`, endpoint.address, 1, hosts)),
    weight: Math.max(1, lbEndpoint.loadBalancingWeight ?? 1),
    healthy: [HEALTHY, UNKNOWN, DEGRADED].some((status) => status === lbEndpoint.healthStatus),
    tls: false,
    workload: typeof own.workload === 'string' ? own.workload : '',
    ...(endpoint === undefined || endpoint.hostname === '' ? {} : { hostname: endpoint.hostname }),
    group,
    ...(health === undefined ? {} : { health }),
    ...(endpoint === undefined || endpoint.hostname === '' ? {} : { hostname: endpoint.hostname }),
    ...(endpoint?.healthCheckConfig === undefined
      ? {}
      : { check: decodeEndpointCheck(reader, `${path}.endpoint.health_check_config`, endpoint.healthCheckConfig) }),
    ...(typeof hashKey === 'string' && hashKey !== '' ? { hashKey } : {}),
    ...(selection === undefined ? {} : { metadata: selection }),
    match: metadata['envoy.transport_socket_match'] ?? {},
  };
}
