import type { Headers } from './headers.ts';

/**
 * What was asked, normalised once by the codec. Router, policy, log and upstream all read this object, so that
 * no two of them can disagree (security.md P-15). `host` is not among the headers: it is `authority`.
 */
export interface RequestHead {
  /** Upper-case token, for example `GET`. `CONNECT` has the target in `authority` and an empty path. */
  method: string;
  /** `https` when the request came over TLS or said so in absolute form through a forward proxy. */
  scheme: 'http' | 'https';
  /** `host[:port]`, lower case, without a trailing dot; default ports are kept as sent. Never empty in HTTP/1.1. */
  authority: string;
  /** Path and query in origin form, starting with `/` (or `*` for OPTIONS); percent-encoding is left as sent. */
  path: string;
  /** All other fields. Framing and hop-by-hop fields have been taken out by the codec; see {@link Upgrade}. */
  headers: Headers;
  version: '1.0' | '1.1' | '2';
  /** Whether the request target came in absolute form (a forward-proxy request). */
  absoluteForm: boolean;
  /** Set when the peer asked to switch protocols; the value of `Upgrade` in lower case, for example `websocket`. */
  upgrade: string | undefined;
  /** The peer waits for `100 Continue` before it sends the body. */
  expectContinue: boolean;
  /** Length of the body where it is known from the head; `undefined` for chunked and for none. */
  contentLength: number | undefined;
}

/** Whether the request is gRPC by its content type (gRPC over HTTP/2: `application/grpc`, `application/grpc+…`). */
export function isGrpc(head: RequestHead): boolean {
  return head.method === 'POST' && isGrpcType(head.headers.get('content-type'));
}

export function isGrpcType(contentType: string | undefined): boolean {
  if (contentType === undefined || !contentType.startsWith('application/grpc')) return false;
  const next = contentType.charCodeAt(16);
  // The end, `+`, `;` or a space; `-` would be gRPC-Web.
  return Number.isNaN(next) || next === 43 || next === 59 || next === 32;
}

/** A response head, normalised like {@link RequestHead}. */
export interface ResponseHead {
  /** 100-599. */
  status: number;
  /** Reason phrase; empty for the standard one of the status. */
  reason: string;
  headers: Headers;
  contentLength: number | undefined;
  /** Set on a 101 that accepts an upgrade. */
  upgrade: string | undefined;
}
