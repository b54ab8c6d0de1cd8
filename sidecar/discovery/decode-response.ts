import { Cluster } from '../../proto/gen/envoy/config/cluster/v3/cluster.ts';
import { ClusterLoadAssignment } from '../../proto/gen/envoy/config/endpoint/v3/endpoint.ts';
import { Listener } from '../../proto/gen/envoy/config/listener/v3/listener.ts';
import { RouteConfiguration } from '../../proto/gen/envoy/config/route/v3/route.ts';
import { Secret as SecretMessage } from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret.ts';
import type { Resource } from '../../proto/gen/envoy/service/discovery/v3/discovery.ts';
import type { Any } from '../../proto/gen/google/protobuf/any.ts';
import type { ListenerConfig } from '../net/listener-config.ts';
import type { RouteTable } from '../route/route-table.ts';
import type { Secret } from '../tls/secret.ts';
import { type ClusterResource, decodeCluster } from './decode-cluster.ts';
import { createFindings, type DecodeContext, type Findings } from './decode-context.ts';
import { decodeEndpoints, type EndpointsResource } from './decode-endpoints.ts';
import { decodeListener } from './decode-listener.ts';
import { decodeRoute } from './decode-route.ts';
import { decodeSecret } from './decode-secret.ts';
import type { Decoded } from './reader.ts';
import { type ResourceType, typeNames, typeUrls } from './type-urls.ts';

/** A decoded resource, tagged by its type. */
export type DecodedResource =
  | { type: 'cluster'; value: ClusterResource }
  | { type: 'endpoint'; value: EndpointsResource }
  | { type: 'listener'; value: ListenerConfig }
  | { type: 'route'; value: RouteTable }
  | { type: 'secret'; value: Secret };

export type AcceptedResource = DecodedResource & { name: string; version: string; packed: Any; findings: Findings };

export interface RefusedResource {
  name: string;
  version: string;
  /** Each with its field path. */
  problems: readonly string[];
}

/** Decodes the resources of one response, each by itself; a bad one does not spoil the others. */
export function decodeResources(
  type: ResourceType,
  resources: readonly Resource[],
  context: DecodeContext,
): { accepted: AcceptedResource[]; refused: RefusedResource[] } {
  const accepted: AcceptedResource[] = [];
  const refused: RefusedResource[] = [];
  const counts = new Map<string, number>();
  for (const { name } of resources) counts.set(name, (counts.get(name) ?? 0) + 1);
  const told = new Set<string>();
  for (const { name, version, resource } of resources) {
    if (counts.get(name) !== 1) {
      if (!told.has(name)) refused.push({ name, version, problems: ['there twice in one response'] });
      told.add(name);
      continue;
    }
    // Without a body it is a heartbeat for what we have (resource TTL).
    if (resource === undefined) continue;
    const findings = createFindings();
    const decoded = decodeOne(type, resource, { ...context, findings });
    const problems = decoded.ok ? nameProblems(name, decoded.value) : decoded.problems;
    if (decoded.ok && problems.length === 0) {
      accepted.push({ ...decoded.value, name, version, packed: resource, findings });
    } else refused.push({ name, version, problems });
  }
  return { accepted, refused };
}

/** One line for each problem, for `error_detail`: `Listener "inbound|3000": filter_chains[0]...: not supported`. */
export function describeRefused(type: ResourceType, refused: readonly RefusedResource[]): string[] {
  return refused.flatMap(({ name, problems }) => problems.map((problem) => `${typeNames[type]} "${name}": ${problem}`));
}

function decodeOne(type: ResourceType, packed: Any, context: DecodeContext): Decoded<DecodedResource> {
  if (packed.typeUrl !== typeUrls[type]) {
    return { ok: false, problems: [`holds a ${packed.typeUrl === '' ? '(no type)' : packed.typeUrl}`] };
  }
  try {
    switch (type) {
      case 'cluster':
        return tag(type, decodeCluster(Cluster.decode(packed.value), context));
      case 'endpoint':
        return tag(type, decodeEndpoints(ClusterLoadAssignment.decode(packed.value), context));
      case 'listener':
        return tag(type, decodeListener(Listener.decode(packed.value), context));
      case 'route':
        return tag(type, decodeRoute(RouteConfiguration.decode(packed.value), context));
      case 'secret':
        return tag(type, decodeSecret(SecretMessage.decode(packed.value), context));
    }
  } catch (error) {
    return { ok: false, problems: [`cannot be decoded: ${error instanceof Error ? error.message : String(error)}`] };
  }
}

function tag<Type extends ResourceType, T>(type: Type, decoded: Decoded<T>): Decoded<{ type: Type; value: T }> {
  return decoded.ok ? { ok: true, value: { type, value: decoded.value } } : decoded;
}

function nameProblems(name: string, resource: DecodedResource): string[] {
  const inner = resource.type === 'cluster' ? resource.value.config.name : resource.value.name;
  return inner === name ? [] : [`its own name is "${inner}"`];
}
