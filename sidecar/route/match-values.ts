import type { RequestHead, ResponseHead } from '../stream/head.ts';
import type { Headers } from '../stream/headers.ts';
import type { ValueMatch } from './route-table.ts';

/** Makes a regular expression match whole strings, as Envoy's do, and keep no state between uses. */
export function wholeString(pattern: RegExp): RegExp {
  return new RegExp(`^(?:${pattern.source})$`, pattern.flags.replace(/[gy]/g, ''));
}

/** The same matcher with anchored expressions. */
export function compileValueMatch(matcher: ValueMatch): ValueMatch {
  return { ...matcher, match: compileText(matcher.match) };
}

/** What {@link matchesText} takes. */
export function compileText(match: ValueMatch['match']): ValueMatch['match'] {
  return match.kind === 'regex' ? { kind: 'regex', value: wholeString(match.value) } : match;
}

/** Whether all header matchers hold. Repeated fields count as one, joined by commas (RFC 9110 section 5.3). */
export function matchHeaders(matchers: readonly ValueMatch[], head: RequestHead): boolean {
  for (const matcher of matchers) if (!matchValue(matcher, headerValue(head, matcher.name))) return false;
  return true;
}

/** Whether one of the matchers holds for a response; `:status` is among the names. */
export function matchResponseHeaders(matchers: readonly ValueMatch[], head: ResponseHead): boolean {
  return matchers.some((matcher) => {
    const { name } = matcher;
    return matchValue(matcher, name === ':status' ? String(head.status) : joined(head.headers, name));
  });
}

/**
 * Whether all query matchers hold. `query` is what follows the `?`. The first occurrence of a parameter counts,
 * and it is compared as sent, without percent-decoding, as Envoy does: what is compared is what goes on.
 */
export function matchQuery(matchers: readonly ValueMatch[], query: string): boolean {
  for (const matcher of matchers) if (!matchValue(matcher, queryValue(query, matcher.name))) return false;
  return true;
}

/**
 * A value that is absent fails every matcher, also an inverted one, except for an inverted `present` and where the
 * matcher says to take it as empty (Envoy's rule).
 */
export function matchValue({ match, invert, absentIsEmpty }: ValueMatch, sent: string | undefined): boolean {
  const value = sent === undefined && absentIsEmpty === true ? '' : sent;
  if (match.kind === 'present') return (value !== undefined) !== invert;
  if (value === undefined) return false;
  return holds(match, value) !== invert;
}

/** Whether a text is what `match` asks for, which {@link compileText} made. */
export function matchesText(match: ValueMatch['match'], text: string): boolean {
  return match.kind === 'present' || holds(match, text);
}

function holds(match: Exclude<ValueMatch['match'], { kind: 'present' }>, value: string): boolean {
  switch (match.kind) {
    case 'exact':
      return value === match.value;
    case 'prefix':
      return value.startsWith(match.value);
    case 'suffix':
      return value.endsWith(match.value);
    case 'contains':
      return value.includes(match.value);
    case 'regex':
      return match.value.test(value);
    case 'range':
      return isWithin(value, match.start, match.end);
  }
}

const decimal = /^[+-]?\d{1,15}$/;

function isWithin(value: string, start: number, end: number): boolean {
  if (!decimal.test(value)) return false;
  const number = Number(value);
  return number >= start && number < end;
}

/** A field of the request by its lower-case name; repeated ones joined by commas. Pseudo-headers included. */
export function headerValue(head: RequestHead, name: string): string | undefined {
  if (name.charCodeAt(0) === 58) {
    if (name === ':method') return head.method;
    if (name === ':authority') return head.authority;
    if (name === ':path') return head.path;
    return name === ':scheme' ? head.scheme : undefined;
  }
  if (name === 'host') return head.authority;
  return joined(head.headers, name);
}

function joined(headers: Headers, name: string): string | undefined {
  const { names, values } = headers;
  const first = names.indexOf(name);
  if (first < 0) return undefined;
  return names.indexOf(name, first + 1) < 0 ? values[first] : headers.getAll(name).join(',');
}

/** The first value of a parameter, as sent; without `=` it is empty. `query` is what follows the `?`. */
export function queryValue(query: string, name: string): string | undefined {
  let start = 0;
  while (start < query.length) {
    let end = query.indexOf('&', start);
    if (end < 0) end = query.length;
    const nameEnd = start + name.length;
    if (nameEnd <= end && query.startsWith(name, start)) {
      if (nameEnd === end) return '';
      if (query[nameEnd] === '=') return query.slice(nameEnd + 1, end);
    }
    start = end + 1;
  }
  return undefined;
}
