import type { LoadBalancingPolicy_Policy } from '../../proto/gen/envoy/config/cluster/v3/cluster.ts';
import { LoadBalancingPolicy } from '../../proto/gen/envoy/config/cluster/v3/cluster.ts';
import { LeastRequest } from '../../proto/gen/envoy/extensions/load_balancing_policies/least_request/v3/least_request.ts';
import { Random } from '../../proto/gen/envoy/extensions/load_balancing_policies/random/v3/random.ts';
import { RoundRobin } from '../../proto/gen/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin.ts';
import { PeakEwma } from '../../proto/gen/heddle/balance/v1/peak_ewma.ts';
import type { UnknownMessage } from '../../proto/gen/typeRegistry.ts';
import type { EffectiveTrafficPolicy } from '../registry/mesh-snapshot.ts';
import { durationFromMs, packAny } from './proto-values.ts';

const leastRequest = policy('envoy.load_balancing_policies.least_request', LeastRequest, {
  choiceCount: 2,
});

const policies: Record<EffectiveTrafficPolicy['balancer'], LoadBalancingPolicy> = {
  // A proxy takes the first policy that it knows: Envoy falls back to the second.
  PeakEwma: LoadBalancingPolicy.fromPartial({
    policies: [
      policy('heddle.balance.v1.PeakEwma', PeakEwma, {
        decayTime: durationFromMs(10_000),
        defaultRtt: durationFromMs(30),
      }),
      leastRequest,
    ],
  }),
  LeastRequest: LoadBalancingPolicy.fromPartial({ policies: [leastRequest] }),
  RoundRobin: LoadBalancingPolicy.fromPartial({
    policies: [policy('envoy.load_balancing_policies.round_robin', RoundRobin, {})],
  }),
  Random: LoadBalancingPolicy.fromPartial({
    policies: [policy('envoy.load_balancing_policies.random', Random, {})],
  }),
};

/** `load_balancing_policy` of a cluster. */
export function loadBalancingPolicy(balancer: EffectiveTrafficPolicy['balancer']): LoadBalancingPolicy {
  return policies[balancer];
}

function policy<T extends UnknownMessage>(
  name: string,
  type: Parameters<typeof packAny<T>>[0] & { fromPartial(object: object): T },
  config: object,
): LoadBalancingPolicy_Policy {
  return {
    $type: 'envoy.config.cluster.v3.LoadBalancingPolicy.Policy',
    typedExtensionConfig: {
      $type: 'envoy.config.core.v3.TypedExtensionConfig',
      name,
      typedConfig: packAny(type, type.fromPartial(config)),
    },
  };
}
