import { HostIndex } from './host-index.ts';
import { compilePathMatch, matchesEveryPath, type PathMatch } from './match-path.ts';
import { compileValueMatch } from './match-values.ts';
import { PathTree } from './path-tree.ts';
import type { Route, RouteTable, ValueMatch, VirtualHost } from './route-table.ts';

export type RouteResult =
  | { readonly kind: 'route'; readonly route: Route; readonly virtualHost: VirtualHost }
  | { readonly kind: 'unknown-host' }
  | { readonly kind: 'no-route'; readonly virtualHost: VirtualHost };

/** A route table made ready for look-ups; results are made here, so that a look-up allocates nothing. */
export interface CompiledRouteTable {
  readonly name: string;
  readonly hosts: HostIndex<CompiledVirtualHost>;
  readonly internalOnlyHeaders: readonly string[];
  /** Some route takes only a share of the requests that it matches. */
  readonly hasShares: boolean;
  /** Some route is more important than others. */
  readonly hasPriorities: boolean;
}

export interface CompiledVirtualHost {
  /** The first route's result when it takes every request. */
  readonly always: RouteResult | undefined;
  readonly routes: readonly CompiledRoute[];
  /** The routes by their paths, where they are many, and those that cannot be found by a literal path. */
  readonly tree: PathTree<CompiledRoute> | undefined;
  readonly outsideTree: readonly CompiledRoute[];
  readonly noRoute: RouteResult;
}

export interface CompiledRoute {
  /** Its place; the first that matches wins. */
  readonly order: number;
  readonly path: PathMatch;
  readonly headers: readonly ValueMatch[];
  readonly query: readonly ValueMatch[];
  readonly grpc: boolean;
  readonly share: number;
  readonly result: RouteResult;
}

/** Call when configuration changes. The order of routes is kept; of two virtual hosts with one domain the first has it. */
export function compileRouteTable(table: RouteTable): CompiledRouteTable {
  const hosts = new HostIndex<CompiledVirtualHost>();
  for (const virtualHost of table.virtualHosts) {
    const compiled = compileVirtualHost(virtualHost);
    for (const domain of virtualHost.domains) hosts.add(domain, compiled);
  }
  const hasShares = table.virtualHosts.some(({ routes }) => routes.some(({ match }) => match.share !== undefined));
  const hasPriorities = table.virtualHosts.some(({ routes }) =>
    routes.some(({ action }) => action.kind === 'forward' && action.priority === 'high'),
  );
  return { name: table.name, hosts, internalOnlyHeaders: table.internalOnlyHeaders ?? [], hasShares, hasPriorities };
}

/** Up to here it is quicker to try one after the other. */
const fewRoutes = 8;

function compileVirtualHost(virtualHost: VirtualHost): CompiledVirtualHost {
  const routes = virtualHost.routes.map((route, order) => compileRoute(route, order, virtualHost));
  const first = routes[0];
  const many = routes.length > fewRoutes;
  return {
    always: first !== undefined && takesEverything(first) ? first.result : undefined,
    routes,
    tree: many ? treeOf(routes) : undefined,
    outsideTree: many ? routes.filter(({ path }) => path.kind === 'regex') : [],
    noRoute: { kind: 'no-route', virtualHost },
  };
}

function treeOf(routes: readonly CompiledRoute[]): PathTree<CompiledRoute> {
  const tree = new PathTree<CompiledRoute>();
  for (const route of routes) {
    const { path } = route;
    if (path.kind === 'regex') continue;
    // A prefix of "/" takes the "*" of OPTIONS too.
    if (path.kind === 'prefix') tree.add('prefix', matchesEveryPath(path) ? '' : path.value, route);
    else tree.add(path.kind === 'exact' ? 'exact' : 'segment', path.value, route);
  }
  return tree;
}

function compileRoute(route: Route, order: number, virtualHost: VirtualHost): CompiledRoute {
  const { match } = route;
  return {
    order,
    path: compilePathMatch(match.path, match.ignoreCase === true),
    headers: match.headers.map(compileValueMatch),
    query: match.query.map(compileValueMatch),
    grpc: match.grpc === true,
    share: match.share ?? 1,
    result: { kind: 'route', route, virtualHost },
  };
}

function takesEverything(route: CompiledRoute): boolean {
  const { path, headers, query, grpc, share } = route;
  return matchesEveryPath(path) && headers.length === 0 && query.length === 0 && !grpc && share >= 1;
}
