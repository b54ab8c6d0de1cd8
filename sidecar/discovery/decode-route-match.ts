import { RouteMatch as RouteMatchMessage } from '../../proto/gen/envoy/config/route/v3/route_components.ts';
import type { RouteMatch } from '../route/route-table.ts';
import { compileRegex } from './compile-regex.ts';
import { decodeRuntimeFraction } from './decode-fraction.ts';
import { decodeHeaderMatch, decodeQueryMatch, requestPseudoHeaders } from './decode-value-match.ts';
import { fieldsOf } from './message-fields.ts';
import { join, type Reader } from './reader.ts';

export const routeMatchFields = fieldsOf(RouteMatchMessage, {
  supported: [
    'pathSpecifier.prefix',
    'pathSpecifier.path',
    'pathSpecifier.pathSeparatedPrefix',
    'pathSpecifier.safeRegex',
    'caseSensitive',
    'headers',
    'queryParameters',
    'runtimeFraction',
    'grpc',
  ],
  limits: {
    runtimeFraction: 'its default; there is no runtime',
    caseSensitive: 'an expression is compared as it is written',
  },
});

export function decodeRouteMatch(reader: Reader, path: string, message: RouteMatchMessage | undefined): RouteMatch {
  if (message === undefined) {
    reader.problem(path, 'missing');
    return { path: { kind: 'prefix', value: '/' }, headers: [], query: [] };
  }
  reader.only(path, message, routeMatchFields);
  const share = decodeRuntimeFraction(reader, join(path, 'runtime_fraction'), message.runtimeFraction);
  return {
    path: decodePath(reader, path, message.pathSpecifier),
    headers: message.headers.map((matcher, index) =>
      decodeHeaderMatch(reader, join(path, `headers[${index}]`), matcher, requestPseudoHeaders),
    ),
    query: message.queryParameters.map((matcher, index) =>
      decodeQueryMatch(reader, join(path, `query_parameters[${index}]`), matcher),
    ),
    ...(message.caseSensitive === false ? { ignoreCase: true } : {}),
    ...(share < 1 ? { share } : {}),
    ...(message.grpc === undefined ? {} : { grpc: true }),
  };
}

function decodePath(reader: Reader, path: string, specifier: RouteMatchMessage['pathSpecifier']): RouteMatch['path'] {
  switch (specifier?.$case) {
    case 'prefix':
      return { kind: 'prefix', value: specifier.value };
    case 'path':
      return { kind: 'exact', value: specifier.value };
    case 'pathSeparatedPrefix':
      return { kind: 'path-separated-prefix', value: specifier.value };
    case 'safeRegex':
      return { kind: 'regex', value: compileRegex(reader, join(path, 'safe_regex'), specifier.value) };
    default:
      if (specifier === undefined) {
        const choice = 'one of prefix, path, path_separated_prefix and safe_regex must be set';
        reader.problem(join(path, 'path_specifier'), choice);
      }
      return { kind: 'prefix', value: '/' };
  }
}
