import type { RequestHead } from '../stream/head.ts';
import { replacePrefix, replaceRegex, withSlash } from './rewrite-path.ts';
import type { RedirectAction, RouteMatch } from './route-table.ts';
import { splitPort } from './split-port.ts';

/**
 * The `Location` of a redirect (Gateway API `HTTPRequestRedirectFilter`). Without a port in the action the client's
 * port stays, unless it is the default one of the scheme that it used. Default ports are not written.
 */
export function redirectLocation(head: RequestHead, match: RouteMatch, action: RedirectAction): string {
  const scheme = action.scheme ?? head.scheme;
  const portAt = splitPort(head.authority);
  const host = action.host ?? head.authority.slice(0, portAt);
  const port = redirectPort(action, scheme, head.scheme, head.authority.slice(portAt + 1));
  return `${scheme}://${host}${port === '' ? '' : `:${port}`}${redirectPath(head.path, match, action)}`;
}

function redirectPort(action: RedirectAction, scheme: string, clientScheme: string, clientPort: string): string {
  const kept = isDefaultPort(clientScheme, clientPort) ? '' : clientPort;
  const port = action.port === undefined ? kept : String(action.port);
  return isDefaultPort(scheme, port) ? '' : port;
}

function isDefaultPort(scheme: string, port: string): boolean {
  return (scheme === 'http' && port === '80') || (scheme === 'https' && port === '443');
}

function redirectPath(path: string, match: RouteMatch, action: RedirectAction): string {
  const queryAt = path.indexOf('?');
  const plain = queryAt < 0 ? path : path.slice(0, queryAt);
  const query = queryAt < 0 || action.stripQuery ? '' : path.slice(queryAt);
  if (action.path === undefined) return withSlash(plain) + query;
  if (action.path.kind === 'prefix') return withSlash(replacePrefix(plain, match, action.path.value)) + query;
  if (action.path.kind === 'regex') return withSlash(replaceRegex(plain, action.path)) + query;
  // A full path may bring its own query, which then replaces the client's.
  return withSlash(action.path.value) + (action.path.value.includes('?') ? '' : query);
}
