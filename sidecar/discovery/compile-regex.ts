import type { RegexMatcher } from '../../proto/gen/envoy/type/matcher/v3/regex.ts';
import { linearRegex } from './linear-regex.ts';
import { join, type Reader } from './reader.ts';

const maxPatternLength = 1_024;
const maxRepeat = 1_000;
const neverMatches = /(?!)/;

/**
 * Compiles an RE2 expression of a resource, which always matches whole values, so that matching takes time linear
 * in the text (security.md P-04). Refused (XD-11): over 1,024 characters; look-around, back-references and flags;
 * repetition inside a repeated group, and counts of more than 300 together.
 */
export function compileRegex(reader: Reader, path: string, matcher: RegexMatcher | undefined): RegExp {
  const pattern = matcher?.regex ?? '';
  const fault = faultOf(pattern);
  const compiled = fault === undefined ? linearRegex(pattern) : undefined;
  if (compiled !== undefined) return compiled;
  reader.problem(
    join(path, 'regex'),
    fault ?? 'cannot be matched in linear time; repeat less often, and what repeats over 16 times in (?:…)',
  );
  return neverMatches;
}

function faultOf(pattern: string): string | undefined {
  if (pattern === '') return 'missing';
  if (pattern.length > maxPatternLength) return `longer than ${maxPatternLength} characters`;
  // Unlike RE2, JavaScript reads an unknown escape as the letter itself, except in Unicode mode.
  if (!compiles(pattern, 'u') || !compiles(pattern, ''))
    return 'not a regular expression that RE2 and JavaScript share';
  return faultOfStructure(pattern);
}

function compiles(pattern: string, flags: string): boolean {
  try {
    new RegExp(pattern, flags);
    return true;
  } catch {
    return false;
  }
}

const token =
  /\\(?<escaped>.)|\[(?:\\.|[^\]\\])*\]|(?<open>\((?:\?(?<kind>P?<[=!]?|.))?)|(?<close>\))|(?<quantifier>[*+]|\{(?<least>\d+)(?<comma>,?)(?<most>\d*)\})\??|./gs;

/** One pass over a pattern known to compile. */
function faultOfStructure(pattern: string): string | undefined {
  const repeats = [false];
  let closed = false;
  for (const match of pattern.matchAll(token)) {
    const { escaped, open, kind, close, quantifier } = match.groups ?? {};
    if (escaped !== undefined && /[1-9k]/.test(escaped)) return 'back-references are not allowed';
    if (open !== undefined) {
      if (kind === '=' || kind === '!' || kind === '<=' || kind === '<!') return 'look-around is not allowed';
      if (kind !== undefined && kind !== ':' && kind !== '<') return 'flags are not allowed';
      repeats.push(false);
    }
    let inner = false;
    if (close !== undefined) {
      inner = repeats.pop() ?? false;
      repeats[repeats.length - 1] ||= inner;
    } else if (quantifier !== undefined && bound(match.groups) > 1) {
      if (bound(match.groups) > maxRepeat && quantifier.startsWith('{') && !match.groups?.comma) {
        return `repetition counts to more than ${maxRepeat}`;
      }
      if (closed) return 'repetition inside a repeated group is not allowed';
      repeats[repeats.length - 1] = true;
    }
    closed = inner;
  }
  return undefined;
}

function bound(groups: Record<string, string> | undefined): number {
  if (groups?.least === undefined) return Number.POSITIVE_INFINITY;
  if (groups.comma === '') return Number(groups.least);
  return groups.most === '' ? Number.POSITIVE_INFINITY : Number(groups.most);
}
