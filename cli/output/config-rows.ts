import type { ProxyConfig } from '../../proto/api/v1.ts';
import type { Column } from './table.ts';

/** The types `proxy-config` knows. */
export const configTypes = ['clusters', 'listeners', 'routes', 'endpoints', 'secrets'] as const;
export type ConfigType = (typeof configTypes)[number];

/** One line of the short table; what it is filtered by and what it shows. */
export interface ConfigRow {
  readonly resource: string;
  readonly fqdn: string;
  readonly port: number;
  readonly direction: string;
  readonly cells: Readonly<Record<string, string>>;
}

type Fields = Readonly<Record<string, unknown>>;

/** Columns of the short table of a type; cells are named as their header. */
export function configColumns(type: ConfigType): Column<ConfigRow>[] {
  const headers: Record<ConfigType, readonly string[]> = {
    clusters: ['SERVICE', 'PORT', 'DIRECTION', 'TYPE', 'BALANCER', 'MTLS'],
    listeners: ['NAME', 'ADDRESS', 'PORT', 'DIRECTION', 'DESTINATION'],
    routes: ['ROUTES', 'VIRTUAL HOST', 'DOMAINS', 'MATCH', 'DESTINATION', 'TIMEOUT', 'RETRIES', 'NAME'],
    endpoints: ['ENDPOINT', 'STATUS', 'WEIGHT', 'MTLS', 'WORKLOAD', 'CLUSTER'],
    secrets: ['NAME', 'TYPE', 'VERSION'],
  };
  return headers[type].map((header) => ({ header, value: (row) => row.cells[header] ?? '' }));
}

/** Reads ProtoJSON of Envoy resources as rows; what is missing is left empty. */
export function configRows(type: ConfigType, config: ProxyConfig): ConfigRow[] {
  const readers: Record<ConfigType, (name: string, config: Fields, version: string) => ConfigRow[]> = {
    clusters: clusterRows,
    listeners: listenerRows,
    routes: routeRows,
    endpoints: endpointRows,
    secrets: secretRows,
  };
  return config.resources.flatMap(({ name, version, config: value }) => readers[type](name, fields(value), version));
}

/** `outbound|80||cart.shop.svc.cluster.local` → its parts; see docs/xds-resources.md. */
function parseName(name: string): { direction: string; port: number; fqdn: string } {
  const [direction = '', port = '', , fqdn = ''] = name.split('|');
  return { direction, port: Number(port) || 0, fqdn };
}

function clusterRows(name: string, cluster: Fields): ConfigRow[] {
  const { direction, port, fqdn } = parseName(name);
  const policies = items(fields(cluster.loadBalancingPolicy).policies);
  const extension = fields(fields(policies[0]).typedExtensionConfig).name;
  const cells = {
    SERVICE: fqdn || name,
    PORT: String(port || ''),
    DIRECTION: direction,
    TYPE: text(cluster.type),
    BALANCER: lastPart(text(extension)),
    MTLS: items(cluster.transportSocketMatches).length > 0 || cluster.transportSocket !== undefined ? 'yes' : 'no',
  };
  return [{ resource: name, fqdn: fqdn || name, port, direction, cells }];
}

function listenerRows(name: string, listener: Fields): ConfigRow[] {
  const socket = fields(fields(listener.address).socketAddress);
  const port = Number(socket.portValue ?? 0);
  // A gateway's listener is OUTBOUND to Envoy; its name says more.
  const direction = parseName(name).direction || text(listener.trafficDirection).toLowerCase();
  const destinations = items(listener.filterChains).flatMap((chain) =>
    items(chain.filters).map((filter) => describeFilter(fields(filter.typedConfig))),
  );
  const cells = {
    NAME: name,
    ADDRESS: text(socket.address),
    PORT: String(port),
    DIRECTION: direction,
    DESTINATION: [...new Set(destinations)].join(', '),
  };
  return [{ resource: name, fqdn: '', port, direction, cells }];
}

function describeFilter(config: Fields): string {
  if (config.cluster !== undefined) return `TCP: ${text(config.cluster)}`;
  const rds = fields(config.rds).routeConfigName;
  if (rds !== undefined) return `Routes: ${text(rds)}`;
  const routes = items(fields(config.routeConfig).virtualHosts).flatMap((host) => items(host.routes));
  return routes.map((route) => `Cluster: ${text(fields(route.route).cluster)}`).join(', ') || text(config['@type']);
}

function routeRows(name: string, table: Fields): ConfigRow[] {
  const named = parseName(name);
  return items(table.virtualHosts).flatMap((host) =>
    items(host.routes).map((route) => {
      const action = fields(route.route);
      const domains = items<string>(host.domains);
      const destination = describeAction(route);
      const fqdn = named.fqdn || (parseName(destination).fqdn.split(' ')[0] ?? '');
      const cells = {
        ROUTES: name,
        'VIRTUAL HOST': text(host.name),
        DOMAINS: domains.length > 2 ? `${domains.slice(0, 2).join(',')} +${domains.length - 2}` : domains.join(','),
        MATCH: describeMatch(fields(route.match)),
        DESTINATION: destination,
        TIMEOUT: text(action.timeout),
        RETRIES: text(fields(action.retryPolicy).numRetries ?? ''),
        NAME: text(route.name),
      };
      const port = named.port || parseName(destination).port;
      return { resource: name, fqdn, port, direction: named.direction, cells };
    }),
  );
}

function describeMatch(match: Fields): string {
  const pathRegex = fields(match.safeRegex).regex;
  const path =
    match.path !== undefined
      ? `= ${text(match.path)}`
      : pathRegex !== undefined
        ? `~ ${text(pathRegex)}`
        : `${text(match.prefix ?? match.pathSeparatedPrefix ?? '/')}*`;
  const more = items(match.headers).length + items(match.queryParameters).length;
  return more === 0 ? path : `${path} +${more}`;
}

function describeAction(route: Fields): string {
  if (route.redirect !== undefined) return `redirect ${text(fields(route.redirect).responseCode ?? '301')}`;
  if (route.directResponse !== undefined) return `status ${text(fields(route.directResponse).status)}`;
  const action = fields(route.route);
  const weighted = items(fields(action.weightedClusters).clusters);
  if (weighted.length === 0) return text(action.cluster);
  return weighted.map((one) => `${text(one.name)} ${text(one.weight ?? 0)}`).join(', ');
}

function endpointRows(name: string, assignment: Fields): ConfigRow[] {
  const { direction, port, fqdn } = parseName(name);
  return items(assignment.endpoints)
    .flatMap((locality) => items(locality.lbEndpoints))
    .map((lbEndpoint) => {
      const socket = fields(fields(fields(lbEndpoint.endpoint).address).socketAddress);
      const metadata = fields(fields(lbEndpoint.metadata).filterMetadata);
      const cells = {
        ENDPOINT: `${text(socket.address)}:${text(socket.portValue ?? '')}`,
        STATUS: text(lbEndpoint.healthStatus ?? 'HEALTHY'),
        WEIGHT: text(lbEndpoint.loadBalancingWeight ?? 1),
        MTLS: fields(metadata['envoy.transport_socket_match']).tlsMode === undefined ? 'no' : 'yes',
        WORKLOAD: text(fields(metadata['heddle.dev']).workload),
        CLUSTER: name,
      };
      return { resource: name, fqdn, port, direction, cells };
    });
}

function secretRows(name: string, secret: Fields, version: string): ConfigRow[] {
  const type = secret.validationContext !== undefined ? 'CA' : secret.tlsCertificate !== undefined ? 'certificate' : '';
  return [{ resource: name, fqdn: '', port: 0, direction: '', cells: { NAME: name, TYPE: type, VERSION: version } }];
}

function lastPart(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function items<T = Fields>(value: unknown): T[] {
  return Array.isArray(value) ? (value as T[]) : [];
}

function text(value: unknown): string {
  return value === undefined || value === null ? '' : String(value);
}
