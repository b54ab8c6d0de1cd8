import { ErrorCode, Flag, FrameType, frameHeaderBytes, maxFramePayload } from './protocol.ts';

/** Who is told of frames. Nothing here is called any more once `dead` is true. */
export interface FrameSink {
  /** The connection has ended: what still comes is dropped. */
  readonly dead: boolean;
  /** A whole frame other than DATA; its payload stands in `bytes` and is not kept. */
  onFrame(type: number, flags: number, stream: number, bytes: Buffer, from: number, to: number): void;
  /** A DATA frame begins: `length` counts padding, too. Its data follows in pieces as it comes. */
  onDataHead(flags: number, stream: number, length: number): void;
  /** How much of the DATA frame is data; known once its padding is. */
  onDataLength(length: number): void;
  /** Never empty, and the receiver's to keep. `of` is the size of the memory that it is a part of; `last` that nothing follows in this frame. */
  onData(piece: Buffer, of: number, last: boolean): void;
  /** The frame is complete. `padding` bytes of it were no data. */
  onDataEnd(padding: number): void;
  /** The bytes are no frames any more: the connection must end. */
  onFramingError(code: number, reason: string): void;
}

/**
 * Cuts a stream of bytes into frames (RFC 9113 §4.1), however it was chunked. Frames are read where they stand; only
 * one that is spread over chunks is gathered, DATA never.
 */
export class FrameReader {
  readonly #sink: FrameSink;
  #carry: Buffer | undefined;
  #carried = 0;
  #needed = frameHeaderBytes;
  /** Of the DATA frame being read: bytes of data and of padding that are still to come. */
  #dataLeft = 0;
  #paddingLeft = 0;
  #padding = 0;
  #padLengthDue = false;
  #inData = false;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** A frame that is not DATA has begun and is not complete. */
  get partial(): boolean {
    return this.#carried > 0;
  }

  read(chunk: Buffer, from: number): void {
    const sink = this.#sink;
    const to = chunk.length;
    let at = from;
    while (at < to && !sink.dead) {
      if (this.#inData) at = this.#readData(chunk, at);
      else if (this.#carried > 0) at = this.#gather(chunk, at);
      else if (to - at < frameHeaderBytes) at = this.#gather(chunk, at);
      else {
        const length = ((chunk[at] as number) << 16) | ((chunk[at + 1] as number) << 8) | (chunk[at + 2] as number);
        if (chunk[at + 3] === FrameType.data || length > maxFramePayload) {
          this.#begin(chunk, at, length);
          at += frameHeaderBytes;
        } else if (to - at >= frameHeaderBytes + length) {
          this.#dispatch(chunk, at, length);
          at += frameHeaderBytes + length;
        } else at = this.#gather(chunk, at);
      }
    }
  }

  /** Takes bytes of a frame that is not there in one piece. */
  #gather(chunk: Buffer, from: number): number {
    const carry = this.#room(this.#needed);
    const count = Math.min(this.#needed - this.#carried, chunk.length - from);
    chunk.copy(carry, this.#carried, from, from + count);
    this.#carried += count;
    const at = from + count;
    if (this.#carried < this.#needed) return at;
    const length = ((carry[0] as number) << 16) | ((carry[1] as number) << 8) | (carry[2] as number);
    if (this.#needed === frameHeaderBytes) {
      if (carry[3] === FrameType.data || length > maxFramePayload) {
        this.#drop();
        this.#begin(carry, 0, length);
        return at;
      }
      if (length > 0) {
        this.#needed = frameHeaderBytes + length;
        return at;
      }
    }
    this.#drop();
    this.#dispatch(carry, 0, length);
    return at;
  }

  #room(size: number): Buffer {
    const carry = this.#carry;
    if (carry !== undefined && carry.length >= size) return carry;
    const next = Buffer.allocUnsafe(Math.max(size, 256));
    carry?.copy(next, 0, 0, this.#carried);
    this.#carry = next;
    return next;
  }

  /** An idle connection should hold nothing. */
  #drop(): void {
    this.#carry = undefined;
    this.#carried = 0;
    this.#needed = frameHeaderBytes;
  }

  #dispatch(bytes: Buffer, at: number, length: number): void {
    const from = at + frameHeaderBytes;
    this.#sink.onFrame(
      bytes[at + 3] as number,
      bytes[at + 4] as number,
      streamId(bytes, at),
      bytes,
      from,
      from + length,
    );
  }

  /** A frame of which only the header is looked at: DATA, or one that is too long. */
  #begin(bytes: Buffer, at: number, length: number): void {
    const sink = this.#sink;
    if (length > maxFramePayload) {
      sink.onFramingError(ErrorCode.frameSizeError, 'h2.frame-size');
      return;
    }
    const flags = bytes[at + 4] as number;
    this.#padding = 0;
    this.#paddingLeft = 0;
    this.#dataLeft = length;
    this.#padLengthDue = (flags & Flag.padded) !== 0;
    this.#inData = true;
    sink.onDataHead(flags, streamId(bytes, at), length);
    if (sink.dead) return;
    if (this.#padLengthDue && length === 0) sink.onFramingError(ErrorCode.frameSizeError, 'h2.frame-size');
    else if (!this.#padLengthDue) {
      sink.onDataLength(length);
      if (length === 0 && !sink.dead) this.#endData();
    }
  }

  #readData(chunk: Buffer, from: number): number {
    let at = from;
    if (this.#padLengthDue) {
      const padding = chunk[at++] as number;
      this.#padLengthDue = false;
      this.#dataLeft--;
      if (padding > this.#dataLeft) {
        this.#sink.onFramingError(ErrorCode.protocolError, 'h2.bad-padding');
        return at;
      }
      this.#padding = padding + 1;
      this.#paddingLeft = padding;
      this.#dataLeft -= padding;
      this.#sink.onDataLength(this.#dataLeft);
      if (this.#sink.dead) return at;
    }
    const data = Math.min(this.#dataLeft, chunk.length - at);
    if (data > 0) {
      this.#dataLeft -= data;
      const piece = at === 0 && data === chunk.length ? chunk : chunk.subarray(at, at + data);
      at += data;
      this.#sink.onData(piece, chunk.length, this.#dataLeft === 0 && this.#paddingLeft === 0);
      if (this.#sink.dead) return at;
    }
    const padding = Math.min(this.#paddingLeft, chunk.length - at);
    this.#paddingLeft -= padding;
    at += padding;
    if (this.#dataLeft === 0 && this.#paddingLeft === 0) this.#endData();
    return at;
  }

  #endData(): void {
    this.#inData = false;
    this.#sink.onDataEnd(this.#padding);
  }
}

function streamId(bytes: Buffer, at: number): number {
  return (
    (((bytes[at + 5] as number) & 0x7f) << 24) |
    ((bytes[at + 6] as number) << 16) |
    ((bytes[at + 7] as number) << 8) |
    (bytes[at + 8] as number)
  );
}
