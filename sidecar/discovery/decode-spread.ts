import {
  type Cluster,
  Cluster_CommonLbConfig,
  Cluster_LbSubsetConfig,
  Cluster_LbSubsetConfig_LbSubsetFallbackPolicy,
  Cluster_LbSubsetConfig_LbSubsetSelector,
  Cluster_LbSubsetConfig_LbSubsetSelector_LbSubsetSelectorFallbackPolicy,
} from '../../proto/gen/envoy/config/cluster/v3/cluster.ts';
import type { LocalityLbConfig } from '../../proto/gen/envoy/extensions/load_balancing_policies/common/v3/common.ts';
import {
  defaultSpread,
  type MetadataEntry,
  type SpreadConfig,
  type SubsetConfig,
  type SubsetFallback,
  type SubsetSelector,
} from '../cluster/cluster-config.ts';
import { fieldsOf } from './message-fields.ts';
import { join, type Reader } from './reader.ts';

export const commonLbFields = fieldsOf(Cluster_CommonLbConfig, {
  supported: [
    'healthyPanicThreshold',
    'localityConfigSpecifier',
    'closeConnectionsOnHostSetChange',
    'consistentHashingLbConfig',
  ],
  ignored: {
    updateMergeWindow: 'updates are applied as they come',
    ignoreNewHostsUntilFirstHc: 'an endpoint that was not checked yet takes no requests',
  },
});

export const subsetFields = fieldsOf(Cluster_LbSubsetConfig, {
  supported: ['fallbackPolicy', 'defaultSubset', 'subsetSelectors', 'panicModeAny', 'listAsAny'],
  ignored: { localityWeightAware: 'a subset spreads over its localities as the cluster does' },
});

export const subsetSelectorFields = fieldsOf(Cluster_LbSubsetConfig_LbSubsetSelector, {
  supported: ['keys', 'fallbackPolicy', 'fallbackKeysSubset'],
});

/** What a message says of localities; `undefined` where it says nothing. */
export type LocalitySpread = Pick<SpreadConfig, 'locality' | 'failTrafficOnPanic'> | undefined;

/** Reads `common_lb_config` and `lb_subset_config`; `policy` is what a typed policy says of localities, which counts more. */
export function decodeSpread(reader: Reader, message: Cluster, policy: LocalitySpread): SpreadConfig {
  const common = message.commonLbConfig;
  const path = 'common_lb_config';
  if (common !== undefined) reader.only(path, common, commonLbFields);
  const own = decodeLocality(reader, path, common?.localityConfigSpecifier);
  return {
    ...defaultSpread,
    ...own,
    ...policy,
    panicThresholdPercent: percent(reader, join(path, 'healthy_panic_threshold'), common?.healthyPanicThreshold, 50),
    closeConnectionsOnHostSetChange: common?.closeConnectionsOnHostSetChange ?? false,
    subsets: message.lbSubsetConfig === undefined ? undefined : decodeSubsets(reader, message.lbSubsetConfig),
  };
}

type Specifier = Cluster_CommonLbConfig['localityConfigSpecifier'] | LocalityLbConfig['localityConfigSpecifier'];

/** Reads `locality_config_specifier`, which a cluster and a typed policy have alike. */
export function decodeLocality(reader: Reader, path: string, specifier: Specifier): LocalitySpread {
  if (specifier === undefined) return undefined;
  if (specifier.$case === 'localityWeightedLbConfig') {
    return { locality: { kind: 'weighted' }, failTrafficOnPanic: false };
  }
  const at = join(path, 'zone_aware_lb_config');
  const { routingEnabled, minClusterSize, failTrafficOnPanic } = specifier.value;
  const routingPercent = percent(reader, join(at, 'routing_enabled'), routingEnabled, 100);
  return { locality: { kind: 'zone-aware', routingPercent, minClusterSize: minClusterSize ?? 6 }, failTrafficOnPanic };
}

/** The entries of a metadata object, sorted by key. */
export function metadataEntries(fields: Readonly<Record<string, unknown>> | undefined): MetadataEntry[] {
  return Object.entries(fields ?? {})
    .map(([key, value]) => [key, JSON.stringify(value)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

function decodeSubsets(reader: Reader, message: Cluster_LbSubsetConfig): SubsetConfig {
  const path = 'lb_subset_config';
  reader.only(path, message, subsetFields);
  const { ANY_ENDPOINT, DEFAULT_SUBSET } = Cluster_LbSubsetConfig_LbSubsetFallbackPolicy;
  const fallback =
    message.fallbackPolicy === ANY_ENDPOINT ? 'any' : message.fallbackPolicy === DEFAULT_SUBSET ? 'default' : 'none';
  return {
    selectors: message.subsetSelectors.map((selector, index) =>
      decodeSelector(reader, join(path, `subset_selectors[${index}]`), selector),
    ),
    fallback,
    defaultSubset: metadataEntries(message.defaultSubset),
    listAsAny: message.listAsAny,
    panicModeAny: message.panicModeAny,
  };
}

const selectorFallbacks: Readonly<Record<number, SubsetFallback>> = {
  [Cluster_LbSubsetConfig_LbSubsetSelector_LbSubsetSelectorFallbackPolicy.NO_FALLBACK]: 'none',
  [Cluster_LbSubsetConfig_LbSubsetSelector_LbSubsetSelectorFallbackPolicy.ANY_ENDPOINT]: 'any',
  [Cluster_LbSubsetConfig_LbSubsetSelector_LbSubsetSelectorFallbackPolicy.DEFAULT_SUBSET]: 'default',
};

function decodeSelector(
  reader: Reader,
  path: string,
  selector: Cluster_LbSubsetConfig['subsetSelectors'][number],
): SubsetSelector {
  reader.only(path, selector, subsetSelectorFields);
  const keys = [...new Set(selector.keys)].sort();
  if (keys.length === 0) reader.problem(join(path, 'keys'), 'missing');
  const { KEYS_SUBSET } = Cluster_LbSubsetConfig_LbSubsetSelector_LbSubsetSelectorFallbackPolicy;
  if (selector.fallbackPolicy !== KEYS_SUBSET) {
    return { keys, fallback: selectorFallbacks[selector.fallbackPolicy] };
  }
  const fewer = [...new Set(selector.fallbackKeysSubset)].sort();
  if (fewer.length === 0 || fewer.length >= keys.length || !fewer.every((key) => keys.includes(key))) {
    reader.problem(join(path, 'fallback_keys_subset'), 'must be some, and not all, of keys');
  }
  return { keys, fallback: { keys: fewer } };
}

function percent(reader: Reader, path: string, message: { value: number } | undefined, fallback: number): number {
  const value = message?.value ?? fallback;
  if (!(value >= 0 && value <= 100)) reader.problem(path, 'must be between 0 and 100');
  return value;
}
