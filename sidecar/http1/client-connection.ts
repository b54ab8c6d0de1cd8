import type { DroppedField } from '../http/field-policy.ts';
import type { BodyWriter, ClientCodecEvents, ResetReason, ResponseReceiver, Transport } from '../stream/codec.ts';
import type { RequestHead } from '../stream/head.ts';
import { BodyDecoder, BodyMode } from './body-decoder.ts';
import { ByteIntake, type IntakeOwner } from './byte-intake.ts';
import type { Http1ClientCodec, Http1ClientOptions } from './client-codec.ts';
import { ClientStream } from './client-stream.ts';
import { CollectorEvent, HeadCollector } from './head-collector.ts';
import { type Http1Limits, responseLimits } from './limits.ts';
import { ParseStatus } from './parse-status.ts';
import { ResponseParser } from './response-parser.ts';

const State = {
  /** No exchange is running. A byte that comes now is one that nobody asked for. */
  idle: 0,
  /** Waiting for a response head, or inside one. */
  head: 1,
  body: 2,
  /** Switched protocols: bytes as they are. */
  raw: 3,
  closed: 4,
} as const;

const EMPTY = Buffer.alloc(0);

/** The state machine behind `createHttp1ClientCodec`. */
export class ClientConnection implements Http1ClientCodec, IntakeOwner {
  readonly transport: Transport;
  readonly limits: Http1Limits;
  readonly onDropped: DroppedField | undefined;
  readonly #events: ClientCodecEvents;
  readonly #parser: ResponseParser;
  readonly #intake: ByteIntake;
  readonly #collector = new HeadCollector();
  readonly #body: BodyDecoder;
  #state: number = State.idle;
  #stream: ClientStream | undefined;
  #reusable = false;
  #untilClose = false;
  /** A byte of the present response has come. */
  #answered = false;
  #draining = false;
  keepAliveTimeoutMs: number | undefined;
  requests = 0;

  constructor(transport: Transport, events: ClientCodecEvents, options: Http1ClientOptions) {
    this.transport = transport;
    this.#intake = new ByteIntake(transport, this);
    this.limits = { ...responseLimits, ...options.limits };
    this.onDropped = options.onDropped;
    this.#events = events;
    this.#parser = new ResponseParser(this.limits, options.onDropped);
    this.#body = new BodyDecoder(this.limits, options.onDropped);
  }

  get capacity(): number {
    return this.#state === State.idle && !this.#draining && !this.#intake.peerEnded ? 1 : 0;
  }

  get activeStreams(): number {
    return this.#stream === undefined ? 0 : 1;
  }

  get finished(): boolean {
    return this.#state === State.closed;
  }

  open(head: RequestHead, end: boolean, receiver: ResponseReceiver): BodyWriter {
    const stream = new ClientStream(this, head, receiver);
    if (this.capacity === 0) {
      // The owner's mistake, or a connection that died in its hands: nothing is sent.
      stream.done = true;
      receiver.onReset('refused', 'h1.no-capacity');
      return stream;
    }
    this.#stream = stream;
    this.#state = State.head;
    this.#answered = false;
    this.requests++;
    stream.start(end);
    return stream;
  }

  onBytes(chunk: Buffer): void {
    if (!this.finished) this.#intake.push(chunk);
  }

  onEnd(): void {
    if (!this.finished) this.#intake.end();
  }

  onClose(): void {
    if (this.#state === State.closed) return;
    const stream = this.#detach();
    this.#state = State.closed;
    if (stream !== undefined) this.#report(stream, 'remote-reset', this.#endDetail());
    this.#events.onClosed('h1.connection-closed');
  }

  onDrain(): void {
    const stream = this.#stream;
    if (stream === undefined || !stream.blocked) return;
    stream.blocked = false;
    stream.receiver.onWritable();
  }

  drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    if (this.#state === State.idle) this.#closeWith('h1.drained');
  }

  /** @private Called by the stream, as are all methods from here on. */
  abort(stream: ClientStream): void {
    if (this.#stream !== stream) return;
    this.#detach();
    this.transport.destroy();
    this.#state = State.closed;
    this.#events.onStreamEnd();
    this.#events.onClosed('h1.local-reset');
  }

  /** @private Ends the connection in the middle of an exchange. */
  fail(stream: ClientStream, why: ResetReason, detail: string): void {
    if (this.#stream !== stream) return;
    this.#detach();
    this.transport.destroy();
    this.#state = State.closed;
    this.#report(stream, why, detail);
    this.#events.onClosed(detail);
  }

  /** @private We have ended our side of a switched connection. */
  finishRaw(stream: ClientStream): void {
    if (this.#stream !== stream) return;
    this.transport.end();
    if (this.#intake.peerEnded) this.#endRaw();
  }

  /** @private */
  pauseStream(paused: boolean): void {
    this.#intake.pause(paused);
  }

  /** @private Called by the intake. */
  onConsumed(): void {}

  /** @private Called by the intake. */
  consume(chunk: Buffer): number {
    let at = 0;
    while (at < chunk.length) {
      if (this.#intake.paused && this.#state !== State.idle && this.#state !== State.closed) return at;
      switch (this.#state) {
        case State.head:
          at = this.#readHead(chunk, at);
          break;
        case State.body:
          at = this.#readBody(chunk, at);
          break;
        case State.raw:
          this.#stream?.receiver.onData(at === 0 ? chunk : chunk.subarray(at), false);
          return chunk.length;
        case State.idle:
          this.#destroyWith('h1.unsolicited-bytes');
          return chunk.length;
        default:
          return chunk.length;
      }
    }
    return at;
  }

  #readHead(chunk: Buffer, from: number): number {
    const stream = this.#stream as ClientStream;
    const { method, upgrade } = stream.request;
    this.#answered = true;
    if (!this.#collector.active) {
      if (this.#parser.parse(chunk, from, chunk.length, method, upgrade) === ParseStatus.ok) {
        const end = this.#parser.end;
        this.#onHead(stream, end < chunk.length);
        return end;
      }
      // Incomplete or wrong: judged byte by byte, so that the verdict does not depend on how the bytes were cut.
      this.#collector.begin(this.limits.maxStartLineBytes, this.limits.maxHeaderBytes, false);
    }
    const at = this.#collector.take(chunk, from);
    if (this.#collector.event === CollectorEvent.none) return at;
    const bytes = this.#collector.bytes;
    const judged = this.#collector.event === CollectorEvent.judge;
    const status = judged ? this.#parser.parse(bytes, 0, bytes.length, method, upgrade) : this.#parser.parseLine(bytes);
    if (status === ParseStatus.refused) this.fail(stream, 'protocol-error', this.#parser.reason);
    else if (judged && status === ParseStatus.incomplete) {
      this.fail(
        stream,
        'protocol-error',
        this.#collector.startLineSeen ? 'h1.headers-too-large' : 'h1.bad-status-line',
      );
    } else if (judged) {
      this.#collector.end();
      this.#onHead(stream, at < chunk.length);
    }
    return at;
  }

  #onHead(stream: ClientStream, more: boolean): void {
    const parser = this.#parser;
    const head = parser.takeHead();
    if (head.status === 101) {
      this.#state = State.raw;
      stream.becomeRaw();
      stream.receiver.onHead(head, false);
      return;
    }
    if (head.status < 200) {
      if (++stream.informationals > this.limits.maxInformational) {
        this.fail(stream, 'protocol-error', 'h1.too-many-informational');
      } else stream.receiver.onInformational(head);
      return;
    }
    if (stream.request.method === 'CONNECT' && head.status <= 299) {
      this.#state = State.raw;
      stream.becomeRaw();
      stream.receiver.onHead(head, false);
      return;
    }
    this.#reusable = parser.reusable;
    if (parser.keepAliveSeconds > 0) this.keepAliveTimeoutMs = parser.keepAliveSeconds * 1_000;
    const end = parser.bodyMode === BodyMode.none;
    if (!end) {
      this.#untilClose = parser.bodyMode === BodyMode.untilClose;
      this.#state = State.body;
      this.#body.start(parser.bodyMode, head.contentLength ?? 0);
    }
    stream.receiver.onHead(head, end);
    if (end) this.#endExchange(stream, more);
  }

  #readBody(chunk: Buffer, from: number): number {
    const stream = this.#stream as ClientStream;
    const body = this.#body;
    const at = body.step(chunk, from);
    const { data, trailers, ended, error } = body;
    if (error !== undefined) {
      this.fail(stream, 'protocol-error', error);
      return at;
    }
    if (data !== undefined) stream.receiver.onData(data, ended && trailers === undefined);
    else if (ended && trailers === undefined) stream.receiver.onData(EMPTY, true);
    if (trailers !== undefined) stream.receiver.onTrailers(trailers);
    if (ended) this.#endExchange(stream, at < chunk.length);
    return at;
  }

  /** The response is whole. `more`: bytes stand behind it that nobody asked for (UP-01). */
  #endExchange(stream: ClientStream, more: boolean): void {
    // The receiver's last call may have reset the stream.
    if (this.#stream !== stream) return;
    this.#detach();
    const unsolicited = more || this.#intake.hasMore;
    // An answer before the request was whole leaves the peer in the middle of a message (H1-26).
    const reason = unsolicited
      ? 'h1.unsolicited-bytes'
      : !stream.sent
        ? 'h1.early-response'
        : !this.#reusable || this.#intake.peerEnded
          ? 'h1.connection-close'
          : this.#draining
            ? 'h1.drained'
            : undefined;
    this.#state = reason === undefined ? State.idle : State.closed;
    this.#events.onStreamEnd();
    if (reason === undefined) return;
    if (reason === 'h1.connection-close' || reason === 'h1.drained') this.transport.end();
    else this.transport.destroy();
    this.#events.onClosed(reason);
  }

  /** @private Called by the intake: the peer's FIN, after all its bytes. */
  onPeerEnd(): void {
    const stream = this.#stream;
    if (this.#state === State.idle) this.#closeWith('h1.connection-closed');
    else if (stream === undefined) return;
    else if (this.#state === State.body && this.#untilClose) {
      stream.receiver.onData(EMPTY, true);
      this.#endExchange(stream, false);
    } else if (this.#state === State.raw) {
      stream.receiver.onData(EMPTY, true);
      if (stream.sent) this.#endRaw();
    } else this.fail(stream, 'remote-reset', this.#endDetail());
  }

  #endDetail(): string {
    if (this.#answered) return 'h1.truncated-response';
    return this.requests > 1 ? 'reused-connection' : 'no-response';
  }

  #endRaw(): void {
    if (this.#detach() === undefined) return;
    this.#state = State.closed;
    this.#events.onStreamEnd();
    this.#events.onClosed('h1.tunnel-ended');
  }

  #report(stream: ClientStream, why: ResetReason, detail: string): void {
    stream.receiver.onReset(why, detail);
    this.#events.onStreamEnd();
  }

  /** Ends an idle connection in order. */
  #closeWith(reason: string): void {
    this.#state = State.closed;
    this.transport.end();
    this.#events.onClosed(reason);
  }

  #destroyWith(reason: string): void {
    this.#state = State.closed;
    this.transport.destroy();
    this.#events.onClosed(reason);
  }

  #detach(): ClientStream | undefined {
    const stream = this.#stream;
    this.#stream = undefined;
    this.#intake.paused = false;
    this.#collector.end();
    if (stream !== undefined) stream.done = true;
    return stream;
  }
}
