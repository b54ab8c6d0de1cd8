import { ConnectionTimer, Waiting } from '../http/connection-timer.ts';
import { DelayedClose } from '../http/delayed-close.ts';
import type { ResetReason, ServerCodec, ServerCodecEvents, Transport } from '../stream/codec.ts';
import { drainPayload } from './connection.ts';
import { FieldSection, SectionKind } from './field-section.ts';
import { FrameHandler } from './frame-handler.ts';
import { edgeLimits, meshLimits } from './limits.ts';
import { LocalResponse } from './local-response.ts';
import { connectionPreface, ErrorCode, errorName, maxStreamId, Setting } from './protocol.ts';
import { refusal } from './refusals.ts';
import { RequestReader } from './request-reader.ts';
import type { Http2ServerOptions } from './server-codec.ts';
import { ServerStream } from './server-stream.ts';
import type { Stream } from './stream.ts';

/** How fast a body comes is watched by its stream, which knows what it carries. */
const noBodyRate = { minBodyBytesPerSecond: 0, bodyGraceMs: 0 };

/** The state machine behind `createHttp2ServerCodec`. */
export class ServerConnection extends FrameHandler implements ServerCodec {
  readonly local: LocalResponse;
  protected readonly isClient: boolean = false;
  readonly #events: ServerCodecEvents;
  readonly #options: Http2ServerOptions;
  readonly #requests: RequestReader;
  readonly #timer: ConnectionTimer;
  readonly #delayedClose: DelayedClose;
  #prefaceAt = 0;
  #opened = 0;
  #draining = false;
  /** The last GOAWAY of a drain is sent: no higher stream is served. */
  #final = false;
  #peerEnded = false;
  /** Our side has ended after the last response, which the peer may take its time to read. */
  #orderly = false;
  #finished = false;

  constructor(transport: Transport, events: ServerCodecEvents, options: Http2ServerOptions) {
    const limits = { ...(options.edge ? edgeLimits : meshLimits), ...options.limits };
    const alias = options.aliasNames ?? (options.edge ? 'reject' : 'drop');
    super(transport, limits, new FieldSection(limits, alias, options.onDropped), options);
    this.#events = events;
    this.#options = options;
    this.#requests = new RequestReader({
      edge: options.edge,
      tls: options.tls,
      allowAbsoluteForm: options.allowAbsoluteForm,
      allowConnect: options.allowConnect,
      allowExtendedConnect: options.allowExtendedConnect === true,
      maxPathBytes: limits.maxPathBytes,
    });
    this.local = new LocalResponse(
      this.writer,
      this.encoder,
      options.serverName,
      options.dateHeader ? this.clock : undefined,
    );
    this.#timer = new ConnectionTimer(options.wheel, noBodyRate, (waiting) => this.#onTimeout(waiting));
    this.#delayedClose = new DelayedClose(transport, this.#timer, limits);
    const settings: (readonly [number, number])[] = [[Setting.maxConcurrentStreams, limits.maxConcurrentStreams]];
    if (options.allowExtendedConnect === true) settings.push([Setting.enableConnectProtocol, 1]);
    this.greet(settings);
    this.#wait();
  }

  onBytes(chunk: Buffer): void {
    if (this.dead) return;
    if (this.keepAlive !== undefined) this.keepAlive.heard = true;
    let from = 0;
    if (this.#prefaceAt < connectionPreface.length) {
      from = this.#readPreface(chunk);
      if (this.dead) return;
    }
    this.reader.read(chunk, from);
    if (!this.dead) this.#wait();
  }

  onEnd(): void {
    this.#peerEnded = true;
    if (this.dead) {
      this.#finish();
      return;
    }
    this.#draining = true;
    this.#final = true;
    for (const stream of this.streams.values()) {
      if (stream.remoteEnded) continue;
      this.abort(stream, ErrorCode.cancel, 'remote-reset', 'h2.connection-closed');
    }
    this.#closeIfDone();
  }

  onClose(): void {
    if (this.#finished) return;
    this.#resetAll('remote-reset', 'h2.connection-closed');
    this.#finished = true;
    this.stop();
    this.#timer.stop();
  }

  drain(): void {
    if (this.#draining || this.dead) return;
    this.#draining = true;
    this.writer.goAway(maxStreamId, ErrorCode.noError);
    this.writer.ping(false, drainPayload, 0);
    this.#options.wheel.start(this.limits.drainPingTimeoutMs, () => this.#endDrain());
  }

  fail(code: number, reason: string): void {
    if (this.dead) return;
    this.writer.goAway(this.lastStream, code);
    this.writer.flush();
    this.stop();
    this.transport.end();
    this.#timer.start(Waiting.linger, this.limits.fatalCloseMs);
    // A peer that only fell silent has broken no rule.
    this.#resetAll(code === ErrorCode.noError ? 'remote-reset' : 'protocol-error', reason);
    this.#events.onBadRequest(0, reason, refusal(reason).message);
    if (this.#peerEnded) this.#finish();
  }

  resetByOwner(stream: Stream, reason: ResetReason): void {
    const code = reason === 'refused' ? ErrorCode.refusedStream : ErrorCode.internalError;
    this.writer.reset(stream.id, code);
    this.remove(stream, true);
    this.#closeIfDone();
  }

  onLocalEnd(stream: Stream): void {
    stream.localEnded = true;
    if (stream.tunnel && !stream.delivered) return;
    this.guard.onStreamCompleted();
    if (!stream.remoteEnded) this.writer.reset(stream.id, ErrorCode.noError);
    this.remove(stream, !stream.remoteEnded);
    this.#closeIfDone();
  }

  onDelivered(stream: Stream): void {
    if (stream.localEnded && !stream.done) {
      this.remove(stream, false);
      this.#closeIfDone();
    }
  }

  protected onGivenUp(): void {
    this.#closeIfDone();
  }

  sectionKind(id: number): number {
    return id <= this.lastStream ? SectionKind.trailers : SectionKind.request;
  }

  protected takesData(): boolean {
    return true;
  }

  onFields(id: number, end: boolean): void {
    if (id > this.lastStream && (id & 1) === 1) this.#onRequest(id, end);
    else {
      const stream = this.streams.get(id);
      if (stream !== undefined && !stream.remoteEnded) this.onTrailers(stream, end);
      else if (stream !== undefined) this.streamError(id, ErrorCode.streamClosed, 'h2.stream-closed');
      else if (this.closed.wasReset(id)) return;
      else if (this.closed.hasEnded(id)) this.fail(ErrorCode.streamClosed, 'h2.stream-closed');
      else this.fail(ErrorCode.protocolError, 'h2.bad-stream-id');
    }
  }

  protected onReset(stream: Stream, code: number): void {
    stream.receiver?.onReset('remote-reset', `h2.reset-${errorName(code)}`);
    if (!this.stopIf(this.guard.onReset())) this.#closeIfDone();
  }

  /** A client that goes away still wants its answers; it opens nothing more. */
  protected onGoAway(): void {
    this.drain();
  }

  protected onPong(payload: Buffer, at: number): void {
    if (this.#draining && payload.compare(drainPayload, 0, 8, at, at + 8) === 0) this.#endDrain();
  }

  protected onSettings(): void {}

  protected onStreamError(stream: Stream | undefined, reason: string): void {
    this.#events.onBadRequest(0, reason, refusal(reason).message);
    stream?.receiver?.onReset('protocol-error', reason);
  }

  #onRequest(id: number, end: boolean): void {
    // After the last GOAWAY: the peer knows that it is not served.
    if (this.#final) return;
    this.lastStream = id;
    // It has not been idle, even if it is again before these bytes are read to their end.
    this.#timer.stop();
    if (this.streams.size >= this.limits.maxConcurrentStreams) {
      this.writer.reset(id, ErrorCode.refusedStream);
      this.closed.add(id, true);
      this.#events.onBadRequest(0, 'h2.refused-stream', refusal('h2.refused-stream').message);
      this.stopIf(this.guard.onRejected(this.settled));
      return;
    }
    this.guard.onStreamOpened();
    const head = this.#requests.read(this.section, end);
    if (head === undefined) {
      this.#refuse(id, end);
      return;
    }
    const stream = new ServerStream(this, id, head);
    stream.remoteEnded = end;
    stream.delivered = end;
    if (!end && head.contentLength !== undefined) stream.bodyLeft = head.contentLength;
    this.streams.add(stream);
    if (++this.#opened >= this.limits.maxRequests) this.drain();
    const receiver = this.#events.onRequest(head, stream, end);
    if (!stream.done) stream.receiver = receiver;
  }

  #refuse(id: number, end: boolean): void {
    const { malformed, refused } = this.#requests;
    if (malformed !== '') {
      this.streamError(id, ErrorCode.protocolError, malformed);
      return;
    }
    const { status, message } = refusal(refused);
    this.local.refuse(id, status, refused, message, this.section.method === 'HEAD', this.outbound);
    if (!end) this.writer.reset(id, ErrorCode.noError);
    this.closed.add(id, !end);
    this.#events.onBadRequest(status, refused, message);
  }

  /** What the connection as a whole is waiting for. */
  #wait(): void {
    const timer = this.#timer;
    const inside = this.blocks.stream !== 0 || this.reader.partial || this.#prefaceAt < connectionPreface.length;
    if (inside && (this.#prefaceAt > 0 || this.reader.partial)) {
      if (timer.waiting !== Waiting.headers) timer.start(Waiting.headers, this.#options.headersTimeoutMs);
    } else if (this.streams.size > 0) {
      if (timer.waiting !== Waiting.nothing) timer.stop();
    } else if (this.#draining) timer.stop();
    else if (timer.waiting !== Waiting.idle) timer.start(Waiting.idle, this.#options.idleTimeoutMs);
  }

  #readPreface(chunk: Buffer): number {
    let at = 0;
    while (at < chunk.length && this.#prefaceAt < connectionPreface.length) {
      if (chunk[at++] === connectionPreface[this.#prefaceAt++]) continue;
      this.fail(ErrorCode.protocolError, 'h2.bad-preface');
      return at;
    }
    return at;
  }

  #onTimeout(waiting: number): void {
    if (waiting === Waiting.headers) this.fail(ErrorCode.enhanceYourCalm, 'h2.headers-timeout');
    else if (waiting === Waiting.idle) this.drain();
    else if (!this.#orderly || this.#delayedClose.isOver()) {
      this.transport.destroy();
      this.#finish();
    }
  }

  /** The peer has seen the first GOAWAY, or takes too long. */
  #endDrain(): void {
    if (this.#final || this.dead) return;
    this.#final = true;
    this.writer.goAway(this.lastStream, ErrorCode.noError);
    this.#closeIfDone();
  }

  /** Ends our side when the drain is over. */
  #closeIfDone(): void {
    if (this.streams.size > 0 || this.dead) return;
    if (!this.#final) {
      if (!this.#draining && this.#timer.waiting === Waiting.nothing) this.#wait();
      return;
    }
    this.writer.flush();
    this.stop();
    this.#orderly = true;
    this.#delayedClose.start();
    if (this.#peerEnded) this.#finish();
  }

  #finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.stop();
    this.#timer.stop();
    this.#events.onClosed();
  }

  #resetAll(why: ResetReason, detail: string): void {
    for (const stream of this.streams.values()) {
      if (stream.done) continue;
      this.remove(stream, true);
      stream.receiver?.onReset(why, detail);
    }
  }
}
