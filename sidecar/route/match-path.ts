import { wholeString } from './match-values.ts';
import type { RouteMatch } from './route-table.ts';

export type PathMatch = RouteMatch['path'];

/**
 * Brings a path match into the form that {@link matchPath} reads: expressions anchored; a segment prefix
 * without its trailing slash, which means nothing there (Gateway API `PathPrefix`); a path without regard to case
 * as an expression.
 */
export function compilePathMatch(path: PathMatch, ignoreCase: boolean): PathMatch {
  if (path.kind === 'regex') return { kind: 'regex', value: wholeString(path.value) };
  if (ignoreCase) return { kind: 'regex', value: caseless(path) };
  if (path.kind !== 'path-separated-prefix') return path;
  const value = path.value.replace(/\/+$/, '');
  return value === '' ? { kind: 'prefix', value: '/' } : { kind: path.kind, value };
}

function caseless({ kind, value }: Exclude<PathMatch, { kind: 'regex' }>): RegExp {
  const literal = (kind === 'path-separated-prefix' ? value.replace(/\/+$/, '') : value).replace(
    /[\\^$.*+?()[\]{}|]/g,
    '\\$&',
  );
  const rest = kind === 'exact' ? '$' : kind === 'prefix' ? '' : '(?:/|$)';
  return new RegExp(`^${literal}${rest}`, 'i');
}

/** Whether the match takes every path there is, `*` of OPTIONS included. */
export function matchesEveryPath(path: PathMatch): boolean {
  return path.kind === 'prefix' && (path.value === '/' || path.value === '');
}

/** `path` is without the query; `match` comes from {@link compilePathMatch}. */
export function matchPath(match: PathMatch, path: string): boolean {
  switch (match.kind) {
    case 'prefix':
      return path.startsWith(match.value) || matchesEveryPath(match);
    case 'path-separated-prefix':
      return path.startsWith(match.value) && (path.length === match.value.length || path[match.value.length] === '/');
    case 'exact':
      return path === match.value;
    case 'regex':
      return match.value.test(path);
  }
}
