import { isTrustedName } from './trusted-names.ts';

/*
 * RFC 9110 §6.5.1: a trailer must not carry what is needed before the body: framing, routing, authentication,
 * request modifiers, control data and content description. Such a field is left out on the way in and on the way
 * out (security.md H1-14), as is what only we may say (P-20); all others go on, gRPC's status among them.
 */
const forbidden: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'age',
  'authorization',
  'cache-control',
  'connection',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'date',
  'expect',
  'expires',
  'host',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'keep-alive',
  'location',
  'max-forwards',
  'pragma',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'range',
  'retry-after',
  'set-cookie',
  'te',
  'traceparent',
  'tracestate',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'vary',
  'via',
  'warning',
  'www-authenticate',
  'x-request-id',
]);

/** Whether a trailer of this name (lower case) is left out. */
export function isForbiddenTrailer(name: string): boolean {
  return forbidden.has(name) || isTrustedName(name);
}
