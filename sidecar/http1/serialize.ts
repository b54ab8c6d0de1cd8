import { FieldKind, fieldKind } from '../http/field-names.ts';
import type { DroppedField } from '../http/field-policy.ts';
import { isForbiddenTrailer } from '../http/trailer-names.ts';
import { writableTarget } from '../http/writable-target.ts';
import type { RequestHead, ResponseHead } from '../stream/head.ts';
import type { Headers } from '../stream/headers.ts';
import { statusLine } from './status-text.ts';

/*
 * Heads as one latin1 string. The codec alone writes framing and connection fields: such a field in the list is
 * left out. No name or value with a line end, NUL or a character above latin1 is ever written, whoever set it:
 * a filter's mistake must not become a second message on the wire.
 */

const BAD_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
const BAD_NAME = /[^!#$%&'*+.^_`|~0-9A-Za-z-]/;
const BAD_METHOD = /[^!#$%&'*+.^_`|~0-9A-Za-z-]/g;

/** `Name: ` for each name as it is written; empty for one that is left out. */
const prefixes = new Map<string, string>();
const MAX_PREFIXES = 2_048;
const MAX_NAME_LENGTH = 64;

/** What a field line of this name starts with. Remembers names, within a bound. */
function prefixOf(rawName: string): string {
  return prefixes.get(rawName) ?? learn(rawName);
}

function learn(rawName: string): string {
  const kind = fieldKind(rawName.toLowerCase());
  const writable = kind === FieldKind.plain || kind === FieldKind.cookie || kind === FieldKind.te;
  const prefix = writable && rawName !== '' && !BAD_NAME.test(rawName) ? `${rawName}: ` : '';
  if (rawName.length > MAX_NAME_LENGTH) return prefix;
  if (prefixes.size >= MAX_PREFIXES) prefixes.clear();
  // A slice would keep the head that it was cut from.
  prefixes.set(Buffer.from(rawName, 'utf8').toString('utf8'), prefix);
  return prefix;
}

function fieldLines(start: string, headers: Headers, onDropped: DroppedField | undefined): string {
  const { names, rawNames, values } = headers;
  let text = start;
  for (let i = 0; i < rawNames.length; i++) {
    const prefix = prefixOf(rawNames[i] as string);
    const value = values[i] as string;
    if (prefix === '' || BAD_VALUE.test(value)) onDropped?.('h1.unwritable-field', names[i] as string);
    else text += `${prefix}${value}\r\n`;
  }
  return text;
}

/** A request head with `framing` (whole lines) at its end, up to and including the empty line. */
export function requestText(head: RequestHead, framing: string, onDropped: DroppedField | undefined): string {
  const target = head.method === 'CONNECT' ? head.authority : head.path;
  const method = BAD_NAME.test(head.method) ? head.method.replace(BAD_METHOD, '') : head.method;
  const path = writableTarget(target, 'h1.unwritable-target', onDropped);
  const host = writableTarget(head.authority, 'h1.unwritable-target', onDropped);
  const start = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\n`;
  return `${fieldLines(start, head.headers, onDropped)}${framing}\r\n`;
}

/** A response head with `framing` (whole lines) at its end, up to and including the empty line. */
export function responseText(head: ResponseHead, framing: string, onDropped: DroppedField | undefined): string {
  const reason = head.reason !== '' && BAD_VALUE.test(head.reason) ? '' : head.reason;
  const status = head.status >= 100 && head.status <= 599 ? head.status : 500;
  return `${fieldLines(statusLine(status, reason), head.headers, onDropped)}${framing}\r\n`;
}

/** The last chunk with its trailers. */
export function trailersText(trailers: Headers, onDropped: DroppedField | undefined): string {
  const { names } = trailers;
  if (!names.some(isForbiddenTrailer)) return `${fieldLines('0\r\n', trailers, onDropped)}\r\n`;
  const kept = trailers.clone();
  for (const name of names) {
    if (!isForbiddenTrailer(name)) continue;
    onDropped?.('h1.forbidden-trailer', name);
    kept.remove(name);
  }
  return `${fieldLines('0\r\n', kept, onDropped)}\r\n`;
}
