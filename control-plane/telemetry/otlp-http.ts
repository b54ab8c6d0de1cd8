import { gunzipSync } from 'node:zlib';
import { type DecodedSpans, decodeTraces } from './otlp.ts';

/** Largest body in bytes, also after decompression. */
export const maxBodyBytes = 8 * 1024 * 1024;

/** An HTTP status with a JSON body. */
export interface IntakeResponse {
  status: number;
  body: string;
}

export type IntakeResult = { ok: true; decoded: DecodedSpans } | { ok: false; response: IntakeResponse };

/**
 * Reads the body of `POST /v1/traces` (OTLP/HTTP with JSON, plain or gzip). Everything a peer can get wrong is an
 * answer, with a `google.rpc.Status` as its body as OTLP asks; it never throws.
 */
export function readTraceRequest(body: Buffer, contentType: string, contentEncoding = ''): IntakeResult {
  const mediaType = (contentType.split(';')[0] ?? '').trim().toLowerCase();
  if (mediaType === 'application/x-protobuf') {
    return refuse(415, 'OTLP is taken as JSON here: set OTEL_EXPORTER_OTLP_PROTOCOL=http/json in the exporter');
  }
  if (mediaType !== 'application/json') return refuse(415, 'content-type must be application/json');
  if (body.length > maxBodyBytes) return refuse(413, `the body is larger than ${maxBodyBytes} bytes`);
  const text = decompress(body, contentEncoding.trim().toLowerCase());
  if (typeof text !== 'string') return text;
  let request: unknown;
  try {
    request = JSON.parse(text);
  } catch {
    return refuse(400, 'the body is not JSON');
  }
  const decoded = decodeTraces(request);
  if (decoded === undefined) return refuse(400, 'the body is not an ExportTraceServiceRequest');
  return { ok: true, decoded };
}

/** The answer to a request that was read: success, or partial success with the number of spans left out. */
export function acceptTraces(rejected: number, reason: string): IntakeResponse {
  if (rejected === 0) return { status: 200, body: '{}' };
  // int64 is text in ProtoJSON.
  const partialSuccess = { rejectedSpans: String(rejected), errorMessage: reason };
  return { status: 200, body: JSON.stringify({ partialSuccess }) };
}

function decompress(body: Buffer, encoding: string): string | IntakeResult {
  if (encoding === '' || encoding === 'identity') return body.toString('utf8');
  if (encoding !== 'gzip') return refuse(415, 'content-encoding must be gzip or identity');
  try {
    return gunzipSync(body, { maxOutputLength: maxBodyBytes }).toString('utf8');
  } catch (error) {
    const tooLarge = error instanceof RangeError;
    return tooLarge
      ? refuse(413, `the decompressed body is larger than ${maxBodyBytes} bytes`)
      : refuse(400, 'the body is not gzip');
  }
}

function refuse(status: number, message: string): { ok: false; response: IntakeResponse } {
  // google.rpc.Code INVALID_ARGUMENT
  return { ok: false, response: { status, body: JSON.stringify({ code: 3, message }) } };
}
