import { HEX } from './characters.ts';

/*
 * One rule set for the path of a request, so that router, policy, cache key and upstream cannot read it apart
 * (security.md P-15, L-21, H1-19 to H1-21). The caller has refused everything but printable ASCII, and fragments.
 *
 * - Everywhere: a backslash in the path is refused. (In the query it is data; browsers send it.)
 * - At the edge also refused: `%2F`, `%5C`, `%00`, a broken percent-encoding, an empty segment (`//`), `;`,
 *   and dot segments that climb above the root. Other dot segments (`.`, `..`, with `%2e` for any dot)
 *   are resolved. Nothing else is changed; in particular no other percent-encoding is.
 * - Inside the mesh the path goes on as it was sent: the edge has judged it, or the sender is one of us.
 */

const SLASH = 0x2f;
const DOT = 0x2e;
const QUESTION = 0x3f;

/** 1 for what may stand in a path without a second look; dots count only behind the start of a segment. */
const PLAIN = Uint8Array.from({ length: 128 }, (_, code) =>
  /[A-Za-z0-9_~!$&'()*+,:@=.|^{}[\]"<>`-]/.test(String.fromCharCode(code)) ? 1 : 0,
);

/**
 * Returns the path to use, with its query, which starts with `/`; or the reason for a refusal, which starts
 * with `h1.`. `target` starts with `/`.
 */
export function canonicalPath(target: string, edge: boolean): string {
  if (!edge) return hasBackslash(target) ? 'h1.backslash-in-path' : target;
  let previous = SLASH;
  for (let i = 1; i < target.length; i++) {
    const code = target.charCodeAt(i);
    if (code === QUESTION) return target;
    if (previous === SLASH ? code === SLASH || code === DOT : false) return resolved(target);
    if (code !== SLASH && PLAIN[code] !== 1) return resolved(target);
    previous = code;
  }
  return target;
}

function hasBackslash(target: string): boolean {
  const at = target.indexOf('\\');
  if (at < 0) return false;
  const query = target.indexOf('?');
  return query < 0 || at < query;
}

function resolved(target: string): string {
  const question = target.indexOf('?');
  const path = question < 0 ? target : target.slice(0, question);
  const reason = ambiguity(path);
  if (reason !== undefined) return reason;
  const segments = path.slice(1).split('/');
  const last = segments.length - 1;
  const kept: string[] = [];
  for (let i = 0; i <= last; i++) {
    const segment = segments[i] as string;
    const dots = segment.replace(/%2e/gi, '.');
    if (dots !== '.' && dots !== '..') kept.push(segment);
    else {
      if (dots === '..' && kept.pop() === undefined) return 'h1.path-above-root';
      if (i === last) kept.push('');
    }
  }
  return `/${kept.join('/')}${question < 0 ? '' : target.slice(question)}`;
}

function ambiguity(path: string): string | undefined {
  if (path.includes('\\')) return 'h1.backslash-in-path';
  if (path.includes('//')) return 'h1.empty-path-segment';
  if (path.includes(';')) return 'h1.semicolon-in-path';
  for (let at = path.indexOf('%'); at >= 0; at = path.indexOf('%', at + 1)) {
    const high = HEX[path.charCodeAt(at + 1)] ?? 255;
    const low = HEX[path.charCodeAt(at + 2)] ?? 255;
    if (high > 15 || low > 15) return 'h1.bad-percent-encoding';
    const byte = high * 16 + low;
    if (byte === SLASH || byte === 0x5c) return 'h1.encoded-slash';
    if (byte === 0) return 'h1.encoded-nul';
  }
  return undefined;
}
