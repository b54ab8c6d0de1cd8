import type { RequestHead } from '../stream/head.ts';
import type { CompiledRoute, CompiledRouteTable, RouteResult } from './compile.ts';
import { matchPath } from './match-path.ts';
import { matchHeaders, matchQuery } from './match-values.ts';
import type { ForwardAction, WeightedCluster } from './route-table.ts';

const unknownHost: RouteResult = { kind: 'unknown-host' };

/** The virtual host of the request's authority, and its first route that matches. Pure; allocates next to nothing. */
export function matchRoute(table: CompiledRouteTable, head: RequestHead): RouteResult {
  const virtualHost = table.hosts.find(head.authority);
  if (virtualHost === undefined) return unknownHost;
  if (virtualHost.always !== undefined) return virtualHost.always;
  const queryAt = head.path.indexOf('?');
  const path = queryAt < 0 ? head.path : head.path.slice(0, queryAt);
  for (const route of virtualHost.routes) {
    if (matchPath(route.path, path) && matchesRest(route, head, queryAt)) return route.result;
  }
  return virtualHost.noRoute;
}

function matchesRest(route: CompiledRoute, head: RequestHead, queryAt: number): boolean {
  if (route.headers.length > 0 && !matchHeaders(route.headers, head)) return false;
  return route.query.length === 0 || matchQuery(route.query, queryAt < 0 ? '' : head.path.slice(queryAt + 1));
}

/** One of the clusters, each with the chance of its weight. `random` is in [0, 1). A weight of 0 is never taken. */
export function pickWeightedCluster(action: ForwardAction, random: number): WeightedCluster {
  const { clusters } = action;
  const last = clusters[clusters.length - 1];
  if (last === undefined) throw new RangeError('a forward action has at least one cluster');
  if (clusters.length === 1) return last;
  let total = 0;
  for (const cluster of clusters) total += cluster.weight;
  let point = random * total;
  for (const cluster of clusters) {
    point -= cluster.weight;
    if (point < 0) return cluster;
  }
  return last;
}
