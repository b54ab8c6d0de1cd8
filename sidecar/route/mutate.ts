import type { StreamInfo } from '../observe/stream-info.ts';
import type { RequestHead, ResponseHead } from '../stream/head.ts';
import type { Headers } from '../stream/headers.ts';
import type { HeaderMutation, HeaderStep, HeaderTemplate } from './route-table.ts';

export { redirectLocation } from './redirect.ts';
export { rewritePath } from './rewrite-path.ts';

/**
 * Fields that say how a message is framed or where it goes. A route must not touch them: a second `Host` or a
 * `Transfer-Encoding` of its own would let two parties read one message differently.
 */
const untouchable: ReadonlySet<string> = new Set([
  'host',
  'connection',
  'content-length',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Applies the steps in order, in place. Pseudo-headers and framing fields are left alone. */
export function applyHeaderMutation(
  headers: Headers,
  mutation: HeaderMutation,
  info: StreamInfo,
  request: RequestHead,
  response: ResponseHead | undefined,
): void {
  for (let i = 0; i < mutation.length; i++) {
    const step = mutation[i] as HeaderStep;
    const { name } = step;
    if (!mayMutate(name)) continue;
    if (step.action === 'remove') {
      headers.remove(name);
      continue;
    }
    const value = fill(step.value, info, request, response);
    if (value === '' && !step.keepEmpty) continue;
    if (step.action === 'append') headers.append(name, value);
    else if (step.action === 'set') headers.set(name, value);
    else if (headers.has(name) === (step.action === 'set-if-exists')) headers.set(name, value);
  }
}

function fill(
  template: HeaderTemplate,
  info: StreamInfo,
  request: RequestHead,
  response: ResponseHead | undefined,
): string {
  if (typeof template === 'string') return template;
  let value = '';
  for (const part of template) value += typeof part === 'string' ? part : part(info, request, response);
  return value;
}

function mayMutate(name: string): boolean {
  return name.charCodeAt(0) !== 58 && !untouchable.has(name);
}
