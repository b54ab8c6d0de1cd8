import { COLON, CR, LF, SPACE, TAB, TOKEN, VALUE } from '../http/characters.ts';

/** The most fields that any limit allows: cookies and others. */
const MAX_FIELDS = 1_200;

/**
 * Where the last scan left its result: four offsets for each field (name start and end, value start and end) and
 * the offset behind the empty line. Shared by all connections: read it before anything else runs.
 */
export const fieldScan = { offsets: new Int32Array(4 * MAX_FIELDS), end: 0 };

/** Why a field section could not be scanned; all are negative, so that a count is told apart from them. */
export const ScanError = {
  incomplete: -1,
  bareCr: -2,
  bareLf: -3,
  obsFold: -4,
  emptyName: -5,
  badName: -6,
  spaceBeforeColon: -7,
  badValue: -8,
  tooMany: -9,
} as const;

/** The stable reasons for {@link ScanError}, by its negated number. */
export const scanReasons: readonly string[] = [
  '',
  'h1.incomplete',
  'h1.bare-cr',
  'h1.bare-lf',
  'h1.obs-fold',
  'h1.empty-field-name',
  'h1.bad-field-name',
  'h1.space-before-colon',
  'h1.bad-field-value',
  'h1.too-many-fields',
];

/**
 * Scans field lines up to and including the empty line (RFC 9112 §5), strictly: CRLF only, no folding, no space
 * before the colon. Returns the number of fields, or a {@link ScanError}.
 */
export function scanFieldLines(bytes: Buffer, from: number, to: number): number {
  const offsets = fieldScan.offsets;
  let at = from;
  let count = 0;
  for (;;) {
    if (at >= to) return ScanError.incomplete;
    if (bytes[at] === CR) {
      if (at + 1 >= to) return ScanError.incomplete;
      if (bytes[at + 1] !== LF) return ScanError.bareCr;
      fieldScan.end = at + 2;
      return count;
    }
    if (count === MAX_FIELDS) return ScanError.tooMany;
    const nameStart = at;
    while (at < to && TOKEN[bytes[at] as number] === 1) at++;
    if (at >= to) return ScanError.incomplete;
    if (bytes[at] !== COLON || at === nameStart) return nameError(bytes[at] as number, at === nameStart);
    const slot = count * 4;
    offsets[slot] = nameStart;
    offsets[slot + 1] = at++;
    while (at < to && (bytes[at] === SPACE || bytes[at] === TAB)) at++;
    const valueStart = at;
    while (at < to && VALUE[bytes[at] as number] === 1) at++;
    if (at + 1 >= to) {
      if (at === to || bytes[at] === CR) return ScanError.incomplete;
    }
    if (bytes[at] !== CR) return bytes[at] === LF ? ScanError.bareLf : ScanError.badValue;
    if (bytes[at + 1] !== LF) return ScanError.bareCr;
    let valueEnd = at;
    while (valueEnd > valueStart && (bytes[valueEnd - 1] === SPACE || bytes[valueEnd - 1] === TAB)) valueEnd--;
    offsets[slot + 2] = valueStart;
    offsets[slot + 3] = valueEnd;
    count++;
    at += 2;
  }
}

function nameError(byte: number, empty: boolean): number {
  if (byte === LF) return ScanError.bareLf;
  if (byte === CR) return ScanError.badName;
  const space = byte === SPACE || byte === TAB;
  if (empty) return space ? ScanError.obsFold : byte === COLON ? ScanError.emptyName : ScanError.badName;
  return space ? ScanError.spaceBeforeColon : ScanError.badName;
}
