import { HostIndex } from './host-index.ts';
import { compilePathMatch, matchesEveryPath, type PathMatch } from './match-path.ts';
import { compileValueMatch } from './match-values.ts';
import type { Route, RouteTable, ValueMatch, VirtualHost } from './route-table.ts';

export type RouteResult =
  | { readonly kind: 'route'; readonly route: Route; readonly virtualHost: VirtualHost }
  | { readonly kind: 'unknown-host' }
  | { readonly kind: 'no-route'; readonly virtualHost: VirtualHost };

/** A route table made ready for look-ups; results are made here, so that a look-up allocates nothing. */
export interface CompiledRouteTable {
  readonly name: string;
  readonly hosts: HostIndex<CompiledVirtualHost>;
}

export interface CompiledVirtualHost {
  /** The first route's result when it takes every request. */
  readonly always: RouteResult | undefined;
  readonly routes: readonly CompiledRoute[];
  readonly noRoute: RouteResult;
}

export interface CompiledRoute {
  readonly path: PathMatch;
  readonly headers: readonly ValueMatch[];
  readonly query: readonly ValueMatch[];
  readonly result: RouteResult;
}

/** Call when configuration changes. The order of routes is kept; of two virtual hosts with one domain the first has it. */
export function compileRouteTable(table: RouteTable): CompiledRouteTable {
  const hosts = new HostIndex<CompiledVirtualHost>();
  for (const virtualHost of table.virtualHosts) {
    const compiled = compileVirtualHost(virtualHost);
    for (const domain of virtualHost.domains) hosts.add(domain, compiled);
  }
  return { name: table.name, hosts };
}

function compileVirtualHost(virtualHost: VirtualHost): CompiledVirtualHost {
  const routes = virtualHost.routes.map((route) => compileRoute(route, virtualHost));
  const first = routes[0];
  return {
    always: first !== undefined && takesEverything(first) ? first.result : undefined,
    routes,
    noRoute: { kind: 'no-route', virtualHost },
  };
}

function compileRoute(route: Route, virtualHost: VirtualHost): CompiledRoute {
  return {
    path: compilePathMatch(route.match.path),
    headers: route.match.headers.map(compileValueMatch),
    query: route.match.query.map(compileValueMatch),
    result: { kind: 'route', route, virtualHost },
  };
}

function takesEverything(route: CompiledRoute): boolean {
  return matchesEveryPath(route.path) && route.headers.length === 0 && route.query.length === 0;
}
