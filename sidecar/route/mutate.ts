import type { Headers } from '../stream/headers.ts';
import type { HeaderMutation } from './route-table.ts';

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

/** Removes, then sets, then adds, in place. Pseudo-headers and framing fields are left alone. */
export function applyHeaderMutation(headers: Headers, mutation: HeaderMutation): void {
  for (const name of mutation.remove) if (mayMutate(name)) headers.remove(name);
  for (const { name, value } of mutation.set) if (mayMutate(name)) headers.set(name, value);
  for (const { name, value } of mutation.add) if (mayMutate(name)) headers.append(name, value);
}

function mayMutate(name: string): boolean {
  return name.charCodeAt(0) !== 58 && !untouchable.has(name.toLowerCase());
}
