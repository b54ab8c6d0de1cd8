import type { HeaderValueOption } from '../../proto/gen/envoy/config/core/v3/base.ts';
import { HeaderValueOption_HeaderAppendAction as AppendAction } from '../../proto/gen/envoy/config/core/v3/base.ts';
import {
  RouteAction_ClusterNotFoundResponseCode as NotFoundCode,
  RedirectAction,
  RedirectAction_RedirectResponseCode as RedirectCode,
  RetryPolicy,
  RouteAction,
} from '../../proto/gen/envoy/config/route/v3/route_components.ts';
import type { EffectiveTrafficPolicy, HeaderEdit, MeshRule } from '../registry/mesh-snapshot.ts';
import { invalidBackendName } from './names.ts';
import { durationFromMs } from './proto-values.ts';
import { trimmedPrefix } from './route-match.ts';

type Path = MeshRule['matches'][number]['path'];
type Rewrite = NonNullable<MeshRule['rewrite']>;

/** A cluster and its share of the requests. */
export interface WeightedTarget {
  readonly cluster: string;
  readonly weight: number;
  readonly requestHeaders: HeaderEdit;
  readonly responseHeaders: HeaderEdit;
}

const noEdit: HeaderEdit = { set: [], add: [], remove: [] };

const redirectCodes = {
  301: RedirectCode.MOVED_PERMANENTLY,
  302: RedirectCode.FOUND,
  303: RedirectCode.SEE_OTHER,
  307: RedirectCode.TEMPORARY_REDIRECT,
  308: RedirectCode.PERMANENT_REDIRECT,
} as const;

/** Header edits as the four fields that Envoy's routes, virtual hosts and weighted clusters have for them. */
export function headerFields(request: HeaderEdit, response: HeaderEdit) {
  return {
    requestHeadersToAdd: headerOptions(request),
    requestHeadersToRemove: request.remove.map((name) => name.toLowerCase()),
    responseHeadersToAdd: headerOptions(response),
    responseHeadersToRemove: response.remove.map((name) => name.toLowerCase()),
  };
}

/** Forwards to `targets` with the time-outs and retries in force, all written out. */
export function forwardAction(
  targets: readonly WeightedTarget[],
  policy: EffectiveTrafficPolicy,
  rule: Pick<MeshRule, 'requestTimeoutMs' | 'backendRequestTimeoutMs' | 'rewrite' | 'invalidBackendWeight'> | undefined,
  path: Path,
): RouteAction {
  const invalidWeight = rule?.invalidBackendWeight ?? 0;
  return RouteAction.fromPartial({
    clusterSpecifier: clusterSpecifier(targets, invalidWeight),
    // Envoy's answer to the share of backends that do not exist; the Gateway API wants 500.
    clusterNotFoundResponseCode: NotFoundCode.INTERNAL_SERVER_ERROR,
    timeout: durationFromMs(rule?.requestTimeoutMs ?? policy.requestTimeoutMs),
    idleTimeout: durationFromMs(policy.idleTimeoutMs),
    retryPolicy: retryPolicy(policy, rule?.backendRequestTimeoutMs ?? policy.perTryTimeoutMs),
    ...(rule?.rewrite === undefined ? {} : rewriteFields(rule.rewrite, path)),
  });
}

export function redirectAction(redirect: NonNullable<MeshRule['redirect']>): RedirectAction {
  // A new scheme without a port means that scheme's own port, not the one that the client happened to use.
  const schemePort = redirect.scheme === 'https' ? 443 : redirect.scheme === 'http' ? 80 : 0;
  return RedirectAction.fromPartial({
    schemeRewriteSpecifier:
      redirect.scheme === undefined ? undefined : { $case: 'schemeRedirect', value: redirect.scheme },
    hostRedirect: redirect.hostname ?? '',
    portRedirect: redirect.port ?? schemePort,
    pathRewriteSpecifier:
      redirect.path === undefined
        ? undefined
        : {
            $case: redirect.path.type === 'ReplaceFullPath' ? 'pathRedirect' : 'prefixRewrite',
            value: redirect.path.value,
          },
    responseCode: redirectCodes[redirect.statusCode],
  });
}

function clusterSpecifier(targets: readonly WeightedTarget[], invalidWeight: number): RouteAction['clusterSpecifier'] {
  const weighted = targets.filter((target) => target.weight > 0);
  const [only] = weighted;
  if (only === undefined) return { $case: 'cluster', value: invalidBackendName };
  if (weighted.length === 1 && invalidWeight === 0 && isEmpty(only.requestHeaders) && isEmpty(only.responseHeaders)) {
    return { $case: 'cluster', value: only.cluster };
  }
  const invalid: WeightedTarget[] =
    invalidWeight === 0
      ? []
      : [{ cluster: invalidBackendName, weight: invalidWeight, requestHeaders: noEdit, responseHeaders: noEdit }];
  const { clusterSpecifier: specifier } = RouteAction.fromPartial({
    clusterSpecifier: {
      $case: 'weightedClusters',
      value: {
        clusters: [...weighted, ...invalid].map((target) => ({
          name: target.cluster,
          weight: target.weight,
          ...headerFields(target.requestHeaders, target.responseHeaders),
        })),
      },
    },
  });
  return specifier;
}

function retryPolicy(policy: EffectiveTrafficPolicy, perTryTimeoutMs: number): RetryPolicy {
  const { attempts, on, statuses } = policy.retries;
  const byStatus = statuses.length > 0 && !on.includes('retriable-status-codes') ? ['retriable-status-codes'] : [];
  return RetryPolicy.fromPartial({
    retryOn: [...on, ...byStatus].join(','),
    numRetries: attempts,
    perTryTimeout: durationFromMs(perTryTimeoutMs),
    retriableStatusCodes: [...statuses],
    retryBackOff: { baseInterval: durationFromMs(25), maxInterval: durationFromMs(250) },
  });
}

function rewriteFields(rewrite: Rewrite, matched: Path): Partial<RouteAction> {
  const { hostRewriteSpecifier } = RouteAction.fromPartial({
    hostRewriteSpecifier:
      rewrite.hostname === undefined ? undefined : { $case: 'hostRewriteLiteral', value: rewrite.hostname },
  });
  return { hostRewriteSpecifier, ...pathFields(rewrite.path, matched) };
}

function pathFields(path: Rewrite['path'], matched: Path): Partial<RouteAction> {
  if (path === undefined) return {};
  if (path.type === 'ReplaceFullPath') return regexRewrite('^/.*$', path.value);
  const prefix = trimmedPrefix(matched.value);
  const value = trimmedPrefix(path.value);
  // Envoy replaces the matched text only, so `/` must not meet the slash that follows the prefix.
  if (value === '' && prefix !== '') return regexRewrite(`^${escapeRegex(prefix)}/*`, '/');
  return { prefixRewrite: prefix === '' ? `${value}/` : value };
}

function regexRewrite(regex: string, replacement: string): Partial<RouteAction> {
  const { regexRewrite: rewrite } = RouteAction.fromPartial({
    regexRewrite: { pattern: { regex }, substitution: replacement.replaceAll('\\', '\\\\') },
  });
  return { regexRewrite: rewrite };
}

function escapeRegex(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

function headerOptions(edit: HeaderEdit): HeaderValueOption[] {
  const option = (appendAction: HeaderValueOption['appendAction']) => (header: { name: string; value: string }) => ({
    $type: 'envoy.config.core.v3.HeaderValueOption' as const,
    header: {
      $type: 'envoy.config.core.v3.HeaderValue' as const,
      key: header.name.toLowerCase(),
      // A single per cent sign would begin a command operator of Envoy's.
      value: header.value.replaceAll('%', '%%'),
      rawValue: Buffer.alloc(0),
    },
    append: undefined,
    appendAction,
    keepEmptyValue: false,
  });
  return [
    ...edit.set.map(option(AppendAction.OVERWRITE_IF_EXISTS_OR_ADD)),
    ...edit.add.map(option(AppendAction.APPEND_IF_EXISTS_OR_ADD)),
  ];
}

function isEmpty(edit: HeaderEdit): boolean {
  return edit.set.length === 0 && edit.add.length === 0 && edit.remove.length === 0;
}
