import {
  type RouteAction,
  RouteAction_RequestMirrorPolicy,
  type VirtualHost,
} from '../../proto/gen/envoy/config/route/v3/route_components.ts';
import type { MirrorPolicy } from '../route/route-table.ts';
import { decodeRuntimeFraction } from './decode-fraction.ts';
import { fieldsOf } from './message-fields.ts';
import { join, type Reader } from './reader.ts';

export const mirrorPolicyFields = fieldsOf(RouteAction_RequestMirrorPolicy, {
  supported: ['cluster', 'clusterHeader', 'runtimeFraction', 'disableShadowHostSuffixAppend'],
  limits: { runtimeFraction: 'its default; there is no runtime' },
});

const maxMirrors = 8;

/** Reads `request_mirror_policies`: those of the route, or of what is around it where it has none. */
export function decodeMirrors(reader: Reader, path: string, message: RouteAction, host: VirtualHost): MirrorPolicy[] {
  const own = message.requestMirrorPolicies;
  const policies = own.length > 0 ? own : host.requestMirrorPolicies;
  const all = join(path, 'request_mirror_policies');
  if (policies.length > maxMirrors) reader.problem(all, `${policies.length}; at most ${maxMirrors}`);
  return policies.map((policy, index) => {
    const at = `${all}[${index}]`;
    reader.only(at, policy, mirrorPolicyFields);
    if ((policy.cluster === '') === (policy.clusterHeader === '')) {
      reader.problem(at, 'one of cluster and cluster_header must be set');
    }
    return {
      cluster: policy.cluster,
      clusterHeader: policy.clusterHeader === '' ? undefined : policy.clusterHeader.toLowerCase(),
      share: decodeRuntimeFraction(reader, join(at, 'runtime_fraction'), policy.runtimeFraction),
      appendHostSuffix: !policy.disableShadowHostSuffixAppend,
    };
  });
}
