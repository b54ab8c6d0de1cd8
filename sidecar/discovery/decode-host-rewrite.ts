import type { RouteAction } from '../../proto/gen/envoy/config/route/v3/route_components.ts';
import type { RegexMatchAndSubstitute } from '../../proto/gen/envoy/type/matcher/v3/regex.ts';
import type { HostRewrite, RegexRewrite } from '../route/route-table.ts';
import { compileRegex } from './compile-regex.ts';
import { join, type Reader } from './reader.ts';

export function decodeHostRewrite(
  reader: Reader,
  path: string,
  specifier: RouteAction['hostRewriteSpecifier'],
): HostRewrite | undefined {
  switch (specifier?.$case) {
    case undefined:
      return undefined;
    case 'hostRewriteLiteral':
      return { kind: 'literal', value: checkHost(reader, join(path, 'host_rewrite_literal'), specifier.value) };
    case 'autoHostRewrite':
      return specifier.value === true ? { kind: 'endpoint' } : undefined;
    case 'hostRewriteHeader':
      return {
        kind: 'header',
        name: reader.required(join(path, 'host_rewrite_header'), specifier.value).toLowerCase(),
      };
    case 'hostRewritePathRegex':
      return {
        kind: 'path',
        rewrite: decodeRegexRewrite(reader, join(path, 'host_rewrite_path_regex'), specifier.value),
      };
  }
}

export function checkHost(reader: Reader, path: string, host: string): string {
  if (!/^[\x21-\x7e]+$/.test(host)) reader.problem(path, 'not a host');
  return host;
}

export function decodeRegexRewrite(reader: Reader, path: string, message: RegexMatchAndSubstitute): RegexRewrite {
  const pattern = compileRegex(reader, join(path, 'pattern'), message.pattern);
  return { kind: 'regex', pattern, substitution: message.substitution };
}
