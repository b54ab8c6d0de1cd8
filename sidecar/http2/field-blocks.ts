import type { FieldSection } from './field-section.ts';
import type { FloodGuard } from './flood-guard.ts';
import { HpackDecoder, HpackResult } from './hpack-decoder.ts';
import type { Http2Limits } from './limits.ts';
import { ErrorCode, Flag } from './protocol.ts';

/** RFC 7541's default, and what is used of it in both directions (security.md L-29). Bytes. */
export const tableBytes = 4_096;

/** What is asked of the connection whose blocks these are. */
export interface BlockOwner {
  /** One of `SectionKind` for a block of this stream. */
  sectionKind(stream: number): number;
  /** A block is complete, and decoded into the section. */
  onFields(stream: number, end: boolean): void;
  fail(code: number, reason: string): void;
}

/** Puts field blocks together from HEADERS and CONTINUATION frames (RFC 9113 §4.3, §6.2, §6.10) and decodes them. */
export class FieldBlocks {
  readonly #section: FieldSection;
  readonly #guard: FloodGuard;
  readonly #limits: Http2Limits;
  readonly #owner: BlockOwner;
  readonly #decoder = new HpackDecoder(tableBytes);
  /** The stream whose block is not complete; 0 for none. */
  stream = 0;
  #end = false;
  #pieces: Buffer[] = [];
  #bytes = 0;

  constructor(section: FieldSection, guard: FloodGuard, limits: Http2Limits, owner: BlockOwner) {
    this.#section = section;
    this.#guard = guard;
    this.#limits = limits;
    this.#owner = owner;
  }

  /** A HEADERS frame. */
  begin(flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    let start = from;
    let end = to;
    if ((flags & Flag.padded) !== 0 && from < to) end -= bytes[start++] as number;
    if ((flags & Flag.priority) !== 0) start += 5;
    const ends = (flags & Flag.endStream) !== 0;
    if (id === 0) this.#owner.fail(ErrorCode.protocolError, 'h2.unexpected-frame');
    else if (start > to || ((flags & Flag.padded) !== 0 && from === to))
      this.#owner.fail(ErrorCode.frameSizeError, 'h2.frame-size');
    else if (start > end) this.#owner.fail(ErrorCode.protocolError, 'h2.bad-padding');
    else if ((flags & Flag.priority) !== 0 && (bytes.readUInt32BE(start - 5) & 0x7fff_ffff) === id) {
      this.#owner.fail(ErrorCode.protocolError, 'h2.bad-priority');
    } else if ((flags & Flag.endHeaders) !== 0) this.#decode(id, ends, bytes, start, end);
    else if (!this.#isFlood(start === end)) {
      this.stream = id;
      this.#end = ends;
      this.#pieces = [Buffer.from(bytes.subarray(start, end))];
      this.#bytes = end - start;
    }
  }

  /** A CONTINUATION frame of the block that has begun. */
  add(flags: number, bytes: Buffer, from: number, to: number): void {
    this.#bytes += to - from;
    if (this.#bytes > this.#limits.maxBlockBytes || this.#pieces.length > this.#limits.maxContinuations) {
      this.#owner.fail(ErrorCode.enhanceYourCalm, 'h2.too-many-continuations');
      return;
    }
    const last = (flags & Flag.endHeaders) !== 0;
    if (!last && this.#isFlood(from === to)) return;
    this.#pieces.push(Buffer.from(bytes.subarray(from, to)));
    if (!last) return;
    const block = Buffer.concat(this.#pieces);
    const id = this.stream;
    this.#pieces = [];
    this.stream = 0;
    this.#decode(id, this.#end, block, 0, block.length);
  }

  #isFlood(empty: boolean): boolean {
    const reason = this.#guard.onContent(empty);
    if (reason !== '') this.#owner.fail(ErrorCode.enhanceYourCalm, reason);
    return reason !== '';
  }

  #decode(id: number, end: boolean, bytes: Buffer, from: number, to: number): void {
    const section = this.#section;
    section.begin(this.#owner.sectionKind(id));
    const result = this.#decoder.decode(bytes, from, to, section);
    if (result === HpackResult.broken) this.#owner.fail(ErrorCode.compressionError, 'h2.compression-error');
    else if (result === HpackResult.tooLarge) {
      this.#owner.fail(ErrorCode.enhanceYourCalm, 'h2.decoded-fields-too-large');
    } else {
      section.finish();
      this.#owner.onFields(id, end);
    }
    section.release();
  }
}
