import type { Transport } from '../stream/codec.ts';
import type { HpackEncoder } from './hpack-encoder.ts';
import { OutBuffer } from './out-buffer.ts';
import { connectionPreface, Flag, FrameType, frameHeaderBytes, maxFramePayload } from './protocol.ts';

/** Calls `flush` before the turn of the event loop is over; `net/write-turn.ts` is one. */
export interface TurnQueue {
  add(flushable: { flush(): void }): void;
}

/** Data up to this size is copied behind its frame header; above, it goes to the transport as it is. Bytes. */
const copyLimit = 8_192;

/** Encodes the frames of all streams of a connection into one buffer, which goes to the transport once a turn. */
export class FrameWriter {
  readonly #transport: Transport;
  readonly #turn: TurnQueue;
  readonly #owner: { flush(): void };
  #scheduled = false;
  readonly out = new OutBuffer();

  /** `owner` is flushed by the turn, and flushes this. */
  constructor(transport: Transport, turn: TurnQueue, owner: { flush(): void }) {
    this.#transport = transport;
    this.#turn = turn;
    this.#owner = owner;
  }

  /** Bytes that the transport has not been given yet. */
  get pending(): number {
    return this.out.pending;
  }

  /** Gives everything to the transport. */
  flush(): void {
    this.#scheduled = false;
    if (this.out.pending > 0) this.#transport.write(this.out.take());
  }

  preface(): void {
    this.#reserve(connectionPreface.length);
    this.out.bytes.set(connectionPreface, this.out.at);
    this.out.at += connectionPreface.length;
  }

  /** `settings` are pairs of identifier and value. */
  settings(settings: readonly (readonly [number, number])[]): void {
    this.#frame(settings.length * 6, FrameType.settings, 0, 0);
    const { bytes } = this.out;
    for (const [id, value] of settings) {
      bytes[this.out.at++] = id >> 8;
      bytes[this.out.at++] = id & 0xff;
      this.#word(value);
    }
  }

  settingsAck(): void {
    this.#frame(0, FrameType.settings, Flag.ack, 0);
  }

  /** The eight bytes of `payload` from `from` on. */
  ping(ack: boolean, payload: Buffer, from: number): void {
    this.#frame(8, FrameType.ping, ack ? Flag.ack : 0, 0);
    payload.copy(this.out.bytes, this.out.at, from, from + 8);
    this.out.at += 8;
  }

  goAway(lastStream: number, code: number): void {
    this.#frame(8, FrameType.goAway, 0, 0);
    this.#word(lastStream);
    this.#word(code);
  }

  reset(stream: number, code: number): void {
    this.#frame(4, FrameType.rstStream, 0, stream);
    this.#word(code);
  }

  windowUpdate(stream: number, increment: number): void {
    this.#frame(4, FrameType.windowUpdate, 0, stream);
    this.#word(increment);
  }

  /** Makes room for a frame header; the field block is to be encoded behind it. Returns what `endHeaders` needs. */
  beginHeaders(encoder: HpackEncoder): number {
    this.#reserve(frameHeaderBytes);
    const pending = this.out.pending;
    this.out.at += frameHeaderBytes;
    encoder.begin();
    return pending;
  }

  /** `pending` is what `beginHeaders` returned. */
  endHeaders(pending: number, stream: number, end: boolean): void {
    const { out } = this;
    const length = out.pending - pending - frameHeaderBytes;
    const flags = end ? Flag.endStream : 0;
    const start = out.at - length - frameHeaderBytes;
    if (length <= maxFramePayload)
      writeHeader(out.bytes, start, length, FrameType.headers, flags | Flag.endHeaders, stream);
    else this.#split(start, length, flags, stream);
  }

  /** A DATA frame of `chunk` from `from` to `to`, at most `maxFramePayload` bytes. */
  data(stream: number, chunk: Buffer, from: number, to: number, end: boolean): void {
    const length = to - from;
    const flags = end ? Flag.endStream : 0;
    if (length > copyLimit) {
      this.#frame(length, FrameType.data, flags, stream);
      this.#transport.write(this.out.take());
      this.#transport.write(from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to));
      return;
    }
    this.#reserve(frameHeaderBytes + length);
    const { out } = this;
    writeHeader(out.bytes, out.at, length, FrameType.data, flags, stream);
    out.at += frameHeaderBytes;
    if (length > 0) chunk.copy(out.bytes, out.at, from, to);
    out.at += length;
  }

  /** A block that is too large for one frame. Rare enough to be copied. */
  #split(start: number, length: number, flags: number, stream: number): void {
    const { out } = this;
    const block = Buffer.from(out.bytes.subarray(start + frameHeaderBytes, start + frameHeaderBytes + length));
    out.rewind(start);
    for (let from = 0; from < length; from += maxFramePayload) {
      const to = Math.min(length, from + maxFramePayload);
      const type = from === 0 ? FrameType.headers : FrameType.continuation;
      this.#frame(to - from, type, (from === 0 ? flags : 0) | (to === length ? Flag.endHeaders : 0), stream);
      block.copy(out.bytes, out.at, from, to);
      out.at += to - from;
    }
  }

  /** Writes a frame header and makes room for its payload, data of its own memory excepted. */
  #frame(length: number, type: number, flags: number, stream: number): void {
    this.#reserve(frameHeaderBytes + (type === FrameType.data ? 0 : length));
    writeHeader(this.out.bytes, this.out.at, length, type, flags, stream);
    this.out.at += frameHeaderBytes;
  }

  #reserve(count: number): void {
    this.out.ensure(count);
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#turn.add(this.#owner);
  }

  #word(value: number): void {
    const { bytes } = this.out;
    let { at } = this.out;
    bytes[at++] = value >>> 24;
    bytes[at++] = (value >>> 16) & 0xff;
    bytes[at++] = (value >>> 8) & 0xff;
    bytes[at++] = value & 0xff;
    this.out.at = at;
  }
}

function writeHeader(bytes: Buffer, at: number, length: number, type: number, flags: number, stream: number): void {
  bytes[at] = length >>> 16;
  bytes[at + 1] = (length >>> 8) & 0xff;
  bytes[at + 2] = length & 0xff;
  bytes[at + 3] = type;
  bytes[at + 4] = flags;
  bytes[at + 5] = stream >>> 24;
  bytes[at + 6] = (stream >>> 16) & 0xff;
  bytes[at + 7] = (stream >>> 8) & 0xff;
  bytes[at + 8] = stream & 0xff;
}
