import { parseContentLength } from '../http/content-length.ts';
import { FieldKind } from '../http/field-names.ts';
import type { RequestHead, ResponseHead } from '../stream/head.ts';
import type { FieldSection } from './field-section.ts';

const status = 1 << FieldKind.pseudoStatus;

/** Makes the response of a field section (RFC 9113 §8.3.2), or returns the reason why there is none. */
export function readResponse(section: FieldSection, request: RequestHead, end: boolean): ResponseHead | string {
  if (section.malformed !== '') return section.malformed;
  if (section.refused !== '') return section.refused;
  if (!section.isExactly(status)) return 'h2.missing-pseudo-field';
  const code = readStatus(section.status);
  // HTTP/2 does not switch protocols (RFC 9113 §8.6).
  if (code < 100 || code > 599 || code === 101) return 'h2.bad-status';
  let length: number | undefined;
  if (section.contentLength !== undefined) {
    length = parseContentLength(section.contentLength);
    if (length === undefined) return 'h2.content-length-mismatch';
    const bodyless = request.method === 'HEAD' || code === 304 || code < 200 || code === 204;
    if (end && length > 0 && !bodyless) return 'h2.content-length-mismatch';
  }
  const connected = request.method === 'CONNECT' && code <= 299;
  return {
    status: code,
    reason: '',
    headers: section.headers,
    contentLength: connected || code < 200 || code === 204 ? undefined : length,
    upgrade: undefined,
  };
}

/** Three digits, or 0. */
function readStatus(text: string): number {
  if (text.length !== 3) return 0;
  const code = (text.charCodeAt(0) - 0x30) * 100 + (text.charCodeAt(1) - 0x30) * 10 + text.charCodeAt(2) - 0x30;
  return /^\d\d\d$/.test(text) ? code : 0;
}
