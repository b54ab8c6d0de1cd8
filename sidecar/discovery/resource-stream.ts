import type { Node } from '../../proto/gen/envoy/config/core/v3/base.ts';
import type { Update } from './discovery.ts';
import type { HeldResources } from './held-resources.ts';
import type { ResourceType } from './type-urls.ts';

/** The client's side of an xDS stream, in either of its forms. */
export interface ResourceStream {
  /** Sends the first requests. */
  start(): void;
  /** Asks for what is referred to now, and not for what is not any more. */
  syncNames(): void;
  /** Nothing is sent from now on. */
  end(): void;
}

export interface ResourceStreamOptions {
  readonly node: Node;
  readonly held: HeldResources;
  /** Types whose resources are all asked for. */
  readonly wildcardTypes: readonly ResourceType[];
  /** Applies an update and answers its problems; never rejects. */
  accept(update: Update): Promise<readonly string[]>;
  /** Names wanted at present, for a type asked for by name. */
  wantedNames(type: ResourceType): Set<string>;
}

/** gRPC's INVALID_ARGUMENT, the code of a NACK. */
export const invalidArgument = 3;
const maxDetail = 4_000;

/** `error_detail` of a NACK; nothing for an ACK. */
export function errorDetail(problems: readonly string[]) {
  if (problems.length === 0) return undefined;
  const detail = problems.join('\n');
  const message =
    detail.length <= maxDetail ? detail : `${detail.slice(0, maxDetail)}... (${detail.length} characters)`;
  return { code: invalidArgument, message, details: [] };
}
