import { Cluster } from '../../proto/gen/envoy/config/cluster/v3/cluster.ts';
import { ClusterLoadAssignment } from '../../proto/gen/envoy/config/endpoint/v3/endpoint.ts';
import { Listener } from '../../proto/gen/envoy/config/listener/v3/listener.ts';
import { RouteConfiguration } from '../../proto/gen/envoy/config/route/v3/route.ts';
import { Secret } from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret.ts';
import type { Discovery } from './discovery.ts';
import type { HeldResource } from './held-resources.ts';
import { snakeCase } from './reader.ts';
import { type ResourceType, resourceTypes, typeUrls } from './type-urls.ts';

const admin = 'type.googleapis.com/envoy.admin.v3';

type Entry = [string, HeldResource];

/** The accepted configuration in the shape of Envoy's `/config_dump`, without private keys. */
export function configDump(discovery: Discovery): { configs: unknown[] } {
  const isActive = ([name]: Entry) => discovery.isActive('cluster', name);
  const cluster = (entry: Entry) => versioned('cluster', 'cluster', entry);
  const route = (entry: Entry) => versioned('route_config', 'route', entry);
  const secret = (entry: Entry) => ({ name: entry[0], ...versioned('secret', 'secret', entry) });
  const dumps: Record<ResourceType, (fixed: Entry[], dynamic: Entry[]) => unknown> = {
    cluster: (fixed, dynamic) => ({
      '@type': `${admin}.ClustersConfigDump`,
      ...(fixed.length === 0 ? {} : { static_clusters: fixed.map(cluster) }),
      dynamic_active_clusters: dynamic.filter(isActive).map(cluster),
      dynamic_warming_clusters: dynamic.filter((entry) => !isActive(entry)).map(cluster),
    }),
    endpoint: (_, dynamic) => ({
      '@type': `${admin}.EndpointsConfigDump`,
      dynamic_endpoint_configs: dynamic.map((entry) => versioned('endpoint_config', 'endpoint', entry)),
    }),
    secret: (fixed, dynamic) => ({
      '@type': `${admin}.SecretsConfigDump`,
      ...(fixed.length === 0 ? {} : { static_secrets: fixed.map(secret) }),
      dynamic_active_secrets: dynamic.map(secret),
    }),
    listener: (fixed, dynamic) => ({
      '@type': `${admin}.ListenersConfigDump`,
      ...(fixed.length === 0
        ? {}
        : { static_listeners: fixed.map((entry) => versioned('listener', 'listener', entry)) }),
      dynamic_listeners: dynamic.map((entry) => dumpListener(discovery, entry)),
    }),
    route: (_, dynamic) => ({
      '@type': `${admin}.RoutesConfigDump`,
      dynamic_route_configs: dynamic.map(route),
    }),
  };
  return {
    configs: resourceTypes.map((type) => {
      const entries = [...discovery.held.of(type)];
      const fixed = entries.filter(([, { origin }]) => origin === 'static');
      return dumps[type](
        fixed,
        entries.filter(([, { origin }]) => origin === 'dynamic'),
      );
    }),
  };
}

function dumpListener(discovery: Discovery, entry: [string, HeldResource]): unknown {
  const { error_state, ...state } = versioned('listener', 'listener', entry);
  const key = discovery.isActive('listener', entry[0]) ? 'active_state' : 'warming_state';
  return { name: entry[0], [key]: state, ...(error_state === undefined ? {} : { error_state }) };
}

function versioned(key: string, type: ResourceType, [, held]: [string, HeldResource]): Record<string, unknown> {
  const { version, updatedAt, refused } = held;
  return {
    version_info: version,
    [key]: { '@type': typeUrls[type], ...toSnakeCase(toJson(type, held)) },
    last_updated: new Date(updatedAt).toISOString(),
    ...(refused === undefined
      ? {}
      : {
          error_state: {
            version_info: refused.version,
            details: refused.details,
            last_update_attempt: new Date(refused.at).toISOString(),
          },
        }),
  };
}

function toJson(type: ResourceType, { packed }: HeldResource): unknown {
  switch (type) {
    case 'cluster':
      return Cluster.toJSON(Cluster.decode(packed.value));
    case 'endpoint':
      return ClusterLoadAssignment.toJSON(ClusterLoadAssignment.decode(packed.value));
    case 'listener':
      return Listener.toJSON(Listener.decode(packed.value));
    case 'route':
      return RouteConfiguration.toJSON(RouteConfiguration.decode(packed.value));
    case 'secret': {
      const secret = Secret.decode(packed.value);
      if (secret.type?.$case === 'tlsCertificate') {
        const redacted = { specifier: { $case: 'inlineString', value: '[redacted]' } } as const;
        secret.type.value.privateKey = {
          $type: 'envoy.config.core.v3.DataSource',
          watchedDirectory: undefined,
          ...redacted,
        };
      }
      return Secret.toJSON(secret);
    }
  }
}

/** Keys below these are data, not names of fields. */
const dataFields = new Set(['filterMetadata', 'typedExtensionProtocolOptions', 'typedPerFilterConfig']);

/** ProtoJSON with Envoy's choice of the original field names. */
function toSnakeCase(value: unknown): Record<string, unknown> {
  return convert(value, false) as Record<string, unknown>;
}

function convert(value: unknown, isData: boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => convert(item, isData));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      const dataBelow = isData || key === 'filterMetadata' || (key === 'match' && 'transportSocket' in value);
      // Maps with fields inside keep their own keys, but not those below.
      if (dataFields.has(key) && !dataBelow && typeof inner === 'object' && inner !== null) {
        const entries = Object.entries(inner as object).map(([name, item]) => [name, convert(item, false)]);
        return [snakeCase(key), Object.fromEntries(entries)];
      }
      return [isData ? key : snakeCase(key), convert(inner, dataBelow)];
    }),
  );
}
