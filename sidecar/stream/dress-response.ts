import type { LocalReply } from '../filters/filter.ts';
import type { StreamInfo } from '../observe/stream-info.ts';
import { applyHeaderMutation } from '../route/mutate.ts';
import type { ForwardAction, WeightedCluster } from '../route/route-table.ts';
import type { CallTarget } from './call-owner.ts';
import type { RequestHead, ResponseHead } from './head.ts';
import { Headers } from './headers.ts';

export const attemptCountHeader = 'x-envoy-attempt-count';

/** What the route adds to, and takes from, an upstream's answer. */
export function dressResponse(
  head: ResponseHead,
  { action, target, choice }: CallTarget,
  request: RequestHead,
  info: StreamInfo,
): void {
  const { headers } = head;
  applyHeaderMutation(headers, target.responseHeaders, info, request, head);
  if (choice?.setCookie !== undefined) headers.append('set-cookie', choice.setCookie);
  if (action.attemptCountInResponse) headers.set(attemptCountHeader, String(info.attemptCount));
}

/** The same for an answer of ours in the upstream's place, as far as it concerns headers. */
export function dressReply(
  reply: LocalReply,
  action: ForwardAction,
  { responseHeaders }: WeightedCluster,
  request: RequestHead,
  info: StreamInfo,
): LocalReply {
  const counts = action.attemptCountInResponse && info.attemptCount > 0;
  if (responseHeaders.length === 0 && !counts) return reply;
  const headers = reply.headers?.clone() ?? new Headers();
  applyHeaderMutation(headers, responseHeaders, info, request, undefined);
  if (counts) headers.set(attemptCountHeader, String(info.attemptCount));
  return { ...reply, headers };
}
