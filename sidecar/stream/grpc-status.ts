import { isGrpcType, type ResponseHead } from './head.ts';
import type { Headers } from './headers.ts';

/** The status codes of gRPC that are spoken of here (grpc/grpc doc/statuscodes.md). */
export const grpcCodes = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  deadlineExceeded: 4,
  permissionDenied: 7,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** The code in `grpc-status`; 2 (UNKNOWN) where it is no code, `undefined` where it is not there. */
export function grpcStatusIn(headers: Headers): number | undefined {
  const value = headers.get('grpc-status');
  if (value === undefined) return undefined;
  const code = /^\d{1,3}$/.test(value) ? Number(value) : grpcCodes.unknown;
  return code <= 16 ? code : grpcCodes.unknown;
}

/** What a gRPC client makes of an HTTP status without a gRPC one (grpc/grpc doc/http-grpc-status-mapping.md). */
export function grpcFromHttp(status: number): number {
  switch (status) {
    case 400:
      return grpcCodes.internal;
    case 401:
      return grpcCodes.unauthenticated;
    case 403:
      return grpcCodes.permissionDenied;
    case 404:
      return grpcCodes.unimplemented;
    case 429:
    case 502:
    case 503:
    case 504:
      return grpcCodes.unavailable;
    default:
      return grpcCodes.unknown;
  }
}

/** 0 to 16, as HTTP statuses (google/rpc/code.proto). */
const httpStatuses = [200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401];

/** The HTTP status that says the same, by which a gRPC answer counts for outlier detection. */
export function httpFromGrpc(code: number): number {
  return httpStatuses[code] ?? 500;
}

/** Whether a response to a gRPC request is one that gRPC defines. */
export function isGrpcAnswer(head: ResponseHead): boolean {
  if (head.headers.has('grpc-status')) return true;
  return head.status === 200 && isGrpcType(head.headers.get('content-type'));
}

/** The text of a `grpc-message`: UTF-8, percent-encoded outside of printable ASCII (PROTOCOL-HTTP2.md). */
export function grpcMessage(text: string): string {
  let encoded = '';
  for (const byte of Buffer.from(text, 'utf8')) {
    if (byte >= 0x20 && byte <= 0x7e && byte !== 0x25) encoded += String.fromCharCode(byte);
    else encoded += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}
