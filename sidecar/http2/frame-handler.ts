import { Connection } from './connection.ts';
import { FrameReader, type FrameSink } from './frame-reader.ts';
import { ErrorCode, Flag, FrameType } from './protocol.ts';
import type { Stream } from './stream.ts';

const EMPTY = Buffer.alloc(0);

/** A connection that reads: what each frame of the peer means (RFC 9113 §5, §6). */
export abstract class FrameHandler extends Connection implements FrameSink {
  protected readonly reader = new FrameReader(this);
  /** The peer's first SETTINGS have come. */
  #greeted = false;
  /** The stream of the DATA frame being read, and whether it ends with it. */
  #data: Stream | undefined;
  #dataEnds = false;

  /** The peer has reset a stream, which is off the connection already. */
  protected abstract onReset(stream: Stream, code: number): void;
  protected abstract onGoAway(lastStream: number, code: number): void;
  protected abstract onPong(payload: Buffer, at: number): void;
  /** The peer's settings have come, and hold. */
  protected abstract onSettings(): void;
  /** Whether data may come on a stream that is open. */
  protected abstract takesData(stream: Stream): boolean;

  onFramingError(code: number, reason: string): void {
    this.fail(code, reason);
  }

  onFrame(type: number, flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    if (this.blocks.stream !== 0) {
      if (type === FrameType.continuation && id === this.blocks.stream) this.blocks.add(flags, bytes, from, to);
      else this.fail(ErrorCode.protocolError, 'h2.unexpected-frame');
      return;
    }
    if (!this.#greeted) {
      if (type !== FrameType.settings || (flags & Flag.ack) !== 0) {
        this.fail(ErrorCode.protocolError, 'h2.bad-preface');
        return;
      }
      this.#greeted = true;
    }
    switch (type) {
      case FrameType.headers:
        this.blocks.begin(flags, id, bytes, from, to);
        break;
      case FrameType.windowUpdate:
        this.#onWindowUpdate(id, bytes, from, to);
        break;
      case FrameType.rstStream:
        this.#onRstStream(id, bytes, from, to);
        break;
      case FrameType.settings:
        this.#onSettings(flags, id, bytes, from, to);
        break;
      case FrameType.ping:
        this.#onPing(flags, id, bytes, from, to);
        break;
      case FrameType.goAway:
        if (id !== 0) this.fail(ErrorCode.protocolError, 'h2.unexpected-frame');
        else if (to - from < 8) this.fail(ErrorCode.frameSizeError, 'h2.frame-size');
        else if (!this.stopIf(this.guard.onControl())) {
          this.onGoAway(bytes.readUInt32BE(from) & 0x7fff_ffff, bytes.readUInt32BE(from + 4));
        }
        break;
      case FrameType.priority:
        this.#onPriority(id, bytes, from, to);
        break;
      case FrameType.pushPromise:
        this.fail(ErrorCode.protocolError, 'h2.push-promise');
        break;
      case FrameType.continuation:
        this.fail(ErrorCode.protocolError, 'h2.unexpected-frame');
        break;
      default:
        this.stopIf(this.guard.onIdleFrame());
    }
  }

  onDataHead(flags: number, id: number, length: number): void {
    this.#data = undefined;
    this.#dataEnds = (flags & Flag.endStream) !== 0;
    if (this.blocks.stream !== 0 || id === 0 || !this.#greeted) {
      this.fail(ErrorCode.protocolError, this.#greeted ? 'h2.unexpected-frame' : 'h2.bad-preface');
    } else if (this.stopIf(this.guard.onContent(length === 0 && !this.#dataEnds))) return;
    else if (!this.inbound.claim(length)) this.fail(ErrorCode.flowControlError, 'h2.window-exceeded');
    else {
      const stream = this.streams.get(id);
      if (stream === undefined || stream.remoteEnded) {
        this.#onLateFrame(id);
        return;
      }
      stream.receiveWindow -= length;
      if (stream.receiveWindow < 0) this.streamError(id, ErrorCode.flowControlError, 'h2.stream-window-exceeded');
      else if (!this.takesData(stream)) this.streamError(id, ErrorCode.protocolError, 'h2.unexpected-frame');
      else this.#data = stream;
    }
  }

  onDataLength(length: number): void {
    const stream = this.#data;
    if (stream === undefined || stream.bodyLeft < 0) return;
    stream.bodyLeft -= length;
    if (stream.bodyLeft < 0 || (this.#dataEnds && stream.bodyLeft > 0)) {
      this.streamError(stream.id, ErrorCode.protocolError, 'h2.content-length-mismatch');
    }
  }

  onData(piece: Buffer, of: number, last: boolean): void {
    const stream = this.#data;
    if (stream === undefined || stream.done) return;
    const end = last && this.#dataEnds;
    if (end) stream.remoteEnded = true;
    this.inbound.receive(stream, piece, of, end);
  }

  onDataEnd(padding: number): void {
    const stream = this.#data;
    this.#data = undefined;
    if (stream === undefined || stream.done) return;
    if (padding > 0) this.inbound.giveBack(stream, padding);
    if (!this.#dataEnds || stream.remoteEnded) return;
    stream.remoteEnded = true;
    this.inbound.receive(stream, EMPTY, 0, true);
  }

  /** A frame for a stream that is not open. */
  #onLateFrame(id: number): void {
    if (this.isIdle(id)) this.fail(ErrorCode.protocolError, 'h2.idle-stream');
    else if (this.closed.hasEnded(id) || this.streams.has(id)) {
      this.streamError(id, ErrorCode.streamClosed, 'h2.stream-closed');
    } else if (!this.closed.wasReset(id)) this.stopIf(this.guard.onIdleFrame());
  }

  /** Whether a stream was never opened. */
  protected isIdle(id: number): boolean {
    return id > this.lastStream || (id & 1) === 0;
  }

  /** Trailers of a stream that is open. */
  protected onTrailers(stream: Stream, end: boolean): void {
    const { section } = this;
    if (!end) this.streamError(stream.id, ErrorCode.protocolError, 'h2.trailers-without-end');
    else if (section.malformed !== '') this.streamError(stream.id, ErrorCode.protocolError, section.malformed);
    else if (section.refused !== '') this.streamError(stream.id, ErrorCode.enhanceYourCalm, section.refused);
    else if (stream.bodyLeft > 0) this.streamError(stream.id, ErrorCode.protocolError, 'h2.content-length-mismatch');
    else {
      stream.remoteEnded = true;
      this.inbound.receiveTrailers(stream, section.headers);
    }
  }

  #onWindowUpdate(id: number, bytes: Buffer, from: number, to: number): void {
    if (to - from !== 4) {
      this.fail(ErrorCode.frameSizeError, 'h2.frame-size');
      return;
    }
    if (this.stopIf(this.guard.onWindowUpdate())) return;
    const increment = bytes.readUInt32BE(from) & 0x7fff_ffff;
    if (id === 0) {
      if (increment === 0) this.fail(ErrorCode.protocolError, 'h2.window-overflow');
      else if (!this.outbound.widen(increment)) this.fail(ErrorCode.flowControlError, 'h2.window-overflow');
      return;
    }
    const stream = this.streams.get(id);
    // One that has ended may still be spoken of (RFC 9113 §5.1).
    if (stream === undefined) {
      if (this.isIdle(id)) this.fail(ErrorCode.protocolError, 'h2.idle-stream');
    } else if (increment === 0) this.streamError(id, ErrorCode.protocolError, 'h2.stream-window-overflow');
    else if (!this.outbound.widenStream(stream, increment)) {
      this.streamError(id, ErrorCode.flowControlError, 'h2.stream-window-overflow');
    } else this.outbound.pump();
  }

  #onRstStream(id: number, bytes: Buffer, from: number, to: number): void {
    if (to - from !== 4) this.fail(ErrorCode.frameSizeError, 'h2.frame-size');
    else if (id === 0 || this.isIdle(id)) this.fail(ErrorCode.protocolError, 'h2.idle-stream');
    else {
      const stream = this.streams.get(id);
      if (stream !== undefined) {
        const code = bytes.readUInt32BE(from);
        this.remove(stream, false);
        this.onReset(stream, code);
      } else this.stopIf(this.guard.onIdleFrame());
    }
  }

  #onSettings(flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    const length = to - from;
    const ack = (flags & Flag.ack) !== 0;
    if (id !== 0) this.fail(ErrorCode.protocolError, 'h2.unexpected-frame');
    else if (ack ? length !== 0 : length % 6 !== 0) this.fail(ErrorCode.frameSizeError, 'h2.frame-size');
    else if (this.stopIf(this.guard.onControl())) return;
    else if (ack) this.#onSettingsAck();
    else {
      const before = this.peer.initialWindowBytes;
      if (!this.peer.apply(bytes, from, to, this.isClient)) {
        this.fail(this.peer.error, 'h2.bad-settings');
        return;
      }
      this.encoder.resize(this.peer.headerTableSize);
      const grown = this.peer.initialWindowBytes - before;
      if (grown !== 0) {
        for (const stream of this.streams.values()) {
          if (this.outbound.widenStream(stream, grown)) continue;
          this.fail(ErrorCode.flowControlError, 'h2.window-overflow');
          return;
        }
      }
      this.writer.settingsAck();
      if (this.stopIf(this.onReply())) return;
      this.onSettings();
      if (grown > 0) this.outbound.pump();
    }
  }

  #onSettingsAck(): void {
    if (this.settled) return;
    this.settled = true;
    // Now the peer goes by what we have said.
    const less = this.streamReceiveWindow - this.limits.streamWindowBytes;
    this.streamReceiveWindow = this.limits.streamWindowBytes;
    if (less > 0) for (const stream of this.streams.values()) stream.receiveWindow -= less;
  }

  #onPing(flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    if (id !== 0) this.fail(ErrorCode.protocolError, 'h2.unexpected-frame');
    else if (to - from !== 8) this.fail(ErrorCode.frameSizeError, 'h2.frame-size');
    else if ((flags & Flag.ack) !== 0) this.onPong(bytes, from);
    else if (!this.stopIf(this.guard.onControl())) {
      this.writer.ping(true, bytes, from);
      this.stopIf(this.onReply());
    }
  }

  /** RFC 9113 §5.3 has done away with priorities; the frame is still looked at, and passed over. */
  #onPriority(id: number, bytes: Buffer, from: number, to: number): void {
    if (id === 0) this.fail(ErrorCode.protocolError, 'h2.unexpected-frame');
    else if (to - from !== 5) this.fail(ErrorCode.frameSizeError, 'h2.frame-size');
    else if ((bytes.readUInt32BE(from) & 0x7fff_ffff) === id) this.fail(ErrorCode.protocolError, 'h2.bad-priority');
    else this.stopIf(this.guard.onIdleFrame());
  }
}
