import type { BodyWriter, ClientCodecEvents, ResetReason, ResponseReceiver, Transport } from '../stream/codec.ts';
import type { RequestHead } from '../stream/head.ts';
import type { Http2ClientCodec, Http2ClientOptions } from './client-codec.ts';
import { ClientStream } from './client-stream.ts';
import { FieldSection, SectionKind } from './field-section.ts';
import { FrameHandler } from './frame-handler.ts';
import { responseLimits } from './limits.ts';
import { ErrorCode, errorName, maxStreamId, Setting } from './protocol.ts';
import { readResponse } from './response-reader.ts';
import type { Stream } from './stream.ts';

/** What a peer is trusted to take before it has said how many. */
const firstStreams = 100;

/** The state machine behind `createHttp2ClientCodec`. */
export class ClientConnection extends FrameHandler implements Http2ClientCodec {
  protected readonly isClient: boolean = true;
  readonly #events: ClientCodecEvents;
  #nextId = 1;
  /** No new stream may begin. */
  #leaving = false;
  #drained = false;
  #goAwayCode = 0;
  ready = false;
  requests = 0;

  constructor(transport: Transport, events: ClientCodecEvents, options: Http2ClientOptions) {
    const limits = { ...responseLimits, ...options.limits };
    super(transport, limits, new FieldSection(limits, 'allow', options.onDropped), options);
    this.#events = events;
    this.writer.preface();
    this.greet([[Setting.enablePush, 0]]);
  }

  get capacity(): number {
    if (this.dead || this.#leaving) return 0;
    const most = Math.min(this.ready ? this.peer.maxConcurrentStreams : firstStreams, this.limits.maxConcurrentStreams);
    return Math.max(0, most - this.streams.size);
  }

  get extendedConnect(): boolean {
    return this.peer.extendedConnect;
  }

  open(head: RequestHead, end: boolean, receiver: ResponseReceiver): BodyWriter {
    const stream = new ClientStream(this, this.#nextId, head, receiver);
    const refusal =
      this.capacity === 0
        ? 'h2.no-capacity'
        : head.upgrade !== undefined && (head.upgrade !== 'websocket' || !this.extendedConnect)
          ? 'h2.no-extended-connect'
          : '';
    if (refusal !== '') {
      // The owner's mistake, or a connection that died in its hands: nothing is sent.
      stream.done = true;
      receiver.onReset('refused', refusal);
      return stream;
    }
    this.lastStream = this.#nextId;
    this.#nextId += 2;
    this.requests++;
    this.streams.add(stream);
    this.guard.onStreamOpened();
    if (this.#nextId > maxStreamId) this.#leave();
    stream.start(end);
    return stream;
  }

  onBytes(chunk: Buffer): void {
    if (this.dead) return;
    if (this.keepAlive !== undefined) this.keepAlive.heard = true;
    this.reader.read(chunk, 0);
  }

  onEnd(): void {
    if (!this.dead) this.#end('remote-reset', 'h2.connection-closed');
  }

  onClose(): void {
    if (!this.dead) this.#end('remote-reset', 'h2.connection-closed');
  }

  drain(): void {
    if (this.#leaving || this.dead) return;
    this.#leaving = true;
    this.#drained = true;
    this.#closeIfDone();
  }

  fail(code: number, reason: string): void {
    if (this.dead) return;
    this.writer.goAway(0, code);
    this.writer.flush();
    // A peer that only fell silent has broken no rule.
    this.#end(code === ErrorCode.noError ? 'remote-reset' : 'protocol-error', reason);
  }

  resetByOwner(stream: Stream): void {
    this.writer.reset(stream.id, ErrorCode.cancel);
    this.remove(stream, true);
    this.#afterStream();
  }

  /** Resets a stream because of what its owner wrote. */
  giveUp(stream: Stream, code: number, detail: string): void {
    this.abort(stream, code, 'local-reset', detail);
    this.#afterStream();
  }

  onLocalEnd(stream: Stream): void {
    stream.localEnded = true;
    if (stream.delivered && !stream.done) this.#complete(stream);
  }

  onDelivered(stream: Stream): void {
    if (stream.done || (stream.tunnel && !stream.localEnded)) return;
    this.#complete(stream);
  }

  protected onGivenUp(): void {
    this.#afterStream();
  }

  sectionKind(id: number): number {
    const stream = this.streams.get(id);
    return stream instanceof ClientStream && stream.answered ? SectionKind.trailers : SectionKind.response;
  }

  protected takesData(stream: Stream): boolean {
    return stream instanceof ClientStream && stream.answered;
  }

  onFields(id: number, end: boolean): void {
    const stream = this.streams.get(id) as ClientStream | undefined;
    if (stream === undefined) {
      if (this.isIdle(id)) this.fail(ErrorCode.protocolError, 'h2.idle-stream');
      else if (this.closed.hasEnded(id)) this.streamError(id, ErrorCode.streamClosed, 'h2.stream-closed');
      else if (!this.closed.wasReset(id)) this.stopIf(this.guard.onIdleFrame());
    } else if (stream.remoteEnded) this.streamError(id, ErrorCode.streamClosed, 'h2.stream-closed');
    else if (stream.answered) this.onTrailers(stream, end);
    else {
      const head = readResponse(this.section, stream.request, end);
      if (typeof head === 'string') this.streamError(id, ErrorCode.protocolError, head);
      else if (head.status >= 200) stream.answer(head, end);
      else if (end) this.streamError(id, ErrorCode.protocolError, 'h2.informational-end');
      else if (++stream.informationals > this.limits.maxInformational) {
        this.streamError(id, ErrorCode.enhanceYourCalm, 'h2.too-many-informational');
      } else stream.responses.onInformational(head);
    }
  }

  protected onReset(stream: Stream, code: number): void {
    const refused = code === ErrorCode.refusedStream;
    this.tellReset(stream, refused ? 'refused' : 'remote-reset', `h2.reset-${errorName(code)}`);
    this.#afterStream();
  }

  protected onGoAway(lastStream: number, code: number): void {
    this.#goAwayCode = code;
    const first = !this.#leaving;
    this.#leaving = true;
    for (const stream of this.streams.values()) {
      if (stream.id <= lastStream || stream.done) continue;
      this.remove(stream, true);
      this.tellReset(stream, 'refused', 'h2.go-away');
      this.#events.onStreamEnd();
    }
    if (this.dead) return;
    if (first && this.streams.size > 0) this.#events.onGoAway();
    this.#closeIfDone();
  }

  protected onPong(): void {}

  protected onSettings(): void {
    this.ready = true;
    if (this.capacity > 0) this.#events.onStreamEnd();
  }

  protected onStreamError(stream: Stream | undefined, reason: string): void {
    if (stream === undefined) return;
    this.#events.onMalformed?.(reason);
    this.tellReset(stream, 'protocol-error', reason);
    this.#afterStream();
  }

  /** Both messages are complete, or the answer is, and nobody needs the rest of the request. */
  #complete(stream: Stream): void {
    this.guard.onStreamCompleted();
    if (!stream.localEnded) this.writer.reset(stream.id, ErrorCode.noError);
    this.remove(stream, !stream.localEnded);
    this.#afterStream();
  }

  #afterStream(): void {
    this.#events.onStreamEnd();
    this.#closeIfDone();
  }

  /** Takes no new stream. */
  #leave(): void {
    if (this.#leaving) return;
    this.#leaving = true;
    this.#events.onGoAway();
  }

  #closeIfDone(): void {
    if (!this.#leaving || this.streams.size > 0 || this.dead) return;
    this.writer.goAway(0, ErrorCode.noError);
    this.#end('local-reset', this.#drained ? 'h2.drained' : this.#goAwayReason());
  }

  #goAwayReason(): string {
    return this.#goAwayCode === ErrorCode.noError ? 'h2.go-away' : `h2.go-away-${errorName(this.#goAwayCode)}`;
  }

  #end(why: ResetReason, reason: string): void {
    this.writer.flush();
    this.stop();
    this.transport.end();
    for (const stream of this.streams.values()) {
      if (stream.done) continue;
      this.remove(stream, true);
      this.tellReset(stream, why, reason);
      this.#events.onStreamEnd();
    }
    this.#events.onClosed(reason);
  }
}
