import { CR, LF, SPACE, TAB } from '../http/characters.ts';

/** What a {@link HeadCollector} has found. */
export const CollectorEvent = {
  /** Everything is taken; more bytes are needed. */
  none: 0,
  /** The start line is complete and can be judged. */
  startLine: 1,
  /** The section is complete, or has a byte that no section may have, or is too long: it can be judged. */
  judge: 2,
} as const;

const FIRST_SIZE = 1_024;

/**
 * Gathers a field section that comes in pieces, each byte looked at once. It stops at the first byte at which the
 * section can be judged, so that the judgement does not depend on how the bytes were cut.
 */
export class HeadCollector {
  #buffer: Buffer | undefined;
  #length = 0;
  #lineLength = 0;
  #previous = 0;
  #startLineSeen = true;
  #leadingLine = false;
  #maxStartLine = 0;
  #maxBytes = 0;
  active = false;
  event: number = CollectorEvent.none;
  /** Whether it was stopped by a limit. */
  tooLong = false;

  /**
   * Starts a section. `maxStartLine` 0 means that it has no start line (trailers).
   * `leadingLine` allows one empty line before the start line.
   */
  begin(maxStartLine: number, maxBytes: number, leadingLine: boolean): void {
    this.active = true;
    this.#buffer ??= Buffer.allocUnsafe(FIRST_SIZE);
    this.#length = 0;
    this.#lineLength = 0;
    this.#previous = 0;
    this.#startLineSeen = maxStartLine === 0;
    this.#leadingLine = leadingLine;
    this.#maxStartLine = maxStartLine;
    this.#maxBytes = maxStartLine + maxBytes;
    this.tooLong = false;
  }

  /** What was gathered. Valid until `begin` or `end`. */
  get bytes(): Buffer {
    return (this.#buffer as Buffer).subarray(0, this.#length);
  }

  /** Whether nothing has come but the empty line that may precede a start line. */
  get blank(): boolean {
    return !this.active || (!this.#startLineSeen && this.#lineLength === 0);
  }

  /** Whether what was gathered begins as a HEAD request, however malformed the rest of it is. */
  get beginsWithHead(): boolean {
    return this.active && /^(?:\r\n)?HEAD /.test(this.bytes.toString('latin1', 0, 7));
  }

  /** Whether the start line is complete. */
  get startLineSeen(): boolean {
    return this.#startLineSeen;
  }

  /** Forgets the section and gives its memory back. */
  end(): void {
    this.active = false;
    this.#buffer = undefined;
    this.#length = 0;
  }

  /** Takes bytes from offset `from` on, up to the point at which something can be judged; returns that offset. */
  take(chunk: Buffer, from: number): number {
    this.event = CollectorEvent.none;
    let at = from;
    let previous = this.#previous;
    while (at < chunk.length && this.event === CollectorEvent.none) {
      const byte = chunk[at++] as number;
      this.#lineLength++;
      if (byte === LF) this.#endLine(previous);
      else if (previous === CR || (byte < SPACE && byte !== CR && byte !== TAB) || byte === 0x7f) {
        this.event = CollectorEvent.judge;
      } else this.#checkLength(this.#length + at - from, byte);
      previous = byte;
    }
    this.#previous = previous;
    this.#append(chunk, from, at);
    return at;
  }

  #endLine(previous: number): void {
    const empty = this.#lineLength === 2;
    this.#lineLength = 0;
    if (previous !== CR) this.event = CollectorEvent.judge;
    else if (empty) {
      if (this.#leadingLine) this.#leadingLine = false;
      else this.event = CollectorEvent.judge;
    } else if (!this.#startLineSeen) {
      this.#startLineSeen = true;
      this.event = CollectorEvent.startLine;
    }
    this.#leadingLine = false;
  }

  #checkLength(length: number, byte: number): void {
    const startLineTooLong = !this.#startLineSeen && this.#lineLength > this.#maxStartLine && byte !== CR;
    if (!startLineTooLong && length <= this.#maxBytes) return;
    this.tooLong = true;
    this.event = CollectorEvent.judge;
  }

  #append(chunk: Buffer, from: number, to: number): void {
    const length = this.#length + to - from;
    let buffer = this.#buffer as Buffer;
    if (length > buffer.length) {
      buffer = Buffer.allocUnsafe(Math.max(length, buffer.length * 2));
      (this.#buffer as Buffer).copy(buffer, 0, 0, this.#length);
      this.#buffer = buffer;
    }
    chunk.copy(buffer, this.#length, from, to);
    this.#length = length;
  }
}
