import { RouteConfiguration } from '../../proto/gen/envoy/config/route/v3/route.ts';
import {
  Route as RouteMessage,
  VirtualHost as VirtualHostMessage,
} from '../../proto/gen/envoy/config/route/v3/route_components.ts';
import type { HeaderMutation, Route, RouteAction, RouteTable, VirtualHost } from '../route/route-table.ts';
import type { DecodeContext } from './decode-context.ts';
import { decodeForward } from './decode-forward.ts';
import { decodeMutation, mergeMutations } from './decode-mutation.ts';
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
  supported: ['name', 'virtualHosts', ...mutations],
  ignored: {
    internalOnlyHeaders: 'headers that only the mesh may set are always removed at the edge',
    validateClusters: 'a cluster that is missing is waited for and then answered as missing',
    maxDirectResponseBodySizeBytes: 'a direct response has at most 64 KiB',
    metadata: 'for people',
  },
});

export const virtualHostFields = fieldsOf(VirtualHostMessage, {
  supported: ['name', 'domains', 'routes', 'retryPolicy', ...mutations],
  ignored: {
    metadata: 'for people',
    includeRequestAttemptCount: 'retries are told by spans and the access log',
    includeAttemptCountInResponse: 'retries are told by spans and the access log',
  },
});

export const routeFields = fieldsOf(RouteMessage, {
  supported: ['name', 'match', 'action.route', 'action.redirect', 'action.directResponse', ...mutations],
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
  const outer = readMutations(reader, path, message);
  const virtualHosts = message.virtualHosts.map((host, index) =>
    readVirtualHost(reader, join(path, `virtual_hosts[${index}]`), host, outer),
  );
  checkDomains(reader, join(path, 'virtual_hosts'), virtualHosts);
  const count = virtualHosts.reduce((sum, host) => sum + host.routes.length, 0);
  if (count > maxRoutes) reader.problem(join(path, 'virtual_hosts'), `${count} routes; at most ${maxRoutes}`);
  return { name: message.name, virtualHosts };
}

/** The clusters that a table sends requests to. */
export function clustersOf(table: RouteTable): Set<string> {
  const names = new Set<string>();
  for (const { routes } of table.virtualHosts) {
    for (const { action } of routes) {
      if (action.kind === 'forward') for (const { name } of action.clusters) names.add(name);
    }
  }
  return names;
}

interface Mutations {
  request: HeaderMutation;
  response: HeaderMutation;
}

function readVirtualHost(reader: Reader, path: string, host: VirtualHostMessage, outer: Mutations): VirtualHost {
  reader.only(path, host, virtualHostFields);
  const own = readMutations(reader, path, host);
  const mutations = {
    request: mergeMutations(own.request, outer.request),
    response: mergeMutations(own.response, outer.response),
  };
  if (host.domains.length === 0) reader.problem(join(path, 'domains'), 'missing');
  return {
    name: reader.required(join(path, 'name'), host.name),
    domains: host.domains.map((domain) => domain.toLowerCase()),
    routes: host.routes.map((route, index) =>
      readRoute(reader, join(path, `routes[${index}]`), route, host, mutations),
    ),
  };
}

function readRoute(
  reader: Reader,
  path: string,
  route: RouteMessage,
  host: VirtualHostMessage,
  outer: Mutations,
): Route {
  reader.only(path, route, routeFields);
  const own = readMutations(reader, path, route);
  return {
    name: route.name === '' ? host.name : route.name,
    match: decodeRouteMatch(reader, join(path, 'match'), route.match),
    action: readAction(reader, path, route.action, host),
    requestHeaders: mergeMutations(own.request, outer.request),
    responseHeaders: mergeMutations(own.response, outer.response),
  };
}

function readAction(
  reader: Reader,
  path: string,
  action: RouteMessage['action'],
  host: VirtualHostMessage,
): RouteAction {
  switch (action?.$case) {
    case 'route':
      return decodeForward(reader, join(path, 'route'), action.value, host.retryPolicy);
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

function readMutations(
  reader: Reader,
  path: string,
  message: Pick<
    RouteMessage,
    'requestHeadersToAdd' | 'requestHeadersToRemove' | 'responseHeadersToAdd' | 'responseHeadersToRemove'
  >,
): Mutations {
  const { requestHeadersToAdd, requestHeadersToRemove, responseHeadersToAdd, responseHeadersToRemove } = message;
  return {
    request: decodeMutation(reader, join(path, 'request_headers'), requestHeadersToAdd, requestHeadersToRemove),
    response: decodeMutation(reader, join(path, 'response_headers'), responseHeadersToAdd, responseHeadersToRemove),
  };
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
