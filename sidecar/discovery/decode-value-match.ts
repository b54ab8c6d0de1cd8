import { HeaderMatcher, type QueryParameterMatcher } from '../../proto/gen/envoy/config/route/v3/route_components.ts';
import type { StringMatcher } from '../../proto/gen/envoy/type/matcher/v3/string.ts';
import type { ValueMatch } from '../route/route-table.ts';
import { compileRegex } from './compile-regex.ts';
import { fieldsOf } from './message-fields.ts';
import { join, type Reader } from './reader.ts';

export const headerMatcherFields = fieldsOf(HeaderMatcher, {
  supported: [
    'name',
    'headerMatchSpecifier.exactMatch',
    'headerMatchSpecifier.safeRegexMatch',
    'headerMatchSpecifier.rangeMatch',
    'headerMatchSpecifier.presentMatch',
    'headerMatchSpecifier.prefixMatch',
    'headerMatchSpecifier.suffixMatch',
    'headerMatchSpecifier.containsMatch',
    'headerMatchSpecifier.stringMatch',
    'invertMatch',
    'treatMissingHeaderAsEmpty',
  ],
});

/** `other` fields of the head that a matcher may name beside ordinary ones. */
export const requestPseudoHeaders: readonly string[] = [':method', ':authority', ':path', ':scheme'];

/** Reads one `HeaderMatcher`; names that begin with a colon must be among `pseudoHeaders`. */
export function decodeHeaderMatch(
  reader: Reader,
  path: string,
  message: HeaderMatcher,
  pseudoHeaders: readonly string[],
): ValueMatch {
  reader.only(path, message, headerMatcherFields);
  const name = reader.required(join(path, 'name'), message.name).toLowerCase();
  if (name.startsWith(':') && !pseudoHeaders.includes(name)) {
    const known = pseudoHeaders.length === 0 ? 'none is' : `only ${pseudoHeaders.join(', ')} are`;
    reader.problem(join(path, 'name'), `${name} is not supported; of pseudo-headers ${known}`);
  }
  const specifier = message.headerMatchSpecifier;
  const present = specifier?.$case === 'presentMatch';
  return {
    name,
    match: decodeHeaderValue(reader, path, specifier),
    invert: present ? message.invertMatch === specifier.value : message.invertMatch,
    ...(message.treatMissingHeaderAsEmpty ? { absentIsEmpty: true } : {}),
  };
}

function decodeHeaderValue(
  reader: Reader,
  path: string,
  specifier: HeaderMatcher['headerMatchSpecifier'],
): ValueMatch['match'] {
  switch (specifier?.$case) {
    case undefined:
    case 'presentMatch':
      return { kind: 'present' };
    case 'exactMatch':
      return { kind: 'exact', value: specifier.value };
    case 'safeRegexMatch':
      return { kind: 'regex', value: compileRegex(reader, join(path, 'safe_regex_match'), specifier.value) };
    case 'prefixMatch':
      return { kind: 'prefix', value: reader.required(join(path, 'prefix_match'), specifier.value) };
    case 'suffixMatch':
      return { kind: 'suffix', value: reader.required(join(path, 'suffix_match'), specifier.value) };
    case 'containsMatch':
      return { kind: 'contains', value: reader.required(join(path, 'contains_match'), specifier.value) };
    case 'stringMatch':
      return decodeStringMatch(reader, join(path, 'string_match'), specifier.value);
    case 'rangeMatch':
      return { kind: 'range', start: specifier.value.start, end: specifier.value.end };
  }
}

export function decodeQueryMatch(reader: Reader, path: string, message: QueryParameterMatcher): ValueMatch {
  const name = reader.required(join(path, 'name'), message.name);
  const specifier = message.queryParameterMatchSpecifier;
  if (specifier?.$case === 'stringMatch') {
    return { name, match: decodeStringMatch(reader, join(path, 'string_match'), specifier.value), invert: false };
  }
  return { name, match: { kind: 'present' }, invert: specifier?.value === false };
}

/** A matcher of whole texts. */
export function decodeStringMatch(reader: Reader, path: string, message: StringMatcher): ValueMatch['match'] {
  const pattern = message.matchPattern;
  switch (pattern?.$case) {
    case 'exact':
    case 'prefix':
    case 'suffix':
    case 'contains':
      if (!message.ignoreCase) return { kind: pattern.$case, value: pattern.value };
      return { kind: 'regex', value: caseless(pattern.$case, pattern.value) };
    case 'safeRegex':
      return { kind: 'regex', value: compileRegex(reader, join(path, 'safe_regex'), pattern.value) };
    default:
      reader.problem(path, 'only exact, prefix, suffix, contains and safe_regex are supported');
      return { kind: 'present' };
  }
}

/** The whole value must match. */
function caseless(kind: 'exact' | 'prefix' | 'suffix' | 'contains', literal: string): RegExp {
  const before = kind === 'suffix' || kind === 'contains' ? '[\\s\\S]*' : '';
  const after = kind === 'prefix' || kind === 'contains' ? '[\\s\\S]*' : '';
  return new RegExp(`${before}${literal.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}${after}`, 'i');
}
