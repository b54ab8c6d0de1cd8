import { type Cluster, Cluster_LbPolicy } from '../../proto/gen/envoy/config/cluster/v3/cluster.ts';
import { LeastRequest } from '../../proto/gen/envoy/extensions/load_balancing_policies/least_request/v3/least_request.ts';
import { Random } from '../../proto/gen/envoy/extensions/load_balancing_policies/random/v3/random.ts';
import { RoundRobin } from '../../proto/gen/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin.ts';
import type { Any } from '../../proto/gen/google/protobuf/any.ts';
import { PeakEwma } from '../../proto/gen/heddle/balance/v1/peak_ewma.ts';
import type { BalancerConfig } from '../cluster/cluster-config.ts';
import { fieldsOf } from './message-fields.ts';
import { isType, type Reader } from './reader.ts';

export const leastRequestFields = fieldsOf(LeastRequest, {
  supported: ['choiceCount'],
  ignored: { localityLbConfig: 'all localities are alike' },
});

export const roundRobinFields = fieldsOf(RoundRobin, {
  supported: [],
  ignored: { localityLbConfig: 'all localities are alike' },
});

/**
 * The first policy of `load_balancing_policy` that is known here, as Envoy chooses too; without that field the
 * older `lb_policy`.
 */
export function decodeBalancer(reader: Reader, message: Cluster): BalancerConfig {
  const policies = message.loadBalancingPolicy?.policies ?? [];
  if (policies.length === 0) return decodeLbPolicy(reader, message);
  for (const [index, policy] of policies.entries()) {
    const packed = policy.typedExtensionConfig?.typedConfig;
    const path = `load_balancing_policy.policies[${index}].typed_extension_config.typed_config`;
    const balancer = packed === undefined ? undefined : decodePolicy(reader, path, packed);
    if (balancer !== undefined) return balancer;
  }
  const names = policies.map((policy) => policy.typedExtensionConfig?.typedConfig?.typeUrl ?? '(none)');
  reader.problem('load_balancing_policy.policies', `none is supported: ${names.join(', ')}`);
  return { kind: 'round-robin' };
}

function decodePolicy(reader: Reader, path: string, packed: Any): BalancerConfig | undefined {
  if (isType(packed, PeakEwma)) {
    const policy = reader.unpack(path, packed, PeakEwma);
    return {
      kind: 'peak-ewma',
      decayMs: reader.positiveDuration(`${path}.decay_time`, policy?.decayTime, 10_000),
      defaultRttMs: reader.positiveDuration(`${path}.default_rtt`, policy?.defaultRtt, 30),
    };
  }
  if (isType(packed, LeastRequest)) {
    const policy = reader.unpack(path, packed, LeastRequest);
    if (policy !== undefined) reader.only(path, policy, leastRequestFields);
    return { kind: 'least-request', choices: choices(reader, `${path}.choice_count`, policy?.choiceCount) };
  }
  if (isType(packed, RoundRobin)) {
    const policy = reader.unpack(path, packed, RoundRobin);
    if (policy !== undefined) reader.only(path, policy, roundRobinFields);
    return { kind: 'round-robin' };
  }
  return isType(packed, Random) ? { kind: 'random' } : undefined;
}

function decodeLbPolicy(reader: Reader, message: Cluster): BalancerConfig {
  const config = message.lbConfig;
  switch (message.lbPolicy) {
    case Cluster_LbPolicy.ROUND_ROBIN:
      return { kind: 'round-robin' };
    case Cluster_LbPolicy.RANDOM:
      return { kind: 'random' };
    case Cluster_LbPolicy.LEAST_REQUEST: {
      const options = config?.$case === 'leastRequestLbConfig' ? config.value : undefined;
      return {
        kind: 'least-request',
        choices: choices(reader, 'least_request_lb_config.choice_count', options?.choiceCount),
      };
    }
    default:
      reader.problem('lb_policy', 'only ROUND_ROBIN, LEAST_REQUEST and RANDOM are supported');
      return { kind: 'round-robin' };
  }
}

function choices(reader: Reader, path: string, count: number | undefined): number {
  if (count !== undefined && (count < 2 || count > 100)) reader.problem(path, 'must be between 2 and 100');
  return count ?? 2;
}
