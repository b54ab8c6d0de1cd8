import { RouteConfiguration } from '../../proto/gen/envoy/config/route/v3/route.ts';
import {
  Route as RouteMessage,
  VirtualHost_TlsRequirementType,
  VirtualHost as VirtualHostMessage,
} from '../../proto/gen/envoy/config/route/v3/route_components.ts';
import type { FilterOverrides } from '../http-filter-config.ts';
import { noMutation, type Route, type RouteAction, type RouteTable, type VirtualHost } from '../route/route-table.ts';
import type { DecodeContext } from './decode-context.ts';
import { decodeForward } from './decode-forward.ts';
import { type MutationLevels, readLevel } from './decode-mutation-levels.ts';
import { decodeOverrides, type OverridePlace } from './decode-overrides.ts';
import { decodeRateLimits } from './decode-rate-limits.ts';
import { decodeRedirect, decodeRespond } from './decode-redirect.ts';
import { decodeRouteMatch } from './decode-route-match.ts';
import { fieldsOf } from './message-fields.ts';
import { type Decoded, join, Reader } from './reader.ts';

const mutations = [
  'requestHeadersToAdd',
  'requestHeadersToRemove',
  'responseHeadersToAdd',
  'responseHeadersToRemove',
] as const;

export const routeConfigurationFields = fieldsOf(RouteConfiguration, {
  supported: [
    'name',
    'virtualHosts',
    'internalOnlyHeaders',
    'requestMirrorPolicies',
    'mostSpecificHeaderMutationsWins',
    'typedPerFilterConfig',
    ...mutations,
  ],
  ignored: {
    validateClusters: 'a cluster that is missing is waited for and then answered as missing',
    maxDirectResponseBodySizeBytes: 'a direct response has at most 64 KiB',
    ignorePortInHostMatching: 'the port in a host is looked at only where a domain has one',
    metadata: 'for people',
  },
});

export const virtualHostFields = fieldsOf(VirtualHostMessage, {
  supported: [
    'name',
    'domains',
    'routes',
    'requireTls',
    'retryPolicy',
    'hedgePolicy',
    'requestMirrorPolicies',
    'includeRequestAttemptCount',
    'includeAttemptCountInResponse',
    'typedPerFilterConfig',
    'rateLimits',
    ...mutations,
  ],
  ignored: { metadata: 'for people' },
});

export const routeFields = fieldsOf(RouteMessage, {
  supported: [
    'name',
    'match',
    'action.route',
    'action.redirect',
    'action.directResponse',
    'typedPerFilterConfig',
    ...mutations,
  ],
  ignored: {
    metadata: 'for people',
    decorator: 'spans are named by the route',
    tracing: 'tracing is set by flags',
    statPrefix: 'statistics only',
  },
});

const maxRoutes = 10_000;

export function decodeRoute(message: RouteConfiguration, context?: DecodeContext): Decoded<RouteTable> {
  const reader = new Reader(context);
  reader.required('name', message.name);
  return reader.finish(readRouteTable(reader, '', message));
}

/** Reads an RDS resource, or the inline table of a connection manager under `path`. */
export function readRouteTable(reader: Reader, path: string, message: RouteConfiguration): RouteTable {
  reader.only(path, message, routeConfigurationFields);
  const around = {
    request: noMutation,
    response: noMutation,
    innermostLast: message.mostSpecificHeaderMutationsWins,
  };
  const outer = readLevel(reader, path, message, around);
  const overrides = decodeOverrides(reader, path, message.typedPerFilterConfig, { place: '', outer: undefined });
  const virtualHosts = message.virtualHosts.map((host, index) =>
    readVirtualHost(reader, join(path, `virtual_hosts[${index}]`), withMirrors(host, message), outer, overrides),
  );
  checkDomains(reader, join(path, 'virtual_hosts'), virtualHosts);
  const count = virtualHosts.reduce((sum, host) => sum + host.routes.length, 0);
  if (count > maxRoutes) reader.problem(join(path, 'virtual_hosts'), `${count} routes; at most ${maxRoutes}`);
  const internalOnlyHeaders = message.internalOnlyHeaders.map((name) => name.toLowerCase());
  return { name: message.name, virtualHosts, ...(internalOnlyHeaders.length > 0 ? { internalOnlyHeaders } : {}) };
}

/** A virtual host without mirrors of its own has those of its table. */
function withMirrors(host: VirtualHostMessage, table: RouteConfiguration): VirtualHostMessage {
  const { requestMirrorPolicies } = table;
  return host.requestMirrorPolicies.length > 0 ? host : { ...host, requestMirrorPolicies };
}

/** The clusters that a table sends requests to. */
export function clustersOf(table: RouteTable): Set<string> {
  const names = new Set<string>();
  for (const { routes } of table.virtualHosts) {
    for (const { action } of routes) {
      if (action.kind === 'forward') {
        for (const { name } of action.clusters) if (name !== '') names.add(name);
      }
    }
  }
  return names;
}

function readVirtualHost(
  reader: Reader,
  path: string,
  host: VirtualHostMessage,
  outer: MutationLevels,
  outerOverrides: FilterOverrides | undefined,
): VirtualHost {
  reader.only(path, host, virtualHostFields);
  const levels = readLevel(reader, path, host, outer);
  const overrides = decodeOverrides(reader, path, host.typedPerFilterConfig, {
    place: host.name,
    outer: outerOverrides,
  });
  const places = new Map<string, number>();
  const requireTls = decodeRequireTls(reader, join(path, 'require_tls'), host.requireTls);
  if (host.domains.length === 0) reader.problem(join(path, 'domains'), 'missing');
  return {
    name: reader.required(join(path, 'name'), host.name),
    domains: host.domains.map((domain) => domain.toLowerCase()),
    routes: host.routes.map((route, index) =>
      readRoute(reader, join(path, `routes[${index}]`), route, host, levels, {
        place: placeOf(host, route, places),
        outer: overrides,
      }),
    ),
    ...(overrides === undefined ? {} : { overrides }),
    ...(host.rateLimits.length === 0 ? {} : { rateLimits: decodeRateLimits(reader, path, host.rateLimits) }),
    ...(requireTls === undefined ? {} : { requireTls }),
  };
}

function decodeRequireTls(
  reader: Reader,
  path: string,
  requirement: VirtualHost_TlsRequirementType,
): VirtualHost['requireTls'] {
  const types = VirtualHost_TlsRequirementType;
  if (requirement === types.EXTERNAL_ONLY) return 'external';
  if (requirement === types.ALL) return 'all';
  if (requirement !== types.NONE) reader.problem(path, 'not supported');
  return undefined;
}

/** The same for the same route in every version of the table, wherever in the list it stands. */
function placeOf(host: VirtualHostMessage, route: RouteMessage, taken: Map<string, number>): string {
  const name = `${host.name}/${route.name}`;
  const before = taken.get(name) ?? 0;
  taken.set(name, before + 1);
  return before === 0 ? name : `${name}#${before}`;
}

function readRoute(
  reader: Reader,
  path: string,
  route: RouteMessage,
  host: VirtualHostMessage,
  outer: MutationLevels,
  at: OverridePlace,
): Route {
  reader.only(path, route, routeFields);
  const levels = readLevel(reader, path, route, outer);
  const overrides = decodeOverrides(reader, path, route.typedPerFilterConfig, at);
  return {
    name: route.name === '' ? host.name : route.name,
    match: decodeRouteMatch(reader, join(path, 'match'), route.match),
    action: readAction(reader, path, route.action, host, levels, { place: at.place, outer: overrides }),
    responseHeaders: levels.response,
    ...(overrides === undefined ? {} : { overrides }),
  };
}

function readAction(
  reader: Reader,
  path: string,
  action: RouteMessage['action'],
  host: VirtualHostMessage,
  levels: MutationLevels,
  at: OverridePlace,
): RouteAction {
  switch (action?.$case) {
    case 'route':
      return decodeForward(reader, join(path, 'route'), action.value, host, levels, at);
    case 'redirect':
      return decodeRedirect(reader, join(path, 'redirect'), action.value);
    case 'directResponse':
      return decodeRespond(reader, join(path, 'direct_response'), action.value);
    default:
      if (action === undefined) {
        reader.problem(join(path, 'action'), 'one of route, redirect and direct_response must be set');
      }
      return { kind: 'respond', status: 500, body: '' };
  }
}

/** A host that two virtual hosts answer to would belong to whichever came first. */
function checkDomains(reader: Reader, path: string, hosts: readonly VirtualHost[]): void {
  const seen = new Set<string>();
  for (const [index, host] of hosts.entries()) {
    for (const domain of host.domains) {
      if (seen.has(domain)) reader.problem(`${path}[${index}].domains`, `"${domain}" is there twice`);
      seen.add(domain);
      if (!/^(\*|\*?[^*\s/]+|[^*\s/]+\*)$/.test(domain)) {
        reader.problem(`${path}[${index}].domains`, `"${domain}" is not a host, "*.suffix", "prefix.*" or "*"`);
      }
    }
  }
}
