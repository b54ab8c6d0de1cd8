import { durationMs } from '../model/duration.ts';
import type { HeaderModifier, PathModifier, RouteFilter } from '../model/http-filters.ts';
import type { HttpRoute, HttpRouteRule } from '../model/http-route.ts';
import { portProtocol } from '../model/service.ts';
import type { HeaderEdit, MeshRule } from './mesh-snapshot.ts';
import type { Entry, ObjectIndex } from './object-index.ts';
import type { ConditionDraft } from './status-collector.ts';

type BackendRef = NonNullable<HttpRouteRule['backendRefs']>[number];

/** Rules of a route with their backends resolved, and what could not be. */
export interface JoinedRules {
  readonly rules: readonly MeshRule[];
  readonly problems: readonly ConditionDraft[];
}

/** Fills in the Gateway API's defaults and resolves backends. The same for every parent of the route. */
export function joinRules(entry: Entry<HttpRoute>, objects: ObjectIndex): JoinedRules {
  const problems: ConditionDraft[] = [];
  const rules = entry.object.spec.rules.map((rule) => joinRule(rule, entry, objects, problems));
  return { rules, problems };
}

function joinRule(
  rule: HttpRouteRule,
  entry: Entry<HttpRoute>,
  objects: ObjectIndex,
  problems: ConditionDraft[],
): MeshRule {
  const filters = rule.filters ?? [];
  const redirect = filterOf(filters, 'RequestRedirect')?.requestRedirect;
  const rewrite = filterOf(filters, 'URLRewrite')?.urlRewrite;
  const backends: MeshRule['backends'][number][] = [];
  let invalidBackendWeight = 0;
  for (const ref of rule.backendRefs ?? []) {
    const resolved = resolveBackend(ref, entry, objects);
    if ('problem' in resolved) {
      problems.push(resolved.problem);
      invalidBackendWeight += ref.weight ?? 1;
    } else {
      backends.push(resolved.backend);
    }
  }
  // A rule that sends a request nowhere answers 500, as the Gateway API says.
  const forwards = backends.some((backend) => backend.weight > 0) || invalidBackendWeight > 0;
  if (redirect === undefined && !forwards) invalidBackendWeight = 1;
  return {
    matches: joinMatches(rule),
    requestHeaders: headerEdit(filterOf(filters, 'RequestHeaderModifier')?.requestHeaderModifier),
    responseHeaders: headerEdit(filterOf(filters, 'ResponseHeaderModifier')?.responseHeaderModifier),
    redirect:
      redirect === undefined
        ? undefined
        : {
            scheme: redirect.scheme,
            hostname: redirect.hostname,
            port: redirect.port,
            path: pathEdit(redirect.path),
            statusCode: redirect.statusCode ?? 302,
          },
    rewrite: rewrite === undefined ? undefined : { hostname: rewrite.hostname, path: pathEdit(rewrite.path) },
    backends,
    invalidBackendWeight,
    requestTimeoutMs: durationMs(rule.timeouts?.request),
    backendRequestTimeoutMs: durationMs(rule.timeouts?.backendRequest),
  };
}

function joinMatches(rule: HttpRouteRule): MeshRule['matches'] {
  const matches = rule.matches === undefined || rule.matches.length === 0 ? [{}] : rule.matches;
  return matches.map((match: NonNullable<HttpRouteRule['matches']>[number]) => ({
    path: { type: match.path?.type ?? 'PathPrefix', value: match.path?.value ?? '/' },
    method: match.method,
    headers: (match.headers ?? []).map(({ name, value, type }) => ({ name, value, type: type ?? 'Exact' })),
    queryParams: (match.queryParams ?? []).map(({ name, value, type }) => ({ name, value, type: type ?? 'Exact' })),
  }));
}

type Resolved = { backend: MeshRule['backends'][number] } | { problem: ConditionDraft };

function resolveBackend(ref: BackendRef, entry: Entry<HttpRoute>, objects: ObjectIndex): Resolved {
  const namespace = ref.namespace ?? entry.namespace;
  const key = `${namespace}/${ref.name}`;
  const refuse = (reason: string, message: string): Resolved => ({
    problem: { type: 'ResolvedRefs', status: 'False', reason, message },
  });
  if (namespace !== entry.namespace) {
    return refuse('RefNotPermitted', `backend ${key} is in another namespace, which must grant this first`);
  }
  const service = objects.get('Service', namespace, ref.name);
  if (service === undefined) return refuse('BackendNotFound', `no Service ${key} exists`);
  const { ports } = service.object.spec;
  const port =
    ref.port === undefined ? (ports.length === 1 ? ports[0] : undefined) : ports.find((p) => p.port === ref.port);
  if (port === undefined) {
    const has = ports.map((item) => item.port).join(', ');
    return ref.port === undefined
      ? refuse('BackendNotFound', `Service ${key} has several ports (${has}); name one`)
      : refuse('BackendNotFound', `Service ${key} has no port ${ref.port}; it has ${has}`);
  }
  if (portProtocol(port) !== 'http') return refuse('UnsupportedProtocol', `port ${port.port} of Service ${key} is TCP`);
  return {
    backend: {
      service: key,
      port: port.port,
      weight: ref.weight ?? 1,
      requestHeaders: headerEdit(filterOf(ref.filters ?? [], 'RequestHeaderModifier')?.requestHeaderModifier),
      responseHeaders: headerEdit(filterOf(ref.filters ?? [], 'ResponseHeaderModifier')?.responseHeaderModifier),
    },
  };
}

function filterOf<T extends RouteFilter['type']>(
  filters: readonly RouteFilter[],
  type: T,
): Extract<RouteFilter, { type: T }> | undefined {
  return filters.find((filter): filter is Extract<RouteFilter, { type: T }> => filter.type === type);
}

function headerEdit(modifier: HeaderModifier | undefined): HeaderEdit {
  return { set: modifier?.set ?? [], add: modifier?.add ?? [], remove: modifier?.remove ?? [] };
}

function pathEdit(
  modifier: PathModifier | undefined,
): { type: 'ReplaceFullPath' | 'ReplacePrefixMatch'; value: string } | undefined {
  if (modifier === undefined) return undefined;
  return modifier.type === 'ReplaceFullPath'
    ? { type: 'ReplaceFullPath', value: modifier.replaceFullPath }
    : { type: 'ReplacePrefixMatch', value: modifier.replacePrefixMatch };
}
