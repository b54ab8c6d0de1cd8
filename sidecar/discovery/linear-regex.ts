import v8 from 'node:v8';

/** V8's engine for linear time takes no counted repetition above this. */
const maxCount = 16;
/**
 * All counts of an expression together. Each is a copy of what it repeats, and the time for a character grows with their
 * number: 300 take about 6 ms for a path of 16 KiB.
 */
const maxTotalCount = 300;

let enabled = false;

/**
 * Lets an expression that backtracks too much go on in V8's engine for linear time, for the whole process, and lets the
 * flag `l` ask for that engine. Done before the first expression is compiled; later ones only are affected.
 */
function enableLinearEngine(): void {
  if (enabled) return;
  v8.setFlagsFromString('--enable-experimental-regexp-engine');
  v8.setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');
  enabled = true;
}

/**
 * Compiles an expression so that matching takes time linear in the text: it runs in V8's usual engine, which is fast and
 * backtracks, and when it has backtracked too often goes on in the linear one. `undefined` for an expression that the
 * linear one cannot take, which would have no such end.
 */
export function linearRegex(pattern: string): RegExp | undefined {
  enableLinearEngine();
  const expanded = expandCounts(pattern);
  if (expanded === undefined) return undefined;
  try {
    new RegExp(expanded, 'l');
    return new RegExp(expanded);
  } catch {
    return undefined;
  }
}

const token =
  /\\.|\[(?:\\.|[^\]\\])*\]|(?<open>\((?:\?(?:P?<[^=!>][^>]*>|.))?)|(?<close>\))|\{(?<least>\d+)(?<comma>,?)(?<most>\d*)\}(?<lazy>\??)|[*+?]\??|./gs;

/**
 * Writes large counts as several small ones: `x{1,40}` as `x{1,16}x{0,16}x{0,8}`, which are the same words. A capturing
 * group cannot be written more than once; then, or when the counts are too many, the answer is `undefined`.
 */
function expandCounts(pattern: string): string | undefined {
  let text = '';
  const groups: number[] = [];
  let atom = 0;
  let total = 0;
  for (const match of pattern.matchAll(token)) {
    const { open, close, least, comma, most, lazy = '' } = match.groups ?? {};
    if (least !== undefined) {
      const count = expandCount(Number(least), comma === '' ? Number(least) : most === '' ? undefined : Number(most));
      total += Number(most === '' || comma === '' ? least : most);
      const repeated = text.slice(atom);
      if (count.length > 1 && /(?<!\\)\((?!\?:)/.test(repeated)) return undefined;
      text = text.slice(0, atom) + count.map((one) => `${repeated}${one}${lazy}`).join('');
    } else if (close !== undefined) {
      text += match[0];
      atom = groups.pop() ?? 0;
    } else if (!/^[*+?]/.test(match[0])) {
      atom = text.length;
      if (open !== undefined) groups.push(atom);
      text += match[0];
    } else text += match[0];
    if (total > maxTotalCount) return undefined;
  }
  return text;
}

/** The quantifiers that stand for `{least,most}` one after the other; `most` is `undefined` for no end. */
function expandCount(least: number, most: number | undefined): string[] {
  if ((most ?? least) <= maxCount) return [most === undefined ? `{${least},}` : `{${least},${most}}`];
  const parts: string[] = [];
  for (let rest = least; rest > 0; rest -= maxCount) parts.push(`{${Math.min(rest, maxCount)}}`);
  if (most === undefined) return [...parts, '*'];
  for (let rest = most - least; rest > 0; rest -= maxCount) parts.push(`{0,${Math.min(rest, maxCount)}}`);
  return parts;
}
