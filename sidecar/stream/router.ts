import type { LocalReply } from '../filters/filter.ts';
import type { RouteResult } from '../route/compile.ts';
import { applyHeaderMutation, redirectLocation, rewritePath } from '../route/mutate.ts';
import { rewriteHost } from '../route/rewrite-host.ts';
import type { ForwardAction, RedirectAction, RespondAction, Route, WeightedCluster } from '../route/route-table.ts';
import { splitPort } from '../route/split-port.ts';
import type { UpstreamCallOwner } from './call-owner.ts';
import { dressReply } from './dress-response.ts';
import { endpointChoice } from './endpoint-choice.ts';
import type { RequestHead } from './head.ts';
import { Headers } from './headers.ts';
import { localReply } from './local-replies.ts';
import { startMirrors } from './mirrors.ts';
import type { StreamScope } from './stream-scope.ts';
import { mayUpgrade, type UpgradeRules } from './upgrade-policy.ts';
import { UpstreamCall } from './upstream-call.ts';
import { noCluster } from './upstream-failures.ts';

/** A stream that knows its route, which filters may have asked for before the router does. */
export interface RoutedStream extends UpstreamCallOwner {
  /** `undefined` while the route table has not arrived. */
  matchedRoute(): RouteResult | undefined;
  /** Which of the clusters of the matched route's action it is. */
  routeTarget(action: ForwardAction): WeightedCluster;
  /** The cluster that the request goes to; empty where nothing names one. */
  routeCluster(): string;
}

/**
 * The end of every filter chain: finds the route, and begins the call that it asks for or answers in its place.
 * Changes `head` as the route says.
 */
export function routeRequest(
  scope: StreamScope,
  owner: RoutedStream,
  head: RequestHead,
  end: boolean,
): UpstreamCall | undefined {
  const result = owner.matchedRoute();
  if (result === undefined) {
    const { name } = scope.routes;
    owner.reply(localReply('no-route-table', { routes: name }, `the routes ${name} have not arrived yet`));
    return undefined;
  }
  if (result.kind === 'unknown-host') {
    const message = `no service and no route of this proxy answers to the host ${head.authority}`;
    owner.reply(localReply('unknown-host', { host: head.authority }, message));
    return undefined;
  }
  const { requireTls } = result.virtualHost;
  if (requireTls !== undefined && !owner.info.downstreamTls && (scope.edge || requireTls === 'all')) {
    owner.reply(toHttps(head));
    return undefined;
  }
  if (result.kind === 'no-route') {
    const message = `the host ${head.authority} is known, but none of its routes matches ${head.method} ${head.path}`;
    owner.reply(localReply('no-route', { host: result.virtualHost.name }, message));
    return undefined;
  }
  const { route } = result;
  const { info } = owner;
  info.route = route.name;
  if (head.upgrade !== undefined && !mayUpgrade(scope.upgrades, upgradesOf(route), head.upgrade)) {
    const message = `the route ${route.name} does not let requests switch to ${head.upgrade} (upgrade_configs)`;
    owner.reply(localReply('upgrade-refused', { upgrade: head.upgrade }, message));
    return undefined;
  }
  if (route.action.kind === 'forward') return forward(scope, owner, head, end, route, route.action);
  const reply = route.action.kind === 'redirect' ? redirect(head, route, route.action) : respond(route.action);
  applyHeaderMutation(reply.headers, route.responseHeaders, info, head, undefined);
  owner.reply(reply);
  return undefined;
}

function upgradesOf({ action }: Route): UpgradeRules | undefined {
  return action.kind === 'forward' ? action.upgrades : undefined;
}

function forward(
  scope: StreamScope,
  owner: RoutedStream,
  head: RequestHead,
  end: boolean,
  route: Route,
  action: ForwardAction,
): UpstreamCall | undefined {
  const target = owner.routeTarget(action);
  const name = owner.routeCluster();
  const cluster = scope.clusters.get(name);
  const { info } = owner;
  info.cluster = name;
  if (cluster === undefined) {
    owner.reply(dressReply(noCluster(name, route.name, action), action, target, head, info));
    return undefined;
  }
  info.service = cluster.config.service;
  info.servicePort = cluster.config.servicePort;
  const choice = endpointChoice(action, target, head, info, scope.random);
  if (action.hostRewrite !== undefined || target.hostRewrite !== undefined) rewriteHost(head, action, target);
  if (action.pathRewrite !== undefined) head.path = rewritePath(head.path, route.match, action);
  applyHeaderMutation(head.headers, target.requestHeaders, info, head, undefined);
  const mirrors = action.mirrors.length === 0 ? undefined : startMirrors(scope, action, head, end, info);
  return new UpstreamCall(scope, owner, { route, action, target, cluster, choice, mirrors }, head, end);
}

function redirect(head: RequestHead, route: Route, action: RedirectAction): LocalReply & { headers: Headers } {
  const headers = Headers.of({ location: redirectLocation(head, route.match, action) });
  return { status: action.status, reason: '', details: {}, message: '', flags: 0, headers };
}

function respond(action: RespondAction): LocalReply & { headers: Headers } {
  return { status: action.status, reason: '', details: {}, message: action.body, flags: 0, headers: new Headers() };
}

function toHttps(head: RequestHead): LocalReply {
  const host = head.authority.slice(0, splitPort(head.authority));
  const headers = Headers.of({ location: `https://${host}${head.path}` });
  return { status: 301, reason: '', details: {}, message: '', flags: 0, headers };
}
