import { RouteMatch } from '../../proto/gen/envoy/config/route/v3/route_components.ts';
import type { MeshRule } from '../registry/mesh-snapshot.ts';
import { stringMatcher } from './proto-values.ts';

/** An HTTPRoute match as Envoy's `RouteMatch`. */
export function routeMatch(match: MeshRule['matches'][number]): RouteMatch {
  const method = match.method === undefined ? [] : [{ name: ':method', type: 'Exact' as const, value: match.method }];
  return RouteMatch.fromPartial({
    pathSpecifier: pathSpecifier(match.path),
    headers: [...method, ...match.headers].map(({ name, type, value }) => ({
      name: name.toLowerCase(),
      headerMatchSpecifier: { $case: 'stringMatch', value: stringMatcher(type, value) },
    })),
    queryParameters: match.queryParams.map(({ name, type, value }) => ({
      name,
      queryParameterMatchSpecifier: { $case: 'stringMatch', value: stringMatcher(type, value) },
    })),
  });
}

/** The prefix without trailing slashes: empty for `/`, which matches everything. */
export function trimmedPrefix(prefix: string): string {
  return prefix.replace(/\/+$/, '');
}

function pathSpecifier(path: MeshRule['matches'][number]['path']): RouteMatch['pathSpecifier'] {
  switch (path.type) {
    case 'Exact':
      return { $case: 'path', value: path.value };
    case 'RegularExpression':
      return {
        $case: 'safeRegex',
        value: { $type: 'envoy.type.matcher.v3.RegexMatcher', engineType: undefined, regex: path.value },
      };
    case 'PathPrefix': {
      const prefix = trimmedPrefix(path.value);
      return prefix === '' ? { $case: 'prefix', value: '/' } : { $case: 'pathSeparatedPrefix', value: prefix };
    }
  }
}
