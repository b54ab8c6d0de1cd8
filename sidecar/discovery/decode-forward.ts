import {
  RetryPolicy as RetryPolicyMessage,
  RouteAction,
  RouteAction_ClusterNotFoundResponseCode,
  type VirtualHost as VirtualHostMessage,
} from '../../proto/gen/envoy/config/route/v3/route_components.ts';
import { type ForwardAction, noRetry, type RetryCondition, type RetryPolicy } from '../route/route-table.ts';
import { decodeHashPolicies } from './decode-hash-policy.ts';
import { decodeHostRewrite, decodeRegexRewrite } from './decode-host-rewrite.ts';
import { withMetadata } from './decode-metadata-match.ts';
import type { MutationLevels } from './decode-mutation-levels.ts';
import type { OverridePlace } from './decode-overrides.ts';
import { decodeTargets } from './decode-targets.ts';
import { fieldsOf } from './message-fields.ts';
import { join, type Reader } from './reader.ts';

export const routeActionFields = fieldsOf(RouteAction, {
  supported: [
    'clusterSpecifier.cluster',
    'clusterSpecifier.clusterHeader',
    'clusterSpecifier.weightedClusters',
    'clusterNotFoundResponseCode',
    'prefixRewrite',
    'regexRewrite',
    'hostRewriteSpecifier.hostRewriteLiteral',
    'hostRewriteSpecifier.autoHostRewrite',
    'hostRewriteSpecifier.hostRewriteHeader',
    'hostRewriteSpecifier.hostRewritePathRegex',
    'appendXForwardedHost',
    'timeout',
    'idleTimeout',
    'retryPolicy',
    'hashPolicy',
    'metadataMatch',
  ],
  ignored: { upgradeConfigs: 'upgrades are passed on' },
});

const alwaysElsewhere = 'a retry always goes to another endpoint while there is one';

export const retryPolicyFields = fieldsOf(RetryPolicyMessage, {
  supported: ['retryOn', 'numRetries', 'perTryTimeout', 'retriableStatusCodes', 'retryBackOff'],
  ignored: { retryHostPredicate: alwaysElsewhere, hostSelectionRetryMaxAttempts: alwaysElsewhere },
  limits: { numRetries: 'at most 10' },
});

/**
 * Reads a `route` action. What it leaves open is taken from its virtual host: without a retry policy on either, nothing
 * is retried, as in Envoy. `levels` are the mutations of the route and of what is around it.
 */
export function decodeForward(
  reader: Reader,
  path: string,
  message: RouteAction,
  host: VirtualHostMessage,
  levels: MutationLevels,
  at: OverridePlace,
): ForwardAction {
  reader.only(path, message, routeActionFields);
  return {
    kind: 'forward',
    ...withMetadata(decodeTargets(reader, path, message.clusterSpecifier, levels, at), message),
    ...(message.hashPolicy.length === 0 ? {} : { hashPolicies: decodeHashPolicies(reader, path, message.hashPolicy) }),
    notFoundStatus: decodeNotFound(reader, path, message.clusterNotFoundResponseCode),
    timeoutMs: reader.duration(join(path, 'timeout'), message.timeout, 15_000),
    idleTimeoutMs: reader.duration(join(path, 'idle_timeout'), message.idleTimeout, 300_000),
    retry: decodeRetry(reader, join(path, 'retry_policy'), message.retryPolicy ?? host.retryPolicy),
    pathRewrite: decodePathRewrite(reader, path, message),
    hostRewrite: decodeHostRewrite(reader, path, message.hostRewriteSpecifier),
    appendForwardedHost: message.appendXForwardedHost,
    attemptCountInRequest: host.includeRequestAttemptCount,
    attemptCountInResponse: host.includeAttemptCountInResponse,
  };
}

function decodeNotFound(
  reader: Reader,
  path: string,
  code: RouteAction_ClusterNotFoundResponseCode,
): ForwardAction['notFoundStatus'] {
  const codes = RouteAction_ClusterNotFoundResponseCode;
  switch (code) {
    case codes.SERVICE_UNAVAILABLE:
      return 503;
    case codes.NOT_FOUND:
      return 404;
    case codes.INTERNAL_SERVER_ERROR:
      return 500;
    default:
      reader.problem(join(path, 'cluster_not_found_response_code'), 'not supported');
      return 503;
  }
}

const conditions: readonly RetryCondition[] = [
  'connect-failure',
  'refused-stream',
  'reset-before-request',
  'reset',
  '5xx',
  'gateway-error',
  'retriable-status-codes',
];

function decodeRetry(reader: Reader, path: string, policy: RetryPolicyMessage | undefined): RetryPolicy {
  if (policy === undefined) return noRetry;
  reader.only(path, policy, retryPolicyFields);
  const words = policy.retryOn.split(',').map((word) => word.trim());
  const on = new Set(conditions.filter((condition) => words.includes(condition)));
  for (const word of words) {
    if (word !== '' && !on.has(word as RetryCondition)) {
      reader.problem(join(path, 'retry_on'), `"${word}" is not supported; known are ${conditions.join(', ')}`);
    }
  }
  const attempts = policy.numRetries ?? 1;
  if (attempts > 10) reader.problem(join(path, 'num_retries'), `${attempts}; at most 10`);
  const backoff = join(path, 'retry_back_off');
  const base = reader.positiveDuration(join(backoff, 'base_interval'), policy.retryBackOff?.baseInterval, 25);
  const max = reader.positiveDuration(join(backoff, 'max_interval'), policy.retryBackOff?.maxInterval, base * 10);
  if (max < base) reader.problem(join(backoff, 'max_interval'), 'below base_interval');
  return {
    attempts,
    perTryTimeoutMs: reader.duration(join(path, 'per_try_timeout'), policy.perTryTimeout, 0),
    on,
    statuses: policy.retriableStatusCodes,
    backoffBaseMs: base,
    backoffMaxMs: max,
  };
}

function decodePathRewrite(reader: Reader, path: string, message: RouteAction): ForwardAction['pathRewrite'] {
  const regex = message.regexRewrite;
  if (message.prefixRewrite !== '' && regex !== undefined) {
    reader.problem(join(path, 'regex_rewrite'), 'not together with prefix_rewrite');
  }
  if (message.prefixRewrite !== '') return { kind: 'prefix', value: message.prefixRewrite };
  if (regex === undefined) return undefined;
  const rewrite = decodeRegexRewrite(reader, join(path, 'regex_rewrite'), regex);
  const { pattern, substitution } = rewrite;
  // How Envoy is told to replace the whole path.
  if (/^\^?\/?\.[*+]\$?$/.test(pattern.source.replaceAll('\\/', '/')) && !substitution.includes('\\')) {
    return { kind: 'full', value: substitution };
  }
  return rewrite;
}
