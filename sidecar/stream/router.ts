import type { LocalReply } from '../filters/filter.ts';
import { matchRoute, pickWeightedCluster } from '../route/match.ts';
import { applyHeaderMutation, redirectLocation, rewritePath } from '../route/mutate.ts';
import type { ForwardAction, RedirectAction, RespondAction, Route } from '../route/route-table.ts';
import type { RequestHead } from './head.ts';
import { Headers } from './headers.ts';
import { localReply } from './local-replies.ts';
import type { StreamScope } from './stream-scope.ts';
import { UpstreamCall, type UpstreamCallOwner } from './upstream-call.ts';
import { noCluster } from './upstream-failures.ts';

/**
 * The end of every filter chain: finds the route, and begins the call that it asks for or answers in its place.
 * Changes `head` as the route says.
 */
export function routeRequest(
  scope: StreamScope,
  owner: UpstreamCallOwner,
  head: RequestHead,
  end: boolean,
): UpstreamCall | undefined {
  const { table, name } = scope.routes;
  if (table === undefined) {
    owner.reply(localReply('no-route-table', { routes: name }, `the routes ${name} have not arrived yet`));
    return undefined;
  }
  const result = matchRoute(table, head);
  if (result.kind === 'unknown-host') {
    const message = `no service and no route of this proxy answers to the host ${head.authority}`;
    owner.reply(localReply('unknown-host', { host: head.authority }, message));
    return undefined;
  }
  if (result.kind === 'no-route') {
    const message = `the host ${head.authority} is known, but none of its routes matches ${head.method} ${head.path}`;
    owner.reply(localReply('no-route', { host: result.virtualHost.name }, message));
    return undefined;
  }
  const { route } = result;
  owner.info.route = route.name;
  if (route.action.kind === 'forward') return forward(scope, owner, head, end, route, route.action);
  owner.reply(route.action.kind === 'redirect' ? redirect(head, route, route.action) : respond(route, route.action));
  return undefined;
}

function forward(
  scope: StreamScope,
  owner: UpstreamCallOwner,
  head: RequestHead,
  end: boolean,
  route: Route,
  action: ForwardAction,
): UpstreamCall | undefined {
  const target = pickWeightedCluster(action, action.clusters.length === 1 ? 0 : scope.random());
  const cluster = scope.clusters.get(target.name);
  const { info } = owner;
  info.cluster = target.name;
  if (cluster === undefined) {
    owner.reply(noCluster(target.name, route.name));
    return undefined;
  }
  info.service = cluster.config.service;
  info.servicePort = cluster.config.servicePort;
  if (action.pathRewrite !== undefined) head.path = rewritePath(head.path, route.match, action);
  if (action.hostRewrite !== undefined) head.authority = action.hostRewrite;
  applyHeaderMutation(head.headers, route.requestHeaders);
  applyHeaderMutation(head.headers, target.requestHeaders);
  return new UpstreamCall(scope, owner, { route, action, target, cluster }, head, end);
}

function redirect(head: RequestHead, route: Route, action: RedirectAction): LocalReply {
  const headers = new Headers();
  applyHeaderMutation(headers, route.responseHeaders);
  headers.set('location', redirectLocation(head, route.match, action));
  return { status: action.status, reason: '', details: {}, message: '', flags: 0, headers };
}

function respond(route: Route, action: RespondAction): LocalReply {
  const headers = new Headers();
  applyHeaderMutation(headers, route.responseHeaders);
  return { status: action.status, reason: '', details: {}, message: action.body, flags: 0, headers };
}
