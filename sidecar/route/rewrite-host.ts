import type { RequestHead } from '../stream/head.ts';
import { headerValue } from './match-values.ts';
import { replaceRegex } from './rewrite-path.ts';
import type { ForwardAction, WeightedCluster } from './route-table.ts';

/** Gives the request the host that the action wants, before its path is rewritten; an endpoint's own host comes later. */
export function rewriteHost(head: RequestHead, action: ForwardAction, target: WeightedCluster): void {
  const host = target.hostRewrite ?? wantedHost(head, action);
  if (host !== undefined) setHost(head, host, action.appendForwardedHost);
}

/** The endpoint's own name becomes the host, where the action says so and discovery told a name. */
export function setHost(head: RequestHead, host: string, appendForwardedHost: boolean): void {
  if (host === head.authority || !isHost(host)) return;
  if (appendForwardedHost) appendHost(head);
  head.authority = host;
}

function wantedHost(head: RequestHead, { hostRewrite }: ForwardAction): string | undefined {
  switch (hostRewrite?.kind) {
    case 'literal':
      return hostRewrite.value;
    case 'header':
      return headerValue(head, hostRewrite.name);
    case 'path': {
      const queryAt = head.path.indexOf('?');
      return replaceRegex(queryAt < 0 ? head.path : head.path.slice(0, queryAt), hostRewrite.rewrite);
    }
    default:
      return undefined;
  }
}

/** What a client sent may be anything; as a host only what is one goes on. */
function isHost(host: string): boolean {
  return host.length <= 255 && /^[A-Za-z0-9._~:[\]-]+$/.test(host);
}

function appendHost(head: RequestHead): void {
  const { headers } = head;
  const before = headers.get('x-forwarded-host');
  headers.set('x-forwarded-host', before === undefined ? head.authority : `${before}, ${head.authority}`);
}
