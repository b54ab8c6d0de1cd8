import { canonicalAuthority } from '../http/authority.ts';
import { canonicalPath } from '../http/canonical-path.ts';

/** What a request target other than the usual origin form says (RFC 9112 §3.2). */
export interface RequestTarget {
  readonly scheme: 'http' | 'https' | undefined;
  readonly authority: string | undefined;
  /** Path with query, `*`, or empty for CONNECT. */
  readonly path: string;
}

/** Reads asterisk, authority and absolute form. Returns the reason for a refusal as a string. */
export function readTarget(method: string, target: string, edge: boolean): RequestTarget | string {
  if (method === 'CONNECT') {
    const authority = canonicalAuthority(target);
    if (authority === undefined || !/:\d+$/.test(authority)) return 'h1.bad-target';
    return { scheme: undefined, authority, path: '' };
  }
  if (target === '*') {
    return method === 'OPTIONS' ? { scheme: undefined, authority: undefined, path: '*' } : 'h1.bad-target';
  }
  const prefix = /^https?:\/\//i.exec(target)?.[0];
  if (prefix === undefined) return 'h1.bad-target';
  const rest = target.slice(prefix.length);
  const end = rest.search(/[/?]/);
  const authority = canonicalAuthority(end < 0 ? rest : rest.slice(0, end));
  if (authority === undefined) return 'h1.bad-host';
  const scheme = prefix.length === 7 ? 'http' : 'https';
  if (end < 0) return { scheme, authority, path: method === 'OPTIONS' ? '*' : '/' };
  const origin = rest.slice(end);
  const path = canonicalPath(origin.startsWith('/') ? origin : `/${origin}`, edge);
  return path.startsWith('/') ? { scheme, authority, path } : path;
}
