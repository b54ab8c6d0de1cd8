import type { ResponseHead } from './head.ts';
import type { Headers } from './headers.ts';

/** Events follow as they happen: such a response is bounded by its idle time-out alone. */
export function isEventStream(head: ResponseHead): boolean {
  return head.headers.get('content-type')?.startsWith('text/event-stream') === true;
}

/** What only a proxy of the mesh may say; an application that says it would pass for one (security.md UP-12). */
export function stripOwnHeaders(headers: Headers): void {
  const { names } = headers;
  for (let i = names.length - 1; i >= 0; i--) {
    const name = names[i];
    if (name?.startsWith('x-heddle-')) {
      headers.remove(name);
      i = names.length;
    }
  }
}
