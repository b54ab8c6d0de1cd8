import type { Random } from '../../lib/random.ts';
import type { PickContext } from '../balance/balancer.ts';
import type { StreamInfo } from '../observe/stream-info.ts';
import { hashRequest } from '../route/hash-policy.ts';
import type { ForwardAction, WeightedCluster } from '../route/route-table.ts';
import type { RequestHead } from './head.ts';

/** What a request says about the endpoint that it wants. */
export interface EndpointChoice {
  readonly context: PickContext;
  /** Value of `set-cookie` for the response, when the client was given a cookie to hash. */
  readonly setCookie: string | undefined;
}

/** `undefined` where any endpoint will do, which is the rule. Call before the route changes the head. */
export function endpointChoice(
  action: ForwardAction,
  target: WeightedCluster,
  head: RequestHead,
  info: StreamInfo,
  random: Random,
): EndpointChoice | undefined {
  const { hashPolicies } = action;
  const { metadataMatch: subset } = target;
  const { boundEndpoint: override, boundStrictly: strict } = info;
  if (hashPolicies === undefined && subset === undefined && override === undefined) return undefined;
  const { hash, setCookie } =
    hashPolicies === undefined
      ? { hash: undefined, setCookie: undefined }
      : hashRequest(hashPolicies, head, info.downstreamAddress, random);
  return { context: { hash, subset, override, strict }, setCookie };
}
