import type { LocalReply } from '../filters/filter.ts';
import { grpcFromHttp, grpcMessage } from './grpc-status.ts';
import { isGrpc, type RequestHead, type ResponseHead } from './head.ts';
import { Headers } from './headers.ts';
import { formatResponseFlags } from './response-flags.ts';

export interface RenderedReply {
  head: ResponseHead;
  /** Empty where the method or the status allows none; `head.contentLength` still tells its length. */
  body: Buffer;
}

const plainText = 'text/plain; charset=utf-8';

/**
 * Makes the response of a {@link LocalReply}: the reason in a header for machines and in the body for people, as
 * JSON, or as a line of text for a client that asks for text first.
 */
export function renderLocalReply(reply: LocalReply, request: RequestHead, requestId: string): RenderedReply {
  const headers = reply.headers?.clone() ?? new Headers();
  if (isGrpc(request)) return renderGrpc(reply, headers, requestId);
  const bodyless = reply.status === 204 || reply.status === 304;
  const { text, type } = bodyOf(reply, request, requestId);
  const body = Buffer.from(bodyless ? '' : text);
  if (body.length > 0 && !headers.has('content-type')) headers.appendRaw('content-type', 'content-type', type);
  if (reply.reason !== '') headers.appendRaw('x-heddle-reason', 'x-heddle-reason', reasonHeader(reply));
  if (requestId !== '') headers.appendRaw('x-request-id', 'x-request-id', requestId);
  return {
    head: {
      status: reply.status,
      reason: '',
      headers,
      contentLength: bodyless ? undefined : body.length,
      upgrade: undefined,
    },
    body: request.method === 'HEAD' ? Buffer.alloc(0) : body,
  };
}

/** A gRPC client reads errors from a response that has trailers only: HTTP 200, the status in the head, no body. */
function renderGrpc(reply: LocalReply, headers: Headers, requestId: string): RenderedReply {
  headers.set('content-type', 'application/grpc');
  headers.appendRaw('grpc-status', 'grpc-status', String(reply.grpcStatus ?? grpcFromHttp(reply.status)));
  headers.appendRaw('grpc-message', 'grpc-message', grpcMessage(reply.message));
  if (reply.reason !== '') headers.appendRaw('x-heddle-reason', 'x-heddle-reason', reasonHeader(reply));
  if (requestId !== '') headers.appendRaw('x-request-id', 'x-request-id', requestId);
  const head = { status: 200, reason: '', headers, contentLength: undefined, upgrade: undefined };
  return { head, body: Buffer.alloc(0) };
}

function bodyOf(reply: LocalReply, request: RequestHead, requestId: string): { text: string; type: string } {
  const { reason, message, details } = reply;
  // What a route itself answers is sent as it was written.
  if (reason === '') return { text: message, type: plainText };
  if (prefersText(request.headers.get('accept'))) {
    return { text: `${message}\n(${reason}, request ${requestId})\n`, type: plainText };
  }
  const flags = formatResponseFlags(reply.flags);
  const more = Object.keys(details).length > 0 ? { details } : {};
  const error = { reason, message, requestId, flags, ...more };
  return { text: `${JSON.stringify({ error })}\n`, type: 'application/json' };
}

/** `no-healthy-endpoints; service=cart; ejected=3/3` */
function reasonHeader(reply: LocalReply): string {
  let header = reply.reason;
  for (const [key, value] of Object.entries(reply.details)) header += `; ${key}=${headerSafe(value)}`;
  return header;
}

/** Values may hold what a client sent, an authority for example. */
function headerSafe(value: string): string {
  return value.slice(0, 200).replace(/[^\x21-\x3a\x3c-\x7e]/g, '_');
}

function prefersText(accept: string | undefined): boolean {
  if (accept === undefined) return false;
  const text = accept.indexOf('text/');
  const json = accept.indexOf('json');
  return text >= 0 && (json < 0 || text < json);
}
