/**
 * A strict reader and writer of DER (ITU-T X.690 §10), as much of it as certificates need: definite minimal
 * lengths and single-byte tags only. The reader answers `undefined` for anything else; it never throws.
 */
export interface DerElement {
  /** Class, constructed bit and number in one byte: 0x30 is a SEQUENCE. */
  readonly tag: number;
  /** What it holds. */
  readonly content: Buffer;
  /** With tag and length. */
  readonly raw: Buffer;
}

export const derTags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** The one element that fills `bytes` exactly. */
export function readDer(bytes: Buffer, tag?: number): DerElement | undefined {
  const element = readAt(bytes, 0);
  if (element === undefined || element.raw.length !== bytes.length) return undefined;
  return tag === undefined || element.tag === tag ? element : undefined;
}

/** The elements inside a constructed element of the given tag. */
export function readChildren(parent: DerElement | undefined, tag: number = derTags.sequence): DerElement[] | undefined {
  if (parent?.tag !== tag) return undefined;
  const children: DerElement[] = [];
  for (let offset = 0; offset < parent.content.length; ) {
    const child = readAt(parent.content, offset);
    if (child === undefined) return undefined;
    children.push(child);
    offset += child.raw.length;
  }
  return children;
}

function readAt(bytes: Buffer, offset: number): DerElement | undefined {
  const tag = bytes[offset];
  const first = bytes[offset + 1];
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) return undefined;
  let start = offset + 2;
  let length = first;
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count < 1 || count > 3 || start + count > bytes.length) return undefined;
    length = bytes.readUIntBE(start, count);
    // A length that fits in fewer bytes must use them.
    if (length < 0x80 || (count > 1 && length < 2 ** (8 * (count - 1)))) return undefined;
    start += count;
  }
  const end = start + length;
  if (end > bytes.length) return undefined;
  return { tag, content: bytes.subarray(start, end), raw: bytes.subarray(offset, end) };
}

/** `1.2.840.10045.2.1`, or `undefined` when the element is no well-formed OBJECT IDENTIFIER. */
export function readOid(element: DerElement | undefined): string | undefined {
  if (element?.tag !== derTags.oid || element.content.length === 0 || element.content.length > 32) return undefined;
  const arcs: number[] = [];
  let arc = 0;
  let fresh = true;
  for (const byte of element.content) {
    if ((fresh && byte === 0x80) || arc > 0x3f_ffff) return undefined;
    arc = arc * 128 + (byte & 0x7f);
    fresh = byte < 0x80;
    if (fresh) {
      arcs.push(arc);
      arc = 0;
    }
  }
  const head = arcs[0];
  if (!fresh || head === undefined) return undefined;
  const top = Math.min(2, Math.floor(head / 40));
  return [top, head - top * 40, ...arcs.slice(1)].join('.');
}

export function readBoolean(element: DerElement | undefined): boolean | undefined {
  if (element?.tag !== derTags.boolean || element.content.length !== 1) return undefined;
  return element.content[0] === 0xff ? true : element.content[0] === 0 ? false : undefined;
}

/** A small non-negative INTEGER. */
export function readSmallInteger(element: DerElement | undefined): number | undefined {
  if (element?.tag !== derTags.integer || element.content.length < 1 || element.content.length > 4) return undefined;
  if (element.content.length > 1 && element.content[0] === 0 && (element.content[1] as number) < 0x80) return undefined;
  const value = element.content.readIntBE(0, element.content.length);
  return value < 0 ? undefined : value;
}

/** The bytes of a BIT STRING and how many bits of the last are padding. */
export function readBitString(element: DerElement | undefined): { bytes: Buffer; unused: number } | undefined {
  const unused = element?.tag === derTags.bitString ? element.content[0] : undefined;
  if (element === undefined || unused === undefined || unused > 7) return undefined;
  const bytes = element.content.subarray(1);
  if (bytes.length === 0 && unused > 0) return undefined;
  return { bytes, unused };
}

/** UTCTime or GeneralizedTime as RFC 5280 §4.1.2.5 writes them, in milliseconds since the epoch. */
export function readTime(element: DerElement | undefined): number | undefined {
  if (element === undefined) return undefined;
  const text = element.content.toString('latin1');
  if (element.tag === derTags.utcTime && /^\d{12}Z$/.test(text)) {
    return timeOf(`${Number(text.slice(0, 2)) < 50 ? '20' : '19'}${text}`);
  }
  return element.tag === derTags.generalizedTime && /^\d{14}Z$/.test(text) ? timeOf(text) : undefined;
}

function timeOf(text: string): number | undefined {
  const iso = text.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6.000Z');
  const time = Date.parse(iso);
  return Number.isNaN(time) ? undefined : time;
}

/** Writes an element of the given tag around its contents. */
export function writeDer(tag: number, ...contents: readonly Buffer[]): Buffer {
  const length = contents.reduce((sum, content) => sum + content.length, 0);
  const header = length < 0x80 ? [tag, length] : [tag, 0x80 | lengthBytes(length).length, ...lengthBytes(length)];
  return Buffer.concat([Buffer.from(header), ...contents]);
}

export function writeOid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap((arc) => {
    const groups = [arc & 0x7f];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128))
      groups.unshift((left & 0x7f) | 0x80);
    return groups;
  });
  return writeDer(derTags.oid, Buffer.from(bytes));
}

/** A BIT STRING of whole bytes. */
export function writeBitString(bytes: Buffer): Buffer {
  return writeDer(derTags.bitString, Buffer.from([0]), bytes);
}

function lengthBytes(length: number): number[] {
  const bytes: number[] = [];
  for (let left = length; left > 0; left = Math.floor(left / 256)) bytes.unshift(left & 0xff);
  return bytes;
}
