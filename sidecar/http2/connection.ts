import { type Clock, systemClock } from '../../lib/clock.ts';
import type { TimerWheel } from '../../lib/timer-wheel.ts';
import type { DroppedField } from '../http/field-policy.ts';
import type { ResetReason, Transport } from '../stream/codec.ts';
import type { Headers } from '../stream/headers.ts';
import { ClosedStreams } from './closed-streams.ts';
import { DataReceiver, type ReceiverOwner } from './data-receiver.ts';
import { DataSender, type SenderOwner } from './data-sender.ts';
import { type BlockOwner, FieldBlocks, tableBytes } from './field-blocks.ts';
import type { FieldSection } from './field-section.ts';
import { FloodGuard } from './flood-guard.ts';
import { FrameWriter, type TurnQueue } from './frame-writer.ts';
import { HpackEncoder } from './hpack-encoder.ts';
import { KeepAlive, type KeepAliveOptions } from './keep-alive.ts';
import type { Http2Limits } from './limits.ts';
import { PeerSettings } from './peer-settings.ts';
import { defaultWindow, ErrorCode, Setting } from './protocol.ts';
import type { Stream } from './stream.ts';
import { StreamTable } from './stream-table.ts';

/** How often stalled streams and unacknowledged SETTINGS are looked at; three looks make a flush time-out. */
const looksPerTimeout = 3;
/** Larger pieces were not read from a socket. Bytes. */
const ownersPiece = 65_536;
const keepAlivePayload = Buffer.from('heddle?\0', 'latin1');
/** What a drain sends after its first GOAWAY: its answer shows that the peer has seen that. */
export const drainPayload: Buffer = Buffer.from('drained?', 'latin1');

/** What both sides are made with. */
export interface ConnectionOptions {
  readonly wheel: TimerWheel;
  /** Flushes the connection once a turn. */
  readonly turn: TurnQueue;
  /** Counts fields that were left out of a message. */
  readonly onDropped?: DroppedField | undefined;
  /** For rates. Default: the system's clock. */
  readonly clock?: Clock | undefined;
  /** Default: none. */
  readonly keepAlive?: KeepAliveOptions | undefined;
}

/** What both sides of HTTP/2 have in common: frames, windows, settings, floods, and the end of a connection. */
export abstract class Connection implements BlockOwner, SenderOwner, ReceiverOwner {
  readonly transport: Transport;
  readonly limits: Http2Limits;
  readonly onDropped: DroppedField | undefined;
  readonly peer = new PeerSettings();
  readonly writer: FrameWriter;
  readonly encoder: HpackEncoder;
  readonly outbound: DataSender;
  readonly inbound: DataReceiver;
  /** What a peer may send on a new stream; until it knows our settings it goes by RFC 9113's default. */
  streamReceiveWindow: number;
  /** The connection has ended: nothing is read or written any more. */
  dead = false;
  /** The peer has acknowledged our settings. */
  protected settled = false;
  heldBytes = 0;
  protected readonly clock: Clock;
  protected readonly guard: FloodGuard;
  protected readonly section: FieldSection;
  protected readonly streams = new StreamTable<Stream>();
  protected readonly closed = new ClosedStreams();
  /** The highest stream that the peer may speak of. */
  protected lastStream = 0;
  protected readonly blocks: FieldBlocks;
  protected readonly keepAlive: KeepAlive | undefined;
  readonly #look: ReturnType<TimerWheel['timer']>;
  readonly #lookMs: number;
  #settingsLooks = 0;
  #replies = 0;

  constructor(transport: Transport, limits: Http2Limits, section: FieldSection, options: ConnectionOptions) {
    this.transport = transport;
    this.limits = limits;
    this.section = section;
    this.onDropped = options.onDropped;
    this.clock = options.clock ?? systemClock;
    this.guard = new FloodGuard(limits, this.clock);
    this.writer = new FrameWriter(transport, options.turn, this);
    this.encoder = new HpackEncoder(this.writer.out, tableBytes, options.onDropped);
    this.outbound = new DataSender(transport, this.writer, this.guard, this, limits.highWatermark);
    this.inbound = new DataReceiver(this.writer, limits, this);
    this.blocks = new FieldBlocks(section, this.guard, limits, this);
    this.streamReceiveWindow = Math.max(limits.streamWindowBytes, defaultWindow);
    this.#lookMs = limits.flushTimeoutMs / looksPerTimeout;
    this.#look = options.wheel.timer(() => this.#lookAround());
    this.#look.start(this.#lookMs);
    if (options.keepAlive !== undefined && options.keepAlive.intervalMs > 0) {
      this.keepAlive = new KeepAlive(
        options.keepAlive,
        options.wheel,
        () => this.writer.ping(false, keepAlivePayload, 0),
        () => this.fail(ErrorCode.noError, 'h2.keep-alive-timeout'),
      );
    }
  }

  get activeStreams(): number {
    return this.streams.size;
  }

  /** Called by the turn. */
  flush(): void {
    this.writer.flush();
    if (!this.dead) this.outbound.pump();
    this.writer.flush();
    if (this.streams.size === 0) this.writer.out.release();
  }

  onDrain(): void {
    this.#replies = 0;
    if (!this.dead) this.outbound.pump();
  }

  abstract onFields(stream: number, end: boolean): void;
  abstract sectionKind(stream: number): number;
  /** Whether we opened this connection. */
  protected abstract readonly isClient: boolean;
  abstract onLocalEnd(stream: Stream): void;
  abstract onDelivered(stream: Stream): void;
  /** The stream's owner gives it up. */
  abstract resetByOwner(stream: Stream, reason: ResetReason): void;
  /** Ends the connection because of the peer: GOAWAY with `code`, and every stream is reset with `reason`. */
  abstract fail(code: number, reason: string): void;
  /** Tells of a stream that ended because of what the peer sent. */
  protected abstract onStreamError(stream: Stream | undefined, reason: string): void;

  /** Writes a field section that ends our message. */
  writeTrailers(stream: Stream, trailers: Headers): void {
    const start = this.writer.beginHeaders(this.encoder);
    this.encoder.fields(trailers);
    this.writer.endHeaders(start, stream.id, true);
  }

  hold(stream: Stream, bytes: number): boolean {
    this.heldBytes += bytes;
    // What an owner gives in one great piece is its own memory, whether it waits here or there.
    if (bytes <= 0 || bytes > ownersPiece || this.heldBytes <= this.limits.maxSessionBytes) return true;
    this.abort(stream, ErrorCode.enhanceYourCalm, 'local-reset', 'h2.session-memory');
    return false;
  }

  /** Resets a stream and tells its receiver why. */
  protected abort(stream: Stream, code: number, why: ResetReason, detail: string): void {
    if (stream.done) return;
    this.writer.reset(stream.id, code);
    this.remove(stream, true);
    this.tellReset(stream, why, detail);
  }

  /** Tells a receiver that its message ends before its time. A response that is whole is not touched by that. */
  protected tellReset(stream: Stream, why: ResetReason, detail: string): void {
    if (!this.isClient || !stream.remoteEnded) stream.receiver?.onReset(why, detail);
  }

  /** Takes a stream off the connection. `reset`: what of it is still on its way is to be passed over. */
  protected remove(stream: Stream, reset: boolean): void {
    if (stream.done) return;
    stream.done = true;
    this.streams.delete(stream.id);
    this.closed.add(stream.id, reset);
    if (stream.outbox !== undefined) this.outbound.drop(stream);
    // A whole response is delivered even when its stream, or the connection, is gone.
    if (!this.isClient || !stream.remoteEnded) this.inbound.drop(stream);
  }

  /** The peer did what its stream does not allow: the stream is reset, and when that happens too often, the connection ends. */
  protected streamError(id: number, code: number, reason: string): void {
    const stream = this.streams.get(id);
    this.writer.reset(id, code);
    if (stream !== undefined) this.remove(stream, true);
    else this.closed.add(id, true);
    this.onStreamError(stream, reason);
    this.stopIf(this.guard.onInvalid() || this.guard.onReset() || this.onReply());
  }

  /** Ends the connection where a guard gave a reason. Returns whether it did. */
  protected stopIf(reason: string): boolean {
    if (reason === '') return false;
    this.fail(ErrorCode.enhanceYourCalm, reason);
    return true;
  }

  /** Ends everything: no timer of this class runs any more. */
  protected stop(): void {
    this.dead = true;
    this.#look.stop();
    this.keepAlive?.stop();
  }

  /** Sends what a connection starts with. */
  protected greet(settings: readonly (readonly [number, number])[]): void {
    this.writer.settings([
      ...settings,
      [Setting.initialWindowSize, this.limits.streamWindowBytes],
      [Setting.maxHeaderListSize, this.limits.maxHeaderBytes],
    ]);
    this.inbound.open();
  }

  /** A reply to the peer was written. */
  protected onReply(): string {
    if (this.writer.pending + this.transport.bufferedBytes <= this.limits.highWatermark) this.#replies = 0;
    else if (++this.#replies > this.limits.maxQueuedReplies) return 'h2.reply-flood';
    return '';
  }

  #lookAround(): void {
    if (!this.settled && ++this.#settingsLooks * this.#lookMs >= this.limits.settingsTimeoutMs) {
      this.fail(ErrorCode.settingsTimeout, 'h2.settings-timeout');
      return;
    }
    if (this.outbound.waiting > 0) {
      for (const stream of this.streams.values()) {
        if (stream.done || stream.outbox === undefined || ++stream.stalls <= looksPerTimeout) continue;
        this.abort(stream, ErrorCode.cancel, 'local-reset', 'h2.flush-timeout');
        this.onGivenUp();
      }
    }
    this.#look.start(this.#lookMs);
  }

  /** A stream was given up because the peer takes nothing of it. */
  protected abstract onGivenUp(): void;
}
