import {
  HeaderMatcher,
  type QueryParameterMatcher,
  RouteMatch as RouteMatchMessage,
} from '../../proto/gen/envoy/config/route/v3/route_components.ts';
import type { StringMatcher } from '../../proto/gen/envoy/type/matcher/v3/string.ts';
import type { RouteMatch, ValueMatch } from '../route/route-table.ts';
import { compileRegex } from './compile-regex.ts';
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
  ],
  limits: { caseSensitive: 'true' },
});

export const headerMatcherFields = fieldsOf(HeaderMatcher, {
  supported: [
    'name',
    'headerMatchSpecifier.exactMatch',
    'headerMatchSpecifier.safeRegexMatch',
    'headerMatchSpecifier.presentMatch',
    'headerMatchSpecifier.prefixMatch',
    'headerMatchSpecifier.suffixMatch',
    'headerMatchSpecifier.containsMatch',
    'headerMatchSpecifier.stringMatch',
    'invertMatch',
  ],
});

export function decodeRouteMatch(reader: Reader, path: string, message: RouteMatchMessage | undefined): RouteMatch {
  if (message === undefined) {
    reader.problem(path, 'missing');
    return { path: { kind: 'prefix', value: '/' }, headers: [], query: [] };
  }
  reader.only(path, message, routeMatchFields);
  if (message.caseSensitive === false) reader.problem(join(path, 'case_sensitive'), 'false is not supported');
  return {
    path: decodePath(reader, path, message.pathSpecifier),
    headers: message.headers.map((matcher, index) => decodeHeader(reader, join(path, `headers[${index}]`), matcher)),
    query: message.queryParameters.map((matcher, index) =>
      decodeQuery(reader, join(path, `query_parameters[${index}]`), matcher),
    ),
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

const pseudoHeaders = [':method', ':authority'];

function decodeHeader(reader: Reader, path: string, message: HeaderMatcher): ValueMatch {
  reader.only(path, message, headerMatcherFields);
  const name = reader.required(join(path, 'name'), message.name).toLowerCase();
  if (name.startsWith(':') && !pseudoHeaders.includes(name)) {
    reader.problem(join(path, 'name'), `${name} is not supported; only ${pseudoHeaders.join(' and ')} are`);
  }
  const specifier = message.headerMatchSpecifier;
  const result = (match: ValueMatch['match'], invert = message.invertMatch): ValueMatch => ({ name, match, invert });
  switch (specifier?.$case) {
    case undefined:
      return result({ kind: 'present' });
    case 'presentMatch':
      return result({ kind: 'present' }, message.invertMatch === specifier.value);
    case 'exactMatch':
      return result({ kind: 'exact', value: specifier.value });
    case 'safeRegexMatch':
      return result({
        kind: 'regex',
        value: compileRegex(reader, join(path, 'safe_regex_match'), specifier.value),
      });
    case 'prefixMatch':
      return result({ kind: 'regex', value: new RegExp(`${literally(specifier.value)}[\\s\\S]*`) });
    case 'suffixMatch':
      return result({ kind: 'regex', value: new RegExp(`[\\s\\S]*${literally(specifier.value)}`) });
    case 'containsMatch':
      return result({ kind: 'regex', value: new RegExp(`[\\s\\S]*${literally(specifier.value)}[\\s\\S]*`) });
    case 'stringMatch':
      return result(decodeString(reader, join(path, 'string_match'), specifier.value));
    default:
      return result({ kind: 'present' });
  }
}

function decodeQuery(reader: Reader, path: string, message: QueryParameterMatcher): ValueMatch {
  const name = reader.required(join(path, 'name'), message.name);
  const specifier = message.queryParameterMatchSpecifier;
  if (specifier?.$case === 'stringMatch') {
    return { name, match: decodeString(reader, join(path, 'string_match'), specifier.value), invert: false };
  }
  return { name, match: { kind: 'present' }, invert: specifier?.value === false };
}

function decodeString(reader: Reader, path: string, message: StringMatcher): ValueMatch['match'] {
  const pattern = message.matchPattern;
  const flags = message.ignoreCase ? 'i' : '';
  switch (pattern?.$case) {
    case 'exact':
      if (!message.ignoreCase) return { kind: 'exact', value: pattern.value };
      return { kind: 'regex', value: new RegExp(literally(pattern.value), flags) };
    case 'prefix':
      return { kind: 'regex', value: new RegExp(`${literally(pattern.value)}[\\s\\S]*`, flags) };
    case 'suffix':
      return { kind: 'regex', value: new RegExp(`[\\s\\S]*${literally(pattern.value)}`, flags) };
    case 'contains':
      return { kind: 'regex', value: new RegExp(`[\\s\\S]*${literally(pattern.value)}[\\s\\S]*`, flags) };
    case 'safeRegex':
      return { kind: 'regex', value: compileRegex(reader, join(path, 'safe_regex'), pattern.value) };
    default:
      reader.problem(path, 'only exact, prefix, suffix, contains and safe_regex are supported');
      return { kind: 'present' };
  }
}

function literally(literal: string): string {
  return literal.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
