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

/** The accepted configuration in the shape of Envoy's `/config_dump`, without private keys. */
export function configDump(discovery: Discovery): { configs: unknown[] } {
  const dumps: Record<ResourceType, (entries: [string, HeldResource][]) => unknown> = {
    cluster: (entries) => ({
      '@type': `${admin}.ClustersConfigDump`,
      ...byState(discovery, 'cluster', entries, 'dynamic_active_clusters', 'dynamic_warming_clusters'),
    }),
    endpoint: (entries) => ({
      '@type': `${admin}.EndpointsConfigDump`,
      dynamic_endpoint_configs: entries.map((entry) => versioned('endpoint_config', 'endpoint', entry)),
    }),
    secret: (entries) => ({
      '@type': `${admin}.SecretsConfigDump`,
      dynamic_active_secrets: entries.map((entry) => ({ name: entry[0], ...versioned('secret', 'secret', entry) })),
    }),
    listener: (entries) => ({
      '@type': `${admin}.ListenersConfigDump`,
      dynamic_listeners: entries.map((entry) => dumpListener(discovery, entry)),
    }),
    route: (entries) => ({
      '@type': `${admin}.RoutesConfigDump`,
      dynamic_route_configs: entries.map((entry) => versioned('route_config', 'route', entry)),
    }),
  };
  return { configs: resourceTypes.map((type) => dumps[type]([...discovery.held.of(type)])) };
}

function byState(
  discovery: Discovery,
  type: 'cluster',
  entries: [string, HeldResource][],
  activeKey: string,
  warmingKey: string,
): Record<string, unknown> {
  const part = (active: boolean): unknown[] =>
    entries
      .filter(([name]) => discovery.isActive(type, name) === active)
      .map((entry) => versioned('cluster', 'cluster', entry));
  return { [activeKey]: part(true), [warmingKey]: part(false) };
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
