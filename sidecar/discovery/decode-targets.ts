import {
  type RouteAction,
  WeightedCluster_ClusterWeight,
  WeightedCluster as WeightedClusterMessage,
} from '../../proto/gen/envoy/config/route/v3/route_components.ts';
import type { ForwardAction, WeightedCluster } from '../route/route-table.ts';
import { checkHost } from './decode-host-rewrite.ts';
import { decodeMetadataMatch } from './decode-metadata-match.ts';
import { type MutationLevels, readLevel } from './decode-mutation-levels.ts';
import { decodeOverrides, type OverridePlace } from './decode-overrides.ts';
import { fieldsOf } from './message-fields.ts';
import { join, type Reader } from './reader.ts';

export const weightedClustersFields = fieldsOf(WeightedClusterMessage, {
  supported: ['clusters', 'totalWeight', 'randomValueSpecifier.headerName'],
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
    'hostRewriteSpecifier.hostRewriteLiteral',
    'typedPerFilterConfig',
    'metadataMatch',
  ],
});

const maxTotalWeight = 2 ** 32 - 1;

export type Targets = Pick<ForwardAction, 'clusters' | 'clusterHeader' | 'weightHeader'>;

/** Reads the oneof `cluster_specifier`: where requests go. */
export function decodeTargets(
  reader: Reader,
  path: string,
  specifier: RouteAction['clusterSpecifier'],
  levels: MutationLevels,
  at: OverridePlace,
): Targets {
  const one = (name: string): WeightedCluster => ({
    name,
    weight: 1,
    requestHeaders: levels.request,
    responseHeaders: levels.response,
  });
  const none = { clusterHeader: undefined, weightHeader: undefined };
  switch (specifier?.$case) {
    case 'cluster':
      return { ...none, clusters: [one(reader.required(join(path, 'cluster'), specifier.value))] };
    case 'clusterHeader': {
      const clusterHeader = reader.required(join(path, 'cluster_header'), specifier.value).toLowerCase();
      return { ...none, clusterHeader, clusters: [one('')] };
    }
    case 'weightedClusters':
      return decodeWeighted(reader, join(path, 'weighted_clusters'), specifier.value, levels, at);
    default:
      if (specifier === undefined) {
        const choice = 'one of cluster, cluster_header and weighted_clusters must be set';
        reader.problem(join(path, 'cluster_specifier'), choice);
      }
      return { ...none, clusters: [one('')] };
  }
}

function decodeWeighted(
  reader: Reader,
  path: string,
  message: WeightedClusterMessage,
  levels: MutationLevels,
  at: OverridePlace,
): Targets {
  reader.only(path, message, weightedClustersFields);
  const clusters = message.clusters.map((cluster, index) =>
    decodeWeight(reader, join(path, `clusters[${index}]`), cluster, levels, at),
  );
  const specifier = message.randomValueSpecifier;
  const chooser =
    specifier === undefined ? undefined : reader.required(join(path, 'header_name'), specifier.value).toLowerCase();
  const sum = clusters.reduce((total, { weight }) => total + weight, 0);
  if (sum === 0) reader.problem(path, 'the sum of weights is 0');
  if (sum > maxTotalWeight) reader.problem(path, `the sum of weights is above ${maxTotalWeight}`);
  if (message.totalWeight !== undefined && message.totalWeight !== sum) {
    reader.problem(join(path, 'total_weight'), `${message.totalWeight} is not the sum of the weights, ${sum}`);
  }
  return {
    clusters,
    clusterHeader: undefined,
    weightHeader: chooser,
  };
}

function decodeWeight(
  reader: Reader,
  path: string,
  cluster: WeightedCluster_ClusterWeight,
  levels: MutationLevels,
  { place, outer }: OverridePlace,
): WeightedCluster {
  reader.only(path, cluster, clusterWeightFields);
  const { request, response } = readLevel(reader, path, cluster, levels);
  const overrides = decodeOverrides(reader, path, cluster.typedPerFilterConfig, {
    place: `${place}/${cluster.name}`,
    outer,
  });
  const host = cluster.hostRewriteSpecifier;
  return {
    name: reader.required(join(path, 'name'), cluster.name),
    weight: cluster.weight ?? 0,
    requestHeaders: request,
    responseHeaders: response,
    ...decodeMetadataMatch(cluster.metadataMatch),
    ...(overrides === undefined ? {} : { overrides }),
    ...(host === undefined ? {} : { hostRewrite: checkHost(reader, join(path, 'host_rewrite_literal'), host.value) }),
  };
}
