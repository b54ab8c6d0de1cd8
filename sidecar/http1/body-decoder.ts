import { CR, HEX, LF, SEMICOLON, VALUE } from '../http/characters.ts';
import type { DroppedField } from '../http/field-policy.ts';
import { isForbiddenTrailer } from '../http/trailer-names.ts';
import { Headers } from '../stream/headers.ts';
import { CollectorEvent, HeadCollector } from './head-collector.ts';
import type { Http1Limits } from './limits.ts';
import { MessageFields } from './message-fields.ts';
import { scanFieldLines, scanReasons } from './scan-field-lines.ts';

/** How a message says where it ends. */
export const BodyMode = { none: 0, length: 1, chunked: 2, untilClose: 3 } as const;

const State = { size: 0, extension: 1, sizeLf: 2, data: 3, dataCr: 4, dataLf: 5, trailers: 6, rest: 7 } as const;

const MAX_SIZE_DIGITS = 16;

/**
 * Takes a message body out of the byte stream, a step at a time: after each step `data`, `trailers`, `ended` and
 * `error` say what came of it. One object per connection, used again for each body.
 */
export class BodyDecoder {
  readonly #limits: Http1Limits;
  readonly #onDropped: DroppedField | undefined;
  readonly #collector = new HeadCollector();
  #fields: MessageFields | undefined;
  #chunked = false;
  #state: number = State.size;
  /** Bytes left of the body (by length) or of the chunk. */
  #left = 0;
  #digits = 0;
  #extensionBytes = 0;
  /** The last byte of the extension so far. */
  #extensionEnd = 0;
  /** A piece of the body, a view on the bytes given. */
  data: Buffer | undefined;
  trailers: Headers | undefined;
  ended = false;
  /** The stable reason, when the body is malformed. */
  error: string | undefined;

  constructor(limits: Http1Limits, onDropped: DroppedField | undefined) {
    this.#limits = limits;
    this.#onDropped = onDropped;
  }

  /** Starts a body; `length` counts in mode `length` only. */
  start(mode: number, length: number): void {
    this.#state = mode === BodyMode.chunked ? State.size : mode === BodyMode.length ? State.data : State.rest;
    this.#chunked = mode === BodyMode.chunked;
    this.#left = mode === BodyMode.chunked ? 0 : length;
    this.#digits = 0;
    this.#extensionBytes = 0;
    this.ended = false;
    this.error = undefined;
  }

  /** Reads from offset `from` (there is at least one byte) and returns the offset behind what it used. */
  step(bytes: Buffer, from: number): number {
    this.data = undefined;
    this.trailers = undefined;
    let at = from;
    while (at < bytes.length && !this.ended && this.error === undefined && this.data === undefined) {
      switch (this.#state) {
        case State.data:
          at = this.#readData(bytes, at);
          break;
        case State.rest:
          this.data = at === 0 ? bytes : bytes.subarray(at);
          at = bytes.length;
          break;
        case State.size:
          at = this.#readSize(bytes, at);
          break;
        case State.extension:
          at = this.#readExtension(bytes, at);
          break;
        case State.trailers:
          at = this.#readTrailers(bytes, at);
          break;
        default:
          at = this.#readLineEnd(bytes, at);
      }
    }
    return at;
  }

  #readData(bytes: Buffer, from: number): number {
    const to = Math.min(bytes.length, from + this.#left);
    this.data = from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to);
    this.#left -= to - from;
    if (this.#left > 0) return to;
    if (!this.#chunked) {
      this.ended = true;
      return to;
    }
    // The usual last chunk: its data, CRLF, 0, CRLF, CRLF in one piece, delivered as one.
    if (
      bytes.length - to >= 7 &&
      bytes[to] === CR &&
      bytes[to + 1] === LF &&
      bytes[to + 2] === 0x30 &&
      bytes[to + 3] === CR &&
      bytes[to + 4] === LF &&
      bytes[to + 5] === CR &&
      bytes[to + 6] === LF
    ) {
      this.ended = true;
      return to + 7;
    }
    this.#state = State.dataCr;
    return to;
  }

  #readSize(bytes: Buffer, from: number): number {
    let at = from;
    for (; at < bytes.length; at++) {
      const byte = bytes[at] as number;
      const digit = HEX[byte] as number;
      if (digit <= 15) {
        this.#left = this.#left * 16 + digit;
        if (++this.#digits > MAX_SIZE_DIGITS || this.#left > Number.MAX_SAFE_INTEGER)
          return this.#fail('h1.bad-chunk-size', at);
      } else if (this.#digits === 0) return this.#fail('h1.bad-chunk-size', at);
      else if (byte === CR) {
        this.#state = State.sizeLf;
        return at + 1;
      } else if (byte === SEMICOLON) {
        this.#state = State.extension;
        return at;
      } else return this.#fail('h1.bad-chunk-size', at);
    }
    return at;
  }

  #readExtension(bytes: Buffer, from: number): number {
    let at = from;
    for (; at < bytes.length; at++) {
      const byte = bytes[at] as number;
      if (byte === CR) {
        if (this.#extensionEnd === SEMICOLON) return this.#fail('h1.bad-chunk-extension', at);
        this.#state = State.sizeLf;
        return at + 1;
      }
      if (VALUE[byte] !== 1) return this.#fail('h1.bad-chunk-extension', at);
      this.#extensionEnd = byte;
      if (++this.#extensionBytes > this.#limits.maxChunkExtensionBytes) {
        return this.#fail('h1.chunk-extensions-too-large', at);
      }
    }
    return at;
  }

  #readLineEnd(bytes: Buffer, at: number): number {
    const byte = bytes[at] as number;
    switch (this.#state) {
      case State.sizeLf:
        if (byte !== LF) return this.#fail('h1.bad-chunk-size', at);
        this.#digits = 0;
        if (this.#left > 0) this.#state = State.data;
        else {
          this.#state = State.trailers;
          this.#collector.begin(0, this.#limits.maxTrailerBytes, false);
        }
        return at + 1;
      case State.dataCr:
        if (byte !== CR) return this.#fail('h1.bad-chunk-end', at);
        this.#state = State.dataLf;
        return at + 1;
      default:
        if (byte !== LF) return this.#fail('h1.bad-chunk-end', at);
        this.#state = State.size;
        return at + 1;
    }
  }

  #readTrailers(bytes: Buffer, from: number): number {
    const to = this.#collector.take(bytes, from);
    if (this.#collector.event !== CollectorEvent.judge) return to;
    const section = this.#collector.bytes;
    const count = scanFieldLines(section, 0, section.length);
    if (this.#collector.tooLong) return this.#fail('h1.trailers-too-large', to);
    if (count < 0) return this.#fail(scanReasons[-count] as string, to);
    if (count > 0) {
      this.#fields ??= new MessageFields(this.#limits, 'drop', this.#onDropped);
      const reason =
        this.#fields.read(section, section.toString('latin1', 0, section.length), 0, count) ??
        this.#judgeTrailers(this.#fields);
      if (reason !== undefined) return this.#fail(reason, to);
    }
    this.#collector.end();
    this.ended = true;
    return to;
  }

  /** H1-14: framing names are an attack; names that change meaning too late are left out. */
  #judgeTrailers(fields: MessageFields): string | undefined {
    if (fields.hosts + fields.contentLengths + fields.transferEncodings > 0) return 'h1.framing-trailer';
    const kept = new Headers();
    const { names, rawNames, values } = fields.headers;
    for (let i = 0; i < names.length; i++) {
      const name = names[i] as string;
      if (isForbiddenTrailer(name)) this.#onDropped?.('h1.forbidden-trailer', name);
      else kept.appendRaw(name, rawNames[i] as string, values[i] as string);
    }
    if (kept.size > 0) this.trailers = kept;
    return undefined;
  }

  #fail(reason: string, at: number): number {
    this.error = reason;
    this.#collector.end();
    return at;
  }
}
