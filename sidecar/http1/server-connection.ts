import { systemClock } from '../../lib/clock.ts';
import { ConnectionTimer, Waiting } from '../http/connection-timer.ts';
import { DelayedClose } from '../http/delayed-close.ts';
import type { DroppedField } from '../http/field-policy.ts';
import type { ServerCodec, ServerCodecEvents, Transport } from '../stream/codec.ts';
import { BodyDecoder, BodyMode } from './body-decoder.ts';
import { ByteIntake, type IntakeOwner } from './byte-intake.ts';
import { CollectorEvent, HeadCollector } from './head-collector.ts';
import { edgeLimits, type Http1Limits, meshLimits } from './limits.ts';
import { LocalFields } from './local-fields.ts';
import { ParseStatus } from './parse-status.ts';
import { refusalText } from './refusal-text.ts';
import { refusal } from './refusals.ts';
import { RequestParser } from './request-parser.ts';
import type { Http1ServerOptions } from './server-codec.ts';
import { ServerStream } from './server-stream.ts';

const State = {
  /** Between requests or inside a head. */
  head: 0,
  /** Inside a request body. */
  body: 1,
  /** Inside a request body that nobody wants any more: the response is complete. */
  discard: 2,
  /** The request is complete; what comes now is held until it is answered. */
  answer: 3,
  /** Switched protocols: bytes as they are. */
  raw: 4,
  /** Our FIN is sent; the peer's bytes are dropped until it sends its own. */
  linger: 5,
  closed: 6,
} as const;

const EMPTY = Buffer.alloc(0);

/** The state machine behind `createHttp1ServerCodec`. */
export class ServerConnection implements ServerCodec, IntakeOwner {
  readonly transport: Transport;
  readonly limits: Http1Limits;
  readonly onDropped: DroppedField | undefined;
  readonly localFields: LocalFields;
  readonly #events: ServerCodecEvents;
  readonly #options: Http1ServerOptions;
  readonly #parser: RequestParser;
  readonly #collector = new HeadCollector();
  readonly #body: BodyDecoder;
  readonly #timer: ConnectionTimer;
  readonly #delayedClose: DelayedClose;
  readonly #intake: ByteIntake;
  #state: number = State.head;
  #stream: ServerStream | undefined;
  #responseEnded = false;
  #draining = false;
  #requests = 0;
  #discarded = 0;

  constructor(transport: Transport, events: ServerCodecEvents, options: Http1ServerOptions) {
    const limits: Http1Limits = { ...(options.edge ? edgeLimits : meshLimits), ...options.limits };
    this.transport = transport;
    this.#intake = new ByteIntake(transport, this);
    this.limits = limits;
    this.onDropped = options.onDropped;
    this.#events = events;
    this.#options = options;
    this.#parser = new RequestParser({
      edge: options.edge,
      tls: options.tls,
      allowAbsoluteForm: options.allowAbsoluteForm,
      allowConnect: options.allowConnect,
      limits,
      alias: options.aliasNames ?? (options.edge ? 'reject' : 'drop'),
      onDropped: options.onDropped,
    });
    this.#body = new BodyDecoder(limits, options.onDropped);
    const clock = options.dateHeader === true ? (options.clock ?? systemClock) : undefined;
    this.localFields = new LocalFields(options.serverName, clock);
    this.#timer = new ConnectionTimer(options.wheel, limits, (waiting) => this.#onTimeout(waiting));
    this.#delayedClose = new DelayedClose(transport, this.#timer, limits);
    this.#timer.start(Waiting.idle, options.idleTimeoutMs);
  }

  get activeStreams(): number {
    return this.#stream === undefined ? 0 : 1;
  }

  /** No further request or response can begin. */
  get finished(): boolean {
    return this.#state >= State.linger;
  }

  onBytes(chunk: Buffer): void {
    if (!this.finished) this.#intake.push(chunk);
  }

  onEnd(): void {
    if (this.#state === State.linger) this.#close();
    else if (this.#state !== State.closed) this.#intake.end();
  }

  onClose(): void {
    if (this.#state === State.closed) return;
    this.#state = State.closed;
    this.#timer.stop();
    this.#detach()?.receiver?.onReset('remote-reset', 'h1.connection-closed');
  }

  onDrain(): void {
    const stream = this.#stream;
    if (stream === undefined || !stream.blocked) return;
    stream.blocked = false;
    if (this.#timer.waiting === Waiting.flush) {
      if (this.#state === State.body) this.#timer.startBody();
      else this.#timer.stop();
    }
    stream.receiver?.onWritable();
  }

  drain(): void {
    this.#draining = true;
    const idle = this.#state === State.head && this.#collector.blank;
    if (idle && !this.#intake.hasMore && !this.#intake.working) this.#linger();
  }

  /** @private Called by the stream, as are all methods from here on. */
  mustClose(stream: ServerStream): boolean {
    const unread = this.#state === State.body;
    return this.#draining || (this.#intake.peerEnded && !this.#intake.hasMore) || (unread && stream.awaitsContinue);
  }

  /** @private */
  enterRaw(stream: ServerStream): void {
    if (this.#stream !== stream) return;
    this.#state = State.raw;
    this.#timer.stop();
    this.#intake.resume();
  }

  /** @private The response is complete. */
  finishResponse(stream: ServerStream, raw: boolean): void {
    if (this.#stream !== stream) return;
    if (raw) {
      stream.done = true;
      this.#responseEnded = true;
      this.transport.end();
      if (this.#intake.peerEnded) this.#close();
      return;
    }
    const unread = this.#state === State.body;
    this.#detach();
    if (stream.close) this.#linger();
    else if (unread) {
      this.#state = State.discard;
      this.#discarded = 0;
      this.#intake.resume();
    } else this.#nextRequest();
  }

  /** @private The exchange cannot be brought to a clean end. */
  abort(stream: ServerStream): void {
    if (this.#stream !== stream) return;
    this.#detach();
    this.transport.destroy();
    this.#close();
  }

  /** @private */
  pauseStream(paused: boolean): void {
    this.#timer.bodyPaused = paused;
    this.#intake.pause(paused);
  }

  /** @private The peer reads too slowly. */
  onBlocked(): void {
    this.#timer.start(Waiting.flush, this.limits.flushTimeoutMs);
  }

  /** @private Called by the intake. */
  onConsumed(): void {
    if (this.#state === State.body && this.#timer.waiting === Waiting.nothing) this.#timer.startBody();
  }

  /** @private Called by the intake. */
  consume(chunk: Buffer): number {
    let at = 0;
    while (at < chunk.length) {
      switch (this.#state) {
        case State.head:
          at = this.#readHead(chunk, at);
          break;
        case State.body:
          if (this.#intake.paused) return at;
          at = this.#readBody(chunk, at);
          break;
        case State.discard:
          at = this.#discardBody(chunk, at);
          break;
        case State.raw:
          if (this.#intake.paused) return at;
          this.#stream?.receiver?.onData(at === 0 ? chunk : chunk.subarray(at), false);
          return chunk.length;
        case State.answer:
          return at;
        default:
          return chunk.length;
      }
    }
    return at;
  }

  #readHead(chunk: Buffer, from: number): number {
    if (!this.#collector.active) {
      if (this.#parser.parse(chunk, from, chunk.length) === ParseStatus.ok) {
        const end = this.#parser.end;
        this.#intake.more = end < chunk.length;
        this.#beginRequest();
        return end;
      }
      // Incomplete or wrong: judged byte by byte, so that the verdict does not depend on how the bytes were cut.
      this.#collector.begin(this.limits.maxStartLineBytes, this.limits.maxHeaderBytes, true);
      this.#timer.start(Waiting.headers, this.#options.headersTimeoutMs);
    }
    const at = this.#collector.take(chunk, from);
    if (this.#collector.event === CollectorEvent.none) return at;
    const bytes = this.#collector.bytes;
    const judged = this.#collector.event === CollectorEvent.judge;
    const status = judged ? this.#parser.parse(bytes, 0, bytes.length) : this.#parser.parseLine(bytes);
    if (status === ParseStatus.refused) this.#refuse(this.#parser.reason);
    else if (judged && status === ParseStatus.incomplete) {
      this.#refuse(this.#collector.startLineSeen ? 'h1.headers-too-large' : 'h1.request-line-too-long');
    } else if (judged) {
      this.#collector.end();
      this.#intake.more = at < chunk.length;
      this.#beginRequest();
    }
    return at;
  }

  #beginRequest(): void {
    const parser = this.#parser;
    const head = parser.takeHead();
    const stream = new ServerStream(this, head, ++this.#requests >= this.limits.maxRequests || parser.close);
    const end = parser.bodyMode === BodyMode.none && !stream.switches;
    this.#timer.stop();
    this.#stream = stream;
    this.#responseEnded = false;
    if (parser.bodyMode === BodyMode.none) this.#state = State.answer;
    else {
      this.#state = State.body;
      this.#body.start(parser.bodyMode, head.contentLength ?? 0);
    }
    const receiver = this.#events.onRequest(head, stream, end);
    if (!stream.done) stream.receiver = receiver;
  }

  #readBody(chunk: Buffer, from: number): number {
    const body = this.#body;
    const at = body.step(chunk, from);
    this.#timer.bodyBytes += at - from;
    if (body.error !== undefined) {
      this.#refuse(body.error);
      return at;
    }
    const receiver = this.#stream?.receiver;
    const { data, trailers, ended } = body;
    if (ended) {
      this.#state = State.answer;
      this.#intake.more = at < chunk.length;
      if (this.#timer.waiting === Waiting.body) this.#timer.stop();
    }
    if (data !== undefined) receiver?.onData(data, ended && trailers === undefined);
    else if (ended && trailers === undefined) receiver?.onData(EMPTY, true);
    if (trailers !== undefined) receiver?.onTrailers(trailers);
    return at;
  }

  #discardBody(chunk: Buffer, from: number): number {
    const at = this.#body.step(chunk, from);
    this.#discarded += at - from;
    if (this.#body.error !== undefined || this.#discarded > this.limits.maxDiscardedBytes) this.#linger();
    else if (this.#body.ended) this.#nextRequest();
    return at;
  }

  #nextRequest(): void {
    if (this.#draining && !this.#intake.hasMore) {
      this.#linger();
      return;
    }
    this.#state = State.head;
    this.#timer.start(Waiting.idle, this.#options.idleTimeoutMs);
    this.#intake.resume();
  }

  /** Answers what no request can be made of, and ends the connection. */
  #refuse(reason: string): void {
    const stream = this.#detach();
    const status = stream?.headSent === true ? 0 : refusal(reason).status;
    const toHead = stream?.answersHead ?? this.#collector.beginsWithHead;
    if (status > 0) this.transport.write(refusalText(reason, status, this.localFields.lines(undefined), toHead));
    this.#state = State.linger;
    stream?.receiver?.onReset('protocol-error', reason);
    this.#events.onBadRequest(status, reason, refusal(reason).message);
    // A response cut short must not look complete.
    if (stream?.headSent === true) {
      this.transport.destroy();
      this.#close();
    } else this.#endOurSide();
  }

  #onTimeout(waiting: number): void {
    switch (waiting) {
      case Waiting.idle:
        this.#linger();
        break;
      case Waiting.headers:
        if (this.#collector.blank) this.#linger();
        else this.#refuse('h1.headers-timeout');
        break;
      case Waiting.body:
        // A peer that waits for 100 Continue is not slow: the upstream is.
        if (this.#stream?.awaitsContinue === true) this.#timer.startBody();
        else if (this.#state === State.body) this.#refuse('h1.slow-body');
        else this.#linger();
        break;
      case Waiting.flush: {
        const receiver = this.#detach()?.receiver;
        this.transport.destroy();
        this.#close();
        receiver?.onReset('local-reset', 'h1.flush-timeout');
        break;
      }
      default:
        if (!this.#delayedClose.isOver()) break;
        this.transport.destroy();
        this.#close();
    }
  }

  /** @private Called by the intake: the peer's FIN, after all its bytes. */
  onPeerEnd(): void {
    switch (this.#state) {
      case State.head:
        if (!this.#collector.blank)
          this.#events.onBadRequest(0, 'h1.truncated-head', refusal('h1.truncated-head').message);
        this.#linger();
        break;
      case State.body: {
        const receiver = this.#detach()?.receiver;
        this.transport.destroy();
        this.#close();
        receiver?.onReset('remote-reset', 'h1.truncated-body');
        break;
      }
      case State.answer:
        if (this.#stream !== undefined) this.#stream.close = true;
        break;
      case State.raw: {
        const stream = this.#stream;
        if (this.#responseEnded) this.#close();
        stream?.receiver?.onData(EMPTY, true);
        break;
      }
      default:
        this.#linger();
    }
  }

  /** Ends our side; waits a little for the peer's, so that a reset does not overtake our last bytes. */
  #linger(): void {
    if (!this.finished) this.#endOurSide();
  }

  #endOurSide(): void {
    if (this.#state === State.closed) return;
    this.#collector.end();
    this.#state = State.linger;
    this.#intake.drop();
    this.#delayedClose.start();
    if (this.#intake.peerEnded) this.#close();
  }

  #close(): void {
    if (this.#state === State.closed) return;
    this.#state = State.closed;
    this.#timer.stop();
    this.#stream = undefined;
    this.#events.onClosed();
  }

  /** Takes the running exchange off the connection; its writer does nothing from now on. */
  #detach(): ServerStream | undefined {
    const stream = this.#stream;
    this.#stream = undefined;
    this.#intake.paused = false;
    this.#timer.bodyPaused = false;
    if (stream !== undefined) stream.done = true;
    return stream;
  }
}
