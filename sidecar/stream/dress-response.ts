import type { StreamInfo } from '../observe/stream-info.ts';
import { applyHeaderMutation } from '../route/mutate.ts';
import type { CallTarget } from './call-owner.ts';
import type { RequestHead, ResponseHead } from './head.ts';

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
