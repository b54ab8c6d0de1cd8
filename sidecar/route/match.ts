import { isGrpc, type RequestHead } from '../stream/head.ts';
import type { CompiledRoute, CompiledRouteTable, CompiledVirtualHost, RouteResult } from './compile.ts';
import { matchPath } from './match-path.ts';
import { headerValue, matchHeaders, matchQuery } from './match-values.ts';
import type { ForwardAction, WeightedCluster } from './route-table.ts';

const unknownHost: RouteResult = { kind: 'unknown-host' };

/**
 * The virtual host of the request's authority, and its first route that matches. Pure; allocates next to nothing.
 * `random`, in [0, 1), decides about routes that take a share only.
 */
export function matchRoute(table: CompiledRouteTable, head: RequestHead, random = 0): RouteResult {
  const virtualHost = table.hosts.find(head.authority);
  if (virtualHost === undefined) return unknownHost;
  if (virtualHost.always !== undefined) return virtualHost.always;
  const queryAt = head.path.indexOf('?');
  const path = queryAt < 0 ? head.path : head.path.slice(0, queryAt);
  const { tree } = virtualHost;
  if (tree === undefined) return firstOf(virtualHost.routes, path, { head, queryAt, random }) ?? virtualHost.noRoute;
  return searchTree(virtualHost, tree, path, { head, queryAt, random });
}

/** What a request is besides its path. */
interface Asked {
  readonly head: RequestHead;
  readonly queryAt: number;
  readonly random: number;
}

function firstOf(routes: readonly CompiledRoute[], path: string, asked: Asked): RouteResult | undefined {
  for (const route of routes) {
    if (matchPath(route.path, path) && matchesRest(route, asked)) return route.result;
  }
  return undefined;
}

function searchTree(
  virtualHost: CompiledVirtualHost,
  tree: NonNullable<CompiledVirtualHost['tree']>,
  path: string,
  asked: Asked,
): RouteResult {
  const found = tree.find(path, Number.POSITIVE_INFINITY, matchesRest, asked);
  // Those that the tree cannot hold, as far as they come before what it found.
  for (const route of virtualHost.outsideTree) {
    if (found !== undefined && route.order > found.order) break;
    if (matchPath(route.path, path) && matchesRest(route, asked)) return route.result;
  }
  return found?.result ?? virtualHost.noRoute;
}

function matchesRest(route: CompiledRoute, { head, queryAt, random }: Asked): boolean {
  if (route.headers.length > 0 && !matchHeaders(route.headers, head)) return false;
  if (route.query.length > 0 && !matchQuery(route.query, queryAt < 0 ? '' : head.path.slice(queryAt + 1))) return false;
  if (route.grpc && !isGrpc(head)) return false;
  return random < route.share;
}

/**
 * One of the clusters, each with the chance of its weight. `random` is in [0, 1), and gives way to the number in the
 * request's `weightHeader`. A weight of 0 is never taken.
 */
export function pickWeightedCluster(action: ForwardAction, random: number, head: RequestHead): WeightedCluster {
  const { clusters } = action;
  const last = clusters[clusters.length - 1];
  if (last === undefined) throw new RangeError('a forward action has at least one cluster');
  if (clusters.length === 1) return last;
  let total = 0;
  for (const cluster of clusters) total += cluster.weight;
  let point = chosenPoint(action, head, total) ?? random * total;
  for (const cluster of clusters) {
    point -= cluster.weight;
    if (point < 0) return cluster;
  }
  return last;
}

function chosenPoint({ weightHeader }: ForwardAction, head: RequestHead, total: number): number | undefined {
  if (weightHeader === undefined) return undefined;
  const value = headerValue(head, weightHeader);
  return value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) % total : undefined;
}
