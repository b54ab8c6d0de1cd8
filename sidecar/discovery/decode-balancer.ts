import {
  type Cluster,
  Cluster_LbPolicy,
  type LoadBalancingPolicy,
} from '../../proto/gen/envoy/config/cluster/v3/cluster.ts';
import { ClientSideWeightedRoundRobin } from '../../proto/gen/envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3/client_side_weighted_round_robin.ts';
import {
  LeastRequest,
  LeastRequest_SelectionMethod,
} from '../../proto/gen/envoy/extensions/load_balancing_policies/least_request/v3/least_request.ts';
import { Maglev } from '../../proto/gen/envoy/extensions/load_balancing_policies/maglev/v3/maglev.ts';
import { PickFirst } from '../../proto/gen/envoy/extensions/load_balancing_policies/pick_first/v3/pick_first.ts';
import { Random } from '../../proto/gen/envoy/extensions/load_balancing_policies/random/v3/random.ts';
import { RingHash } from '../../proto/gen/envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash.ts';
import { RoundRobin } from '../../proto/gen/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin.ts';
import { WrrLocality } from '../../proto/gen/envoy/extensions/load_balancing_policies/wrr_locality/v3/wrr_locality.ts';
import type { Any } from '../../proto/gen/google/protobuf/any.ts';
import { PeakEwma } from '../../proto/gen/heddle/balance/v1/peak_ewma.ts';
import type { BalancerConfig, ClusterConfig } from '../cluster/cluster-config.ts';
import { decodeMaglev, decodeOldHash, decodeRingHash } from './decode-hash-balancer.ts';
import { decodeSlowStart } from './decode-slow-start.ts';
import { decodeLocality, decodeSpread, type LocalitySpread } from './decode-spread.ts';
import { fieldsOf } from './message-fields.ts';
import { isType, join, type Reader } from './reader.ts';

export const peakEwmaFields = fieldsOf(PeakEwma, {
  supported: ['decayTime', 'defaultRtt', 'slowStartConfig', 'localityLbConfig'],
});

export const leastRequestFields = fieldsOf(LeastRequest, {
  supported: [
    'choiceCount',
    'activeRequestBias',
    'slowStartConfig',
    'localityLbConfig',
    'enableFullScan',
    'selectionMethod',
  ],
});

export const roundRobinFields = fieldsOf(RoundRobin, { supported: ['slowStartConfig', 'localityLbConfig'] });

export const randomFields = fieldsOf(Random, { supported: ['localityLbConfig'] });

export const clientSideWeightedFields = fieldsOf(ClientSideWeightedRoundRobin, {
  supported: ['blackoutPeriod', 'weightExpirationPeriod', 'weightUpdatePeriod', 'errorUtilizationPenalty'],
  ignored: { oobReportingPeriod: 'of no meaning while reports out of band are not enabled' },
});

export const pickFirstFields = fieldsOf(PickFirst, { supported: ['shuffleAddressList'] });

export const wrrLocalityFields = fieldsOf(WrrLocality, { supported: ['endpointPickingPolicy'] });

interface Policy {
  balancer: BalancerConfig;
  /** What it says of localities. */
  locality?: LocalitySpread;
}

/**
 * The first policy of `load_balancing_policy` that is known here, as Envoy chooses too; without that field the
 * older `lb_policy`. With it what is said of priorities, localities and subsets.
 */
export function decodeBalancer(reader: Reader, message: Cluster): Required<Pick<ClusterConfig, 'balancer' | 'spread'>> {
  const { balancer, locality } =
    message.loadBalancingPolicy === undefined || message.loadBalancingPolicy.policies.length === 0
      ? decodeLbPolicy(reader, message)
      : decodePolicies(reader, 'load_balancing_policy', message.loadBalancingPolicy);
  return { balancer, spread: decodeSpread(reader, message, locality) };
}

function decodePolicies(reader: Reader, path: string, { policies }: LoadBalancingPolicy): Policy {
  for (const [index, policy] of policies.entries()) {
    const packed = policy.typedExtensionConfig?.typedConfig;
    const at = join(path, `policies[${index}].typed_extension_config.typed_config`);
    const known = packed === undefined ? undefined : decodePolicy(reader, at, packed);
    if (known !== undefined) return known;
  }
  const names = policies.map((policy) => policy.typedExtensionConfig?.typedConfig?.typeUrl ?? '(none)');
  reader.problem(join(path, 'policies'), `none is supported: ${names.join(', ')}`);
  return { balancer: { kind: 'round-robin' } };
}

function decodePolicy(reader: Reader, path: string, packed: Any): Policy | undefined {
  if (isType(packed, PeakEwma)) return decodePeakEwma(reader, path, packed);
  if (isType(packed, LeastRequest)) return decodeLeastRequest(reader, path, packed);
  if (isType(packed, RoundRobin)) {
    const policy = reader.unpack(path, packed, RoundRobin) ?? RoundRobin.fromPartial({});
    reader.only(path, policy, roundRobinFields);
    return {
      balancer: {
        kind: 'round-robin',
        ...decodeSlowStart(reader, join(path, 'slow_start_config'), policy.slowStartConfig),
      },
      locality: localityOf(reader, path, policy),
    };
  }
  if (isType(packed, Random)) {
    const policy = reader.unpack(path, packed, Random) ?? Random.fromPartial({});
    reader.only(path, policy, randomFields);
    return { balancer: { kind: 'random' }, locality: localityOf(reader, path, policy) };
  }
  if (isType(packed, RingHash)) {
    return {
      balancer: decodeRingHash(reader, path, reader.unpack(path, packed, RingHash) ?? RingHash.fromPartial({})),
    };
  }
  if (isType(packed, Maglev)) {
    return { balancer: decodeMaglev(reader, path, reader.unpack(path, packed, Maglev) ?? Maglev.fromPartial({})) };
  }
  if (isType(packed, PickFirst)) {
    const shuffle = reader.unpack(path, packed, PickFirst)?.shuffleAddressList ?? false;
    return {
      balancer: { kind: 'pick-first', shuffle },
      locality: { locality: { kind: 'none' }, failTrafficOnPanic: false },
    };
  }
  if (isType(packed, ClientSideWeightedRoundRobin)) return decodeClientSideWeighted(reader, path, packed);
  if (!isType(packed, WrrLocality)) return undefined;
  const inner = reader.unpack(path, packed, WrrLocality)?.endpointPickingPolicy;
  const at = join(path, 'endpoint_picking_policy');
  if (inner === undefined) reader.problem(at, 'missing');
  const { balancer } =
    inner === undefined ? { balancer: { kind: 'round-robin' as const } } : decodePolicies(reader, at, inner);
  const hashes = balancer.kind === 'ring-hash' || balancer.kind === 'maglev';
  return {
    balancer: hashes ? { ...balancer, localityWeighted: true } : balancer,
    locality: { locality: { kind: 'weighted' }, failTrafficOnPanic: false },
  };
}

function decodePeakEwma(reader: Reader, path: string, packed: Any): Policy {
  const policy = reader.unpack(path, packed, PeakEwma) ?? PeakEwma.fromPartial({});
  reader.only(path, policy, peakEwmaFields);
  return {
    balancer: {
      kind: 'peak-ewma',
      decayMs: reader.positiveDuration(`${path}.decay_time`, policy.decayTime, 10_000),
      defaultRttMs: reader.positiveDuration(`${path}.default_rtt`, policy.defaultRtt, 30),
      ...decodeSlowStart(reader, join(path, 'slow_start_config'), policy.slowStartConfig),
    },
    locality: localityOf(reader, path, policy),
  };
}

function decodeLeastRequest(reader: Reader, path: string, packed: Any): Policy {
  const policy = reader.unpack(path, packed, LeastRequest) ?? LeastRequest.fromPartial({});
  const { choiceCount, activeRequestBias, slowStartConfig, enableFullScan, selectionMethod } = policy;
  reader.only(path, policy, leastRequestFields);
  const all = enableFullScan === true || selectionMethod === LeastRequest_SelectionMethod.FULL_SCAN;
  return {
    balancer: {
      kind: 'least-request',
      choices: all ? 'all' : choices(reader, join(path, 'choice_count'), choiceCount),
      ...bias(reader, join(path, 'active_request_bias'), activeRequestBias),
      ...decodeSlowStart(reader, join(path, 'slow_start_config'), slowStartConfig),
    },
    locality: localityOf(reader, path, policy),
  };
}

function decodeClientSideWeighted(reader: Reader, path: string, packed: Any): Policy {
  const policy =
    reader.unpack(path, packed, ClientSideWeightedRoundRobin) ?? ClientSideWeightedRoundRobin.fromPartial({});
  reader.only(path, policy, clientSideWeightedFields);
  const errorPenalty = policy.errorUtilizationPenalty ?? 1;
  if (!(errorPenalty >= 0)) reader.problem(join(path, 'error_utilization_penalty'), 'must not be negative');
  return {
    balancer: {
      kind: 'client-side-weighted',
      blackoutMs: reader.duration(join(path, 'blackout_period'), policy.blackoutPeriod, 10_000),
      expirationMs: reader.duration(join(path, 'weight_expiration_period'), policy.weightExpirationPeriod, 180_000),
      updateMs: Math.max(100, reader.duration(join(path, 'weight_update_period'), policy.weightUpdatePeriod, 1_000)),
      errorPenalty,
    },
  };
}

function localityOf(reader: Reader, path: string, policy: Pick<RoundRobin, 'localityLbConfig'>): LocalitySpread {
  return decodeLocality(reader, join(path, 'locality_lb_config'), policy.localityLbConfig?.localityConfigSpecifier);
}

function decodeLbPolicy(reader: Reader, message: Cluster): Policy {
  const config = message.lbConfig;
  switch (message.lbPolicy) {
    case Cluster_LbPolicy.ROUND_ROBIN: {
      const options = config?.$case === 'roundRobinLbConfig' ? config.value : undefined;
      const path = 'round_robin_lb_config.slow_start_config';
      return { balancer: { kind: 'round-robin', ...decodeSlowStart(reader, path, options?.slowStartConfig) } };
    }
    case Cluster_LbPolicy.RANDOM:
      return { balancer: { kind: 'random' } };
    case Cluster_LbPolicy.RING_HASH:
      return { balancer: decodeOldHash(reader, message, 'ring-hash') };
    case Cluster_LbPolicy.MAGLEV:
      return { balancer: decodeOldHash(reader, message, 'maglev') };
    case Cluster_LbPolicy.LEAST_REQUEST: {
      const options = config?.$case === 'leastRequestLbConfig' ? config.value : undefined;
      const path = 'least_request_lb_config';
      return {
        balancer: {
          kind: 'least-request',
          choices: choices(reader, join(path, 'choice_count'), options?.choiceCount),
          ...bias(reader, join(path, 'active_request_bias'), options?.activeRequestBias),
          ...decodeSlowStart(reader, join(path, 'slow_start_config'), options?.slowStartConfig),
        },
      };
    }
    default:
      reader.problem('lb_policy', 'only ROUND_ROBIN, LEAST_REQUEST, RANDOM, RING_HASH and MAGLEV are supported');
      return { balancer: { kind: 'round-robin' } };
  }
}

function choices(reader: Reader, path: string, count: number | undefined): number {
  if (count !== undefined && (count < 2 || count > 100)) reader.problem(path, 'must be between 2 and 100');
  return count ?? 2;
}

function bias(
  reader: Reader,
  path: string,
  message: { defaultValue: number } | undefined,
): { activeRequestBias?: number } {
  if (message === undefined) return {};
  if (!(message.defaultValue >= 0)) reader.problem(path, 'must not be negative');
  return { activeRequestBias: message.defaultValue };
}
