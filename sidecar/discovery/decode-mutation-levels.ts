import type { HeaderValueOption } from '../../proto/gen/envoy/config/core/v3/base.ts';
import type { HeaderMutation } from '../route/route-table.ts';
import { decodeMutation, mergeMutations } from './decode-mutation.ts';
import { join, type Reader } from './reader.ts';

/** The fields by which tables, virtual hosts, routes and weighted clusters change heads. */
interface MutatingMessage {
  readonly requestHeadersToAdd: readonly HeaderValueOption[];
  readonly requestHeadersToRemove: readonly string[];
  readonly responseHeadersToAdd: readonly HeaderValueOption[];
  readonly responseHeadersToRemove: readonly string[];
}

/** What a level of a route table and the levels around it change together. */
export interface MutationLevels {
  readonly request: HeaderMutation;
  readonly response: HeaderMutation;
  /** `most_specific_header_mutations_wins`: the innermost level goes last, in place of first. */
  readonly innermostLast: boolean;
}

/** The level of `message` inside `outer`. */
export function readLevel(
  reader: Reader,
  path: string,
  message: MutatingMessage,
  outer: MutationLevels,
): MutationLevels {
  const { requestHeadersToAdd, requestHeadersToRemove, responseHeadersToAdd, responseHeadersToRemove } = message;
  const { innermostLast } = outer;
  const request = decodeMutation(reader, join(path, 'request_headers'), requestHeadersToAdd, requestHeadersToRemove);
  const response = decodeMutation(
    reader,
    join(path, 'response_headers'),
    responseHeadersToAdd,
    responseHeadersToRemove,
  );
  return {
    request: innermostLast ? mergeMutations(outer.request, request) : mergeMutations(request, outer.request),
    response: innermostLast ? mergeMutations(outer.response, response) : mergeMutations(response, outer.response),
    innermostLast,
  };
}
