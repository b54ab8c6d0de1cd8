import { isGrpcType, type RequestHead, type ResponseHead } from './head.ts';
import type { Headers } from './headers.ts';

/**
 * A response that goes on for as long as there is something to tell: server-sent events, gRPC, parts that replace one
 * another. From its head on it is bounded by idle time and by what the client said, not by the route's time-out.
 */
export function isLongResponse(head: ResponseHead): boolean {
  const type = head.headers.get('content-type');
  if (type === undefined) return false;
  return type.startsWith('text/event-stream') || type.startsWith('multipart/x-mixed-replace') || isGrpcType(type);
}

/** The client asks for server-sent events, whose first one, and the head with it, may be long in coming. */
export function wantsEvents(head: RequestHead): boolean {
  return head.method === 'GET' && head.headers.get('accept')?.startsWith('text/event-stream') === true;
}

/** What only a proxy of the mesh may say; an application that says it would pass for one (security.md UP-12). */
export function stripOwnHeaders(headers: Headers): void {
  const { names } = headers;
  for (let i = names.length - 1; i >= 0; i--) {
    const name = names[i] as string;
    // Looked at for every field of every answer: two letters decide nearly all of them.
    if (name.charCodeAt(0) === 120 && name.charCodeAt(2) === 104 && name.startsWith('x-heddle-')) {
      headers.remove(name);
      i = names.length;
    }
  }
}
