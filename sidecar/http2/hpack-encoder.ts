import { SPACE, TAB } from '../http/characters.ts';
import { FieldKind, type FieldName, fieldKind } from '../http/field-names.ts';
import type { DroppedField } from '../http/field-policy.ts';
import type { Headers } from '../stream/headers.ts';
import type { OutBuffer } from './out-buffer.ts';
import { staticNames, staticTableSize, staticValues } from './static-table.ts';

/** How values of a name are written. */
const Mode = {
  /** Into the table, as long as its values repeat. */
  indexed: 0,
  /** The name from the table, the value as it is: it is another one for each message. */
  perMessage: 1,
  /** As `perMessage`, and no one after us may put it into a table either (RFC 7541 §7.1.3). */
  never: 2,
} as const;

const never = new Set(['authorization', 'proxy-authorization', 'cookie', 'set-cookie']);
const perMessage = new Set([
  'age',
  'content-length',
  'date',
  'etag',
  'expires',
  'grpc-timeout',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'last-modified',
  'traceparent',
  'tracestate',
  'b3',
  'x-b3-spanid',
  'x-b3-traceid',
  'x-envoy-expected-rq-timeout-ms',
  'x-envoy-upstream-service-time',
  'x-request-id',
]);

const BAD_NAME = /[^!#$%&'*+.^_`|~0-9a-z-]/;
const BAD_VALUE = /[^\t\x20-\x7e\x80-\xff]/;

const entryOverhead = 32;
/** No position: neither in the static table (below 0) nor in the dynamic one (from 0 on). */
const nowhere = Number.MIN_SAFE_INTEGER;
/** Names remembered for each connection. */
const maxNames = 512;
/** After so many insertions without a hit a name's values are taken for unique; one in {@link retryEvery} is tried again. */
const maxMisses = 8;
const retryEvery = 64;
/** Values up to this length are written by a loop, which is faster than a call. Bytes. */
const loopLimit = 16;

/** What the encoder of one connection knows of a name. */
interface EncodedName {
  readonly name: string;
  readonly mode: number;
  /** Written by the codec alone: a field of this name in a list is left out. */
  readonly reserved: boolean;
  /** Index in the static table, or 0. */
  readonly staticIndex: number;
  /** Positions by value in the static table (negated indexes) and in the dynamic one (n-th insertion). */
  readonly fixed: ReadonlyMap<string, number> | undefined;
  values: Map<string, number> | undefined;
  /** Where the name stood last in the dynamic table. */
  position: number;
  lastValue: string;
  lastPosition: number;
  /** Insertions since the last hit. */
  misses: number;
}

interface TableEntry {
  readonly name: EncodedName;
  readonly value: string;
}

/**
 * Encodes field blocks (RFC 7541) straight into an {@link OutBuffer}; one per connection. Strings are written as they
 * are: what does not repeat is mostly identifiers, of which Huffman's code saves 16 bytes in 55 and costs three times
 * the writing of them here, and ten times the reading of them there. Whoever set a field: no name
 * or value that HTTP forbids is ever written, nor a field of the connection.
 */
export class HpackEncoder {
  readonly #out: OutBuffer;
  readonly #onDropped: DroppedField | undefined;
  readonly #names = new Map<string, EncodedName>();
  /** A ring that grows to its size as it is filled; the n-th insertion stands at `n & mask`. */
  readonly #entries: (TableEntry | undefined)[] = [];
  readonly #mask: number;
  readonly #limit: number;
  #maxSize: number;
  #size = 0;
  #inserted = 0;
  #count = 0;
  /** A size update is due; the smallest size since the last block. */
  #smallest = -1;

  /** `tableSize` is the most that is used, whatever the peer allows (security.md L-29). */
  constructor(out: OutBuffer, tableSize: number, onDropped: DroppedField | undefined) {
    this.#out = out;
    this.#onDropped = onDropped;
    this.#limit = tableSize;
    // RFC 7541 §4.2: until the peer says otherwise it keeps 4,096 bytes.
    this.#maxSize = Math.min(tableSize, 4_096);
    let capacity = 4;
    while (capacity < tableSize / entryOverhead) capacity *= 2;
    this.#mask = capacity - 1;
  }

  /** The peer's `SETTINGS_HEADER_TABLE_SIZE`. */
  resize(size: number): void {
    const next = Math.min(size, this.#limit);
    if (next === this.#maxSize) return;
    this.#smallest = this.#smallest < 0 ? next : Math.min(this.#smallest, next);
    this.#maxSize = next;
    this.#evict(0);
  }

  /** To be called before the first field of each block. */
  begin(): void {
    if (this.#smallest < 0) return;
    this.#out.ensure(12);
    if (this.#smallest < this.#maxSize) this.#integer(0x20, 0x1f, this.#smallest);
    this.#integer(0x20, 0x1f, this.#maxSize);
    this.#smallest = -1;
  }

  /** Writes all fields of a message, without those of the connection. */
  fields(headers: Headers): void {
    const { names, values, neverIndexed } = headers;
    for (let i = 0; i < names.length; i++) {
      const name = names[i] as string;
      const known = this.#names.get(name) ?? this.#known(name);
      if (known.reserved) this.#onDropped?.('h2.unwritable-field', name);
      else this.#write(known, values[i] as string, neverIndexed?.includes(name) === true);
    }
  }

  /** Writes a field of the codec's own: pseudo-header fields, `content-length`, `expect`. */
  field(name: string, value: string): void {
    this.#write(this.#names.get(name) ?? this.#known(name), value, false);
  }

  #write(known: EncodedName, value: string, secret: boolean): void {
    if (known.mode === Mode.indexed && !secret) {
      if (known.lastValue === value && this.#lives(known.lastPosition)) {
        known.misses = 0;
        this.#indexed(known.lastPosition);
        return;
      }
      const position = known.values?.get(value) ?? known.fixed?.get(value);
      if (position !== undefined && this.#lives(position)) {
        known.misses = 0;
        known.lastValue = value;
        known.lastPosition = position;
        this.#indexed(position);
        return;
      }
    }
    if (BAD_VALUE.test(value) || isSpace(value, 0) || isSpace(value, value.length - 1)) {
      this.#onDropped?.('h2.unwritable-field', known.name);
      return;
    }
    this.#literal(known, value, secret);
  }

  #literal(known: EncodedName, value: string, secret: boolean): void {
    const { name, mode } = known;
    this.#out.ensure(name.length + value.length + 16);
    const nameIndex = known.staticIndex > 0 ? known.staticIndex : this.#dynamicIndex(known.position);
    const insert = !secret && this.#wanted(known, nameIndex, name.length + value.length + entryOverhead);
    if (insert) this.#integer(0x40, 0x3f, nameIndex);
    else this.#integer(mode === Mode.never || secret ? 0x10 : 0x00, 0x0f, nameIndex);
    if (nameIndex === 0) this.#string(name);
    this.#string(value);
    if (insert) this.#insert(known, value);
  }

  /** Whether this literal is to go into the table. */
  #wanted(known: EncodedName, nameIndex: number, size: number): boolean {
    if (known.mode === Mode.never || size > this.#maxSize / 4) return false;
    // The name alone is worth its place: every message will refer to it.
    if (known.mode === Mode.perMessage) return nameIndex === 0;
    known.misses++;
    return known.misses <= maxMisses || known.misses % retryEvery === 0;
  }

  /** Whether a position can be referred to. */
  #lives(position: number): boolean {
    return position >= 0 ? position >= this.#inserted - this.#count : position !== nowhere;
  }

  #dynamicIndex(position: number): number {
    return position >= 0 && this.#lives(position) ? staticTableSize + this.#inserted - position : 0;
  }

  #indexed(position: number): void {
    this.#out.ensure(5);
    this.#integer(0x80, 0x7f, position < 0 ? -position : staticTableSize + this.#inserted - position);
  }

  #integer(pattern: number, mask: number, value: number): void {
    const out = this.#out;
    const bytes = out.bytes;
    if (value < mask) {
      bytes[out.at++] = pattern | value;
      return;
    }
    bytes[out.at++] = pattern | mask;
    let rest = value - mask;
    while (rest >= 0x80) {
      bytes[out.at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    bytes[out.at++] = rest;
  }

  #string(text: string): void {
    const out = this.#out;
    const length = text.length;
    this.#integer(0, 0x7f, length);
    const bytes = out.bytes;
    const at = out.at;
    if (length <= loopLimit) for (let i = 0; i < length; i++) bytes[at + i] = text.charCodeAt(i);
    else bytes.write(text, at, length, 'latin1');
    out.at = at + length;
  }

  #insert(known: EncodedName, value: string): void {
    const size = known.name.length + value.length + entryOverhead;
    this.#evict(size);
    const position = this.#inserted++;
    this.#count++;
    this.#size += size;
    // A slice would keep the head that it was cut from.
    const own = value.length > 12 ? Buffer.from(value, 'latin1').toString('latin1') : value;
    this.#entries[position & this.#mask] = { name: known, value: own };
    if (known.mode === Mode.indexed) remember(known, own, position);
    known.position = position;
    known.lastValue = own;
    known.lastPosition = position;
  }

  /** Makes room for `size` more bytes. */
  #evict(size: number): void {
    while (this.#count > 0 && this.#size + size > this.#maxSize) {
      const oldest = this.#inserted - this.#count;
      const { name, value } = this.#entries[oldest & this.#mask] as TableEntry;
      this.#entries[oldest & this.#mask] = undefined;
      this.#size -= name.name.length + value.length + entryOverhead;
      this.#count--;
      if (name.values?.get(value) === oldest) name.values.delete(value);
    }
  }

  #known(name: string): EncodedName {
    const existing = this.#names.get(name);
    if (existing !== undefined) return existing;
    const known: EncodedName = {
      name,
      mode: never.has(name) ? Mode.never : perMessage.has(name) ? Mode.perMessage : Mode.indexed,
      reserved: isReserved(name),
      staticIndex: staticIndexes.get(name) ?? 0,
      fixed: staticPositions.get(name),
      values: undefined,
      position: nowhere,
      lastValue: '',
      lastPosition: nowhere,
      misses: 0,
    };
    if (this.#names.size < maxNames) this.#names.set(name, known);
    return known;
  }
}

const staticIndexes = new Map<string, number>();
const staticPositions = new Map<string, Map<string, number>>();
for (let index = staticTableSize; index > 0; index--) {
  const { name } = staticNames[index] as FieldName;
  const value = staticValues[index] as string;
  staticIndexes.set(name, index);
  if (value === '') continue;
  const positions = staticPositions.get(name) ?? new Map<string, number>();
  staticPositions.set(name, positions.set(value, -index));
}

/** White space at an end is part of no value (RFC 9113 §8.2.1). */
function isSpace(value: string, at: number): boolean {
  const code = value.charCodeAt(at);
  return code === SPACE || code === TAB;
}

function remember(known: EncodedName, value: string, position: number): void {
  known.values ??= new Map();
  known.values.set(value, position);
}

/** Whether a field of this name in a list must not be written: it is the codec's, the connection's, or none. */
function isReserved(name: string): boolean {
  const kind = fieldKind(name);
  const passes = kind === FieldKind.plain || kind === FieldKind.cookie || kind === FieldKind.te;
  return !passes || name === '' || BAD_NAME.test(name);
}
