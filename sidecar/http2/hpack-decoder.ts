import { SPACE, TAB, VALUE } from '../http/characters.ts';
import { type FieldName, fieldName } from '../http/field-names.ts';
import type { FieldSection } from './field-section.ts';
import { decodeHuffman, huffmanOutput } from './huffman.ts';
import { noName, staticNames, staticTableSize, staticValues } from './static-table.ts';

/** What decoding a field block has come to. */
export const HpackResult = {
  ok: 0,
  /** The block is wrong, and the table is of no use any more: a connection error (RFC 9113 §4.3). */
  broken: 1,
  /** More than the section takes at the most; decoding stopped there, so the connection must end too. */
  tooLarge: 2,
} as const;

const nothing = Buffer.alloc(0);
/** What an entry costs beside its name and value (RFC 7541 §4.1). */
const entryOverhead = 32;
/** Longest integer: no length or index of ours is near it. */
const maxInteger = 0xff_ffff;
/** Values are slices of one text up to this size; whoever keeps one keeps the text. Bytes. */
const maxSharedText = 4_096;

/**
 * Decodes field blocks (RFC 7541) into a {@link FieldSection}; one per connection. Strings of the tables are made
 * and checked once, so that a field which repeats costs two loads.
 */
export class HpackDecoder {
  /** What we have announced: the peer may choose less. */
  readonly #limit: number;
  #maxSize: number;
  #size = 0;
  /** A ring that grows to its size as it is filled; the entry inserted as the n-th stands at `n & mask`. */
  readonly #mask: number;
  readonly #names: FieldName[] = [];
  readonly #values: string[] = [];
  /** Whether the value is one that no field may have: whoever refers to it sends a malformed message. */
  readonly #bad: boolean[] = [];
  #inserted = 0;
  #count = 0;

  /** The block being read. */
  #bytes: Buffer = nothing;
  #to = 0;
  #at = 0;
  /** Its text from `#textFrom` on, made when the first value needs it. */
  #text: string | undefined;
  #textFrom = 0;
  /** Of the last string read. */
  #lastBad = false;

  /** `tableSize` in bytes, as announced by `SETTINGS_HEADER_TABLE_SIZE` (security.md L-29). */
  constructor(tableSize: number) {
    this.#limit = tableSize;
    this.#maxSize = tableSize;
    let capacity = 4;
    while (capacity < tableSize / entryOverhead) capacity *= 2;
    this.#mask = capacity - 1;
  }

  /** Returns one of {@link HpackResult}. */
  decode(bytes: Buffer, from: number, to: number, section: FieldSection): number {
    this.#bytes = bytes;
    this.#to = to;
    this.#at = from;
    this.#text = undefined;
    let updates = 0;
    let fields = false;
    while (this.#at < to) {
      const byte = bytes[this.#at] as number;
      if (byte >= 0x80) {
        const index = this.#integer(0x7f);
        if (index > 0 && index <= staticTableSize)
          section.add(staticNames[index] as FieldName, staticValues[index] as string, false);
        else {
          const slot = this.#slot(index);
          if (slot < 0) return HpackResult.broken;
          section.add(this.#names[slot] as FieldName, this.#values[slot] as string, this.#bad[slot] as boolean);
        }
      } else if (byte >= 0x40 || byte < 0x20) {
        if (!this.#literal(byte, section)) return HpackResult.broken;
      } else {
        // A size update: only at the start, and two at the most (RFC 7541 §4.2).
        const size = this.#integer(0x1f);
        if (fields || ++updates > 2 || size < 0 || size > this.#limit) return HpackResult.broken;
        this.#maxSize = size;
        this.#evict(0);
        continue;
      }
      fields = true;
      if (section.overfull) return HpackResult.tooLarge;
    }
    // An idle connection should hold nothing.
    this.#text = undefined;
    this.#bytes = nothing;
    return HpackResult.ok;
  }

  #literal(byte: number, section: FieldSection): boolean {
    const indexed = byte >= 0x40;
    const index = this.#integer(indexed ? 0x3f : 0x0f);
    let name: FieldName;
    if (index > 0) {
      if (index <= staticTableSize) name = staticNames[index] as FieldName;
      else {
        const slot = this.#slot(index);
        if (slot < 0) return false;
        name = this.#names[slot] as FieldName;
      }
    } else {
      if (index < 0) return false;
      const read = this.#name();
      if (read === undefined) return false;
      name = read;
    }
    const value = this.#value(indexed);
    if (value === undefined) return false;
    const bad = this.#lastBad;
    if (indexed) this.#insert(name, value, bad);
    else if ((byte & 0x10) !== 0) section.neverIndex(name.name);
    section.add(name, value, bad);
    return true;
  }

  /** An integer whose prefix is the low bits of the byte at `#at`, under `mask`; -1 for one that is cut off or absurd. */
  #integer(mask: number): number {
    const first = (this.#bytes[this.#at++] as number) & mask;
    if (first < mask) return first;
    let value = mask;
    for (let shift = 0; shift <= 21; shift += 7) {
      if (this.#at >= this.#to) return -1;
      const byte = this.#bytes[this.#at++] as number;
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value <= maxInteger ? value : -1;
    }
    return -1;
  }

  /** The ring's slot of a dynamic index, or -1. */
  #slot(index: number): number {
    const age = index - staticTableSize - 1;
    return age >= 0 && age < this.#count ? (this.#inserted - 1 - age) & this.#mask : -1;
  }

  /** Reads the length of a string; -1 when it is not all there. Leaves `#at` at the string. */
  #stringLength(): number {
    if (this.#at >= this.#to) return -1;
    const length = this.#integer(0x7f);
    return length > this.#to - this.#at ? -1 : length;
  }

  #name(): FieldName | undefined {
    const huffman = this.#at < this.#to && (this.#bytes[this.#at] as number) >= 0x80;
    const length = this.#stringLength();
    if (length < 0) return undefined;
    const from = this.#at;
    this.#at += length;
    if (!huffman) return length === 0 ? noName : fieldName(this.#bytes, from, from + length);
    const decoded = decodeHuffman(this.#bytes, from, this.#at);
    if (decoded < 0) return undefined;
    return decoded === 0 ? noName : fieldName(huffmanOutput.bytes, 0, decoded);
  }

  /** `own`: the string stays in the table, so it must not be a slice of the block's text. */
  #value(own: boolean): string | undefined {
    const huffman = this.#at < this.#to && (this.#bytes[this.#at] as number) >= 0x80;
    const length = this.#stringLength();
    if (length < 0) return undefined;
    const from = this.#at;
    this.#at += length;
    if (huffman) {
      const decoded = decodeHuffman(this.#bytes, from, this.#at);
      if (decoded < 0) return undefined;
      this.#lastBad = isBadValue(huffmanOutput.bytes, 0, decoded);
      return huffmanOutput.bytes.toString('latin1', 0, decoded);
    }
    this.#lastBad = isBadValue(this.#bytes, from, this.#at);
    if (length === 0) return '';
    if (own || this.#to - from > maxSharedText) return this.#bytes.toString('latin1', from, this.#at);
    // One text for all that stands in the block as it is: slices of it are much cheaper than strings of their own.
    if (this.#text === undefined) {
      this.#text = this.#bytes.toString('latin1', from, this.#to);
      this.#textFrom = from;
    }
    return this.#text.slice(from - this.#textFrom, this.#at - this.#textFrom);
  }

  #insert(name: FieldName, value: string, bad: boolean): void {
    const size = name.name.length + value.length + entryOverhead;
    this.#evict(size);
    if (size > this.#maxSize) return;
    const slot = this.#inserted & this.#mask;
    this.#names[slot] = name;
    this.#values[slot] = value;
    this.#bad[slot] = bad;
    this.#inserted++;
    this.#count++;
    this.#size += size;
  }

  /** Makes room for `size` more bytes. */
  #evict(size: number): void {
    while (this.#count > 0 && this.#size + size > this.#maxSize) {
      const slot = (this.#inserted - this.#count) & this.#mask;
      this.#size -=
        (this.#names[slot] as FieldName).name.length + (this.#values[slot] as string).length + entryOverhead;
      this.#names[slot] = noName;
      this.#values[slot] = '';
      this.#count--;
    }
  }
}

/** RFC 9113 §8.2.1: no control characters, and no white space at either end. */
function isBadValue(bytes: Buffer, from: number, to: number): boolean {
  if (from === to) return false;
  const first = bytes[from];
  const last = bytes[to - 1];
  if (first === SPACE || first === TAB || last === SPACE || last === TAB) return true;
  for (let at = from; at < to; at++) if (VALUE[bytes[at] as number] === 0) return true;
  return false;
}
