import type { ForwardAction, RegexRewrite, RouteMatch } from './route-table.ts';

type PathRewrite = NonNullable<ForwardAction['pathRewrite']>;

/** `path` (with its query, which is kept) as the action wants it sent on. Always starts with `/`, save for `*` and CONNECT's empty path. */
export function rewritePath(path: string, match: RouteMatch, action: ForwardAction): string {
  const rewrite = action.pathRewrite;
  if (rewrite === undefined || path.charCodeAt(0) !== 47) return path;
  const queryAt = path.indexOf('?');
  const plain = queryAt < 0 ? path : path.slice(0, queryAt);
  const query = queryAt < 0 ? '' : path.slice(queryAt);
  return withSlash(rewritten(plain, match, rewrite)) + query;
}

function rewritten(path: string, match: RouteMatch, rewrite: PathRewrite): string {
  switch (rewrite.kind) {
    case 'full':
      return rewrite.value;
    case 'prefix':
      return replacePrefix(path, match, rewrite.value);
    case 'regex':
      return replaceRegex(path, rewrite);
  }
}

/**
 * Replaces what `match` matched of `path` (without query) by `value`. A prefix of whole segments keeps exactly one
 * slash at the seam (Gateway API `ReplacePrefixMatch`), any other prefix is exchanged as text, and an exact or
 * regular-expression match has matched the whole path (Envoy `prefix_rewrite`).
 */
export function replacePrefix(path: string, match: RouteMatch, value: string): string {
  const { kind, value: matched } = match.path;
  if (kind === 'exact' || kind === 'regex') return value;
  if (kind === 'prefix' && !matched.endsWith('/')) return value + path.slice(matched.length);
  const rest = path.slice(trimSlashes(matched).length);
  return rest === '' ? value : trimSlashes(value) + (rest.startsWith('/') ? rest : `/${rest}`);
}

function trimSlashes(text: string): string {
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === 47) end--;
  return text.slice(0, end);
}

export function withSlash(path: string): string {
  return path.charCodeAt(0) === 47 ? path : `/${path}`;
}

/** Replaces every match in `text`. */
export function replaceRegex(text: string, rewrite: RegexRewrite): string {
  const { pattern, template } = compiled(rewrite);
  return text.replace(pattern, template);
}

const compiledRewrites = new WeakMap<RegexRewrite, { pattern: RegExp; template: string }>();

/** Envoy's `regex_rewrite` replaces all matches and writes groups as `\1`; made once for each rewrite. */
function compiled(rewrite: RegexRewrite): { pattern: RegExp; template: string } {
  let entry = compiledRewrites.get(rewrite);
  if (entry === undefined) {
    const flags = rewrite.pattern.flags.replace(/[gy]/g, '');
    const template = rewrite.substitution
      .replace(/\$/g, '$$$$')
      .replace(/\\(\\|\d)/g, (_, escaped: string) =>
        escaped === '\\' ? '\\' : escaped === '0' ? '$&' : `$${escaped}`,
      );
    entry = { pattern: new RegExp(rewrite.pattern.source, `${flags}g`), template };
    compiledRewrites.set(rewrite, entry);
  }
  return entry;
}
