/** What a caller's `traceparent` says (W3C Trace Context). */
export interface TraceParent {
  traceId: string;
  parentId: string;
  sampled: boolean;
}

const dash = 45;
const length00 = 55;
const noTrace = '0'.repeat(32);
const noSpan = '0'.repeat(16);

/** 1 for the character codes of `0-9` and `a-f`. */
const isHex = new Uint8Array(128);
for (const digit of '0123456789abcdef') isHex[digit.charCodeAt(0)] = 1;

/**
 * Reads a `traceparent`; `undefined` for anything invalid, which then counts as none. Of a version above 00 the
 * known parts are read, as the specification asks.
 */
export function parseTraceparent(value: string): TraceParent | undefined {
  if (value.length < length00 || value.charCodeAt(2) !== dash) return undefined;
  if (value.charCodeAt(35) !== dash || value.charCodeAt(52) !== dash) return undefined;
  if (value.length > length00 && (value.startsWith('00') || value.charCodeAt(length00) !== dash)) return undefined;
  if (!hexRange(value, 0, 2) || !hexRange(value, 3, 35) || !hexRange(value, 36, 52) || !hexRange(value, 53, 55)) {
    return undefined;
  }
  const traceId = value.slice(3, 35);
  const parentId = value.slice(36, 52);
  if (value.startsWith('ff') || traceId === noTrace || parentId === noSpan) return undefined;
  // The low bit of the last hex digit: odd digits are 1, 3, 5, 7, 9 (odd codes) and b, d, f (even codes).
  const flag = value.charCodeAt(54);
  return { traceId, parentId, sampled: flag < 58 ? (flag & 1) === 1 : (flag & 1) === 0 };
}

function hexRange(value: string, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (isHex[value.charCodeAt(i)] !== 1) return false;
  return true;
}

/** A `traceparent` of version 00. */
export function formatTraceparent(traceId: string, spanId: string, sampled: boolean): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;
}
