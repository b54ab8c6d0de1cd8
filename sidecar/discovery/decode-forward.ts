import {
  RetryPolicy as RetryPolicyMessage,
  RouteAction,
  WeightedCluster_ClusterWeight,
  WeightedCluster as WeightedClusterMessage,
} from '../../proto/gen/envoy/config/route/v3/route_components.ts';
import {
  type ForwardAction,
  noMutation,
  type RetryCondition,
  type RetryPolicy,
  type WeightedCluster,
} from '../route/route-table.ts';
import { compileRegex } from './compile-regex.ts';
import { decodeMutation } from './decode-mutation.ts';
import { fieldsOf } from './message-fields.ts';
import { join, type Reader } from './reader.ts';

export const routeActionFields = fieldsOf(RouteAction, {
  supported: [
    'clusterSpecifier.cluster',
    'clusterSpecifier.weightedClusters',
    'prefixRewrite',
    'regexRewrite',
    'hostRewriteSpecifier.hostRewriteLiteral',
    'timeout',
    'idleTimeout',
    'retryPolicy',
  ],
  ignored: {
    clusterNotFoundResponseCode: 'the answer for a missing cluster is fixed',
    'hostRewriteSpecifier.autoHostRewrite': 'false is the default; true is refused',
    upgradeConfigs: 'upgrades are passed on',
  },
});

export const weightedClustersFields = fieldsOf(WeightedClusterMessage, {
  supported: ['clusters', 'totalWeight'],
  ignored: { runtimeKeyPrefix: 'there is no runtime' },
});

export const clusterWeightFields = fieldsOf(WeightedCluster_ClusterWeight, {
  supported: [
    'name',
    'weight',
    'requestHeadersToAdd',
    'requestHeadersToRemove',
    'responseHeadersToAdd',
    'responseHeadersToRemove',
  ],
});

const alwaysElsewhere = 'a retry always goes to another endpoint while there is one';

export const retryPolicyFields = fieldsOf(RetryPolicyMessage, {
  supported: ['retryOn', 'numRetries', 'perTryTimeout', 'retriableStatusCodes', 'retryBackOff'],
  ignored: { retryHostPredicate: alwaysElsewhere, hostSelectionRetryMaxAttempts: alwaysElsewhere },
  limits: { numRetries: 'at most 10' },
});

const maxTotalWeight = 2 ** 32 - 1;

/** Reads a `route` action. Without a retry policy, here or on the virtual host, nothing is retried, as in Envoy. */
export function decodeForward(
  reader: Reader,
  path: string,
  message: RouteAction,
  hostRetryPolicy: RetryPolicyMessage | undefined,
): ForwardAction {
  reader.only(path, message, routeActionFields);
  return {
    kind: 'forward',
    clusters: decodeClusters(reader, path, message.clusterSpecifier),
    timeoutMs: reader.duration(join(path, 'timeout'), message.timeout, 15_000),
    idleTimeoutMs: reader.duration(join(path, 'idle_timeout'), message.idleTimeout, 300_000),
    retry: decodeRetry(reader, join(path, 'retry_policy'), message.retryPolicy ?? hostRetryPolicy),
    pathRewrite: decodePathRewrite(reader, path, message),
    hostRewrite: decodeHostRewrite(reader, path, message),
  };
}

function decodeClusters(
  reader: Reader,
  path: string,
  specifier: RouteAction['clusterSpecifier'],
): readonly WeightedCluster[] {
  const mutations = { requestHeaders: noMutation, responseHeaders: noMutation };
  switch (specifier?.$case) {
    case 'cluster':
      return [{ name: reader.required(join(path, 'cluster'), specifier.value), weight: 1, ...mutations }];
    case 'weightedClusters':
      return decodeWeighted(reader, join(path, 'weighted_clusters'), specifier.value);
    default:
      if (specifier === undefined) {
        reader.problem(join(path, 'cluster_specifier'), 'one of cluster and weighted_clusters must be set');
      }
      return [{ name: '', weight: 1, ...mutations }];
  }
}

function decodeWeighted(reader: Reader, path: string, message: WeightedClusterMessage): WeightedCluster[] {
  reader.only(path, message, weightedClustersFields);
  const clusters = message.clusters.map((cluster, index) => {
    const at = join(path, `clusters[${index}]`);
    const { requestHeadersToAdd, requestHeadersToRemove, responseHeadersToAdd, responseHeadersToRemove } = cluster;
    reader.only(at, cluster, clusterWeightFields);
    return {
      name: reader.required(join(at, 'name'), cluster.name),
      weight: cluster.weight ?? 0,
      requestHeaders: decodeMutation(reader, join(at, 'request_headers'), requestHeadersToAdd, requestHeadersToRemove),
      responseHeaders: decodeMutation(
        reader,
        join(at, 'response_headers'),
        responseHeadersToAdd,
        responseHeadersToRemove,
      ),
    };
  });
  const sum = clusters.reduce((total, { weight }) => total + weight, 0);
  if (sum === 0) reader.problem(path, 'the sum of weights is 0');
  if (sum > maxTotalWeight) reader.problem(path, `the sum of weights is above ${maxTotalWeight}`);
  if (message.totalWeight !== undefined && message.totalWeight !== sum) {
    reader.problem(join(path, 'total_weight'), `${message.totalWeight} is not the sum of the weights, ${sum}`);
  }
  return clusters;
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
  if (policy === undefined) {
    return { attempts: 0, perTryTimeoutMs: 0, on: new Set(), statuses: [], backoffBaseMs: 25, backoffMaxMs: 250 };
  }
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
  const pattern = compileRegex(reader, join(path, 'regex_rewrite.pattern'), regex.pattern);
  // How Envoy is told to replace the whole path.
  if (/^\^?\/?\.[*+]\$?$/.test(pattern.source.replaceAll('\\/', '/')) && !regex.substitution.includes('\\')) {
    return { kind: 'full', value: regex.substitution };
  }
  return { kind: 'regex', pattern, substitution: regex.substitution };
}

function decodeHostRewrite(reader: Reader, path: string, message: RouteAction): string | undefined {
  const specifier = message.hostRewriteSpecifier;
  if (specifier?.$case === 'hostRewriteLiteral') {
    if (!/^[\x21-\x7e]+$/.test(specifier.value)) reader.problem(join(path, 'host_rewrite_literal'), 'not a host');
    return specifier.value;
  }
  if (specifier?.$case === 'autoHostRewrite' && specifier.value) {
    reader.problem(join(path, 'auto_host_rewrite'), 'not supported');
  }
  return undefined;
}
