import type { MeshRoute, MeshRule } from '../registry/mesh-snapshot.ts';
import { byName } from './names.ts';

/** One match of one rule of one route; becomes one Envoy route. */
export interface RouteEntry {
  readonly route: MeshRoute;
  readonly ruleIndex: number;
  readonly rule: MeshRule;
  readonly match: MeshRule['matches'][number];
  /** How well the route's hostname fits; a better one goes before every property of the match. 0 where hosts do not matter. */
  readonly hostRank: number;
}

const pathRank = { Exact: 2, RegularExpression: 1, PathPrefix: 0 } as const;

/**
 * All matches of `routes` in the order of the Gateway API's precedence, across routes: the more specific hostname,
 * then exact path, regular expression (which the API leaves open), longest prefix, method, most headers, most query
 * parameters; and where all of that is equal the oldest route, then its name, then the user's own order.
 */
export function orderedEntries(routes: readonly { route: MeshRoute; hostRank: number }[]): RouteEntry[] {
  return routes
    .flatMap(({ route, hostRank }) =>
      route.rules.flatMap((rule, ruleIndex) =>
        rule.matches.map((match) => ({ route, ruleIndex, rule, match, hostRank })),
      ),
    )
    .sort(compareEntries);
}

function compareEntries(a: RouteEntry, b: RouteEntry): number {
  return (
    b.hostRank - a.hostRank ||
    pathRank[b.match.path.type] - pathRank[a.match.path.type] ||
    b.match.path.value.length - a.match.path.value.length ||
    Number(b.match.method !== undefined) - Number(a.match.method !== undefined) ||
    b.match.headers.length - a.match.headers.length ||
    b.match.queryParams.length - a.match.queryParams.length ||
    byName(a.route.createdAt, b.route.createdAt) ||
    byName(a.route.origin, b.route.origin) ||
    a.ruleIndex - b.ruleIndex
  );
}
