import { z } from 'zod';

/** Longest regular expression taken from configuration, in characters. */
export const maxRegexLength = 1_024;
const maxRepeat = 1_000;

/**
 * Says why a regular expression is refused, or `undefined` when it is safe: what the sidecar's engine could take
 * exponential time for (back-references, look-around, a repeated group that itself repeats), and what an RE2 engine,
 * such as a stock Envoy's, does not know.
 */
export function regexProblem(pattern: string): string | undefined {
  if (pattern.length > maxRegexLength) return `regular expressions may have at most ${maxRegexLength} characters`;
  try {
    new RegExp(pattern, 'u');
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^.*\/u?: /, '') : String(error);
    return `not a regular expression: ${reason}`;
  }
  return structureProblem(pattern);
}

interface Group {
  /** Whether something inside repeats without a small bound. */
  repeats: boolean;
}

/** One pass over a pattern that is known to compile. */
function structureProblem(pattern: string): string | undefined {
  const groups: Group[] = [{ repeats: false }];
  /** The group that ended just before the present place, if one did. */
  let closed: Group | undefined;
  for (let at = 0; at < pattern.length; ) {
    const char = pattern[at];
    const group = groups.at(-1) as Group;
    if (char === '\\') {
      if (/^\\(?:[1-9]|k<)/.test(pattern.slice(at, at + 3))) return 'back-references are not allowed';
      at += 2;
      closed = undefined;
    } else if (char === '[') {
      at = endOfClass(pattern, at);
      closed = undefined;
    } else if (char === '(') {
      if (/^\(\?<?[=!]/.test(pattern.slice(at, at + 4))) return 'look-ahead and look-behind are not allowed';
      groups.push({ repeats: false });
      at += 1;
      closed = undefined;
    } else if (char === ')') {
      closed = groups.pop() as Group;
      const parent = groups.at(-1) as Group;
      parent.repeats ||= closed.repeats;
      at += 1;
    } else {
      const quantifier = /^(?:[*+?]|\{(\d+)(,?)(\d*)\})\??/.exec(pattern.slice(at, at + 32));
      if (quantifier === null) {
        at += 1;
        closed = undefined;
        continue;
      }
      const most = bound(quantifier);
      if (most > maxRepeat && most !== Number.POSITIVE_INFINITY) return `repetitions may count to at most ${maxRepeat}`;
      if (most > 1) {
        if (closed?.repeats) return 'nested quantifiers, such as (a+)+, are not allowed';
        group.repeats = true;
      }
      at += quantifier[0].length;
      closed = undefined;
    }
  }
  return undefined;
}

function bound(quantifier: RegExpExecArray): number {
  const [text, least, comma, most] = quantifier;
  if (text.startsWith('?')) return 1;
  if (least === undefined) return Number.POSITIVE_INFINITY;
  if (comma === '') return Number(least);
  return most === '' ? Number.POSITIVE_INFINITY : Number(most);
}

function endOfClass(pattern: string, start: number): number {
  let at = start + 1;
  while (at < pattern.length && pattern[at] !== ']') at += pattern[at] === '\\' ? 2 : 1;
  return at + 1;
}

/** A regular expression in configuration. It always matches the whole value. */
export const regex = z.string().superRefine((pattern, ctx) => {
  const problem = regexProblem(pattern);
  if (problem !== undefined) ctx.addIssue({ code: 'custom', message: problem });
});
