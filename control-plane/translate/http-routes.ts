import { Route } from '../../proto/gen/envoy/config/route/v3/route_components.ts';
import type { EffectiveTrafficPolicy, MeshRule, MeshService, MeshSnapshot } from '../registry/mesh-snapshot.ts';
import { outboundName } from './names.ts';
import { forwardAction, headerFields, redirectAction, type WeightedTarget } from './route-action.ts';
import { routeMatch } from './route-match.ts';
import type { RouteEntry } from './route-order.ts';

/** What holds where no service is there to say otherwise: a rule of a Gateway without a backend that exists. */
const answerAtOnce: EffectiveTrafficPolicy = {
  requestTimeoutMs: 15_000,
  perTryTimeoutMs: 0,
  idleTimeoutMs: 300_000,
  connectTimeoutMs: 1_000,
  retries: { attempts: 0, on: [], statuses: [] },
  retryBudget: { percent: 20, minConcurrency: 3 },
  balancer: 'PeakEwma',
  limits: { connections: 1_024, pendingRequests: 1_024, requests: 1_024 },
  origins: [],
};

/** One match of an HTTPRoute as an Envoy route. `parent` is the service it is attached to, or undefined at a Gateway. */
export function httpRoute(snapshot: MeshSnapshot, entry: RouteEntry, parent: MeshService | undefined): Route {
  const { route, rule, ruleIndex, match } = entry;
  const targets = weightedTargets(snapshot, rule);
  const policy = parent?.policy ?? firstPolicy(snapshot, rule) ?? answerAtOnce;
  return Route.fromPartial({
    name: `${route.origin}/rule/${ruleIndex}`,
    match: routeMatch(match),
    action:
      rule.redirect !== undefined
        ? { $case: 'redirect', value: redirectAction(rule.redirect) }
        : { $case: 'route', value: forwardAction(targets, policy, rule, match.path) },
    ...headerFields(rule.requestHeaders, rule.responseHeaders),
  });
}

/** The route of a service port that no HTTPRoute speaks of. */
export function defaultRoute(service: MeshService, port: number): Route {
  const everything = { type: 'PathPrefix', value: '/' } as const;
  const target = { cluster: outboundName(service.fqdn, port), weight: 1, requestHeaders: none, responseHeaders: none };
  return Route.fromPartial({
    name: `default/${service.namespace}/${service.name}`,
    match: { pathSpecifier: { $case: 'prefix', value: '/' } },
    action: { $case: 'route', value: forwardAction([target], service.policy, undefined, everything) },
  });
}

/** What a route's translation depends on besides the route itself: policy and name of every service it sends to. */
export function backendParts(snapshot: MeshSnapshot, routes: readonly { rules: readonly MeshRule[] }[]): unknown[] {
  return routes.flatMap((route) =>
    route.rules.flatMap((rule) => rule.backends.map((backend) => snapshot.services.get(backend.service)?.policy)),
  );
}

const none = { set: [], add: [], remove: [] };

function weightedTargets(snapshot: MeshSnapshot, rule: MeshRule): WeightedTarget[] {
  return rule.backends.flatMap((backend) => {
    const service = snapshot.services.get(backend.service);
    if (service === undefined) return [];
    const { weight, requestHeaders, responseHeaders } = backend;
    return [{ cluster: outboundName(service.fqdn, backend.port), weight, requestHeaders, responseHeaders }];
  });
}

function firstPolicy(snapshot: MeshSnapshot, rule: MeshRule): EffectiveTrafficPolicy | undefined {
  for (const backend of rule.backends) {
    const service = snapshot.services.get(backend.service);
    if (service !== undefined && backend.weight > 0) return service.policy;
  }
  return undefined;
}
