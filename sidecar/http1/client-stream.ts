import type { BodyWriter, ResetReason, ResponseReceiver } from '../stream/codec.ts';
import type { RequestHead } from '../stream/head.ts';
import type { Headers } from '../stream/headers.ts';
import type { ClientConnection } from './client-connection.ts';
import { requestText, trailersText } from './serialize.ts';

const Framing = { none: 0, length: 1, chunked: 2, raw: 3 } as const;

const LAST_CHUNK = '0\r\n\r\n';
const METHODS_WITH_BODY: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

/** One exchange on a client connection: writes the request and remembers how far both messages are. */
export class ClientStream implements BodyWriter {
  readonly #connection: ClientConnection;
  readonly request: RequestHead;
  readonly receiver: ResponseReceiver;
  /** Finished or reset: whatever the owner still calls is ignored. */
  done = false;
  /** The whole request is written. */
  sent = false;
  informationals = 0;
  blocked = false;
  #framing: number = Framing.none;
  #left = 0;

  constructor(connection: ClientConnection, request: RequestHead, receiver: ResponseReceiver) {
    this.#connection = connection;
    this.request = request;
    this.receiver = receiver;
  }

  /** The answer may switch protocols, so the request has no body. */
  get switches(): boolean {
    return this.request.upgrade !== undefined || this.request.method === 'CONNECT';
  }

  /** Writes the head. Called once, by the connection. */
  start(end: boolean): void {
    const framing = this.#frame(end);
    this.sent = end || this.switches;
    this.#connection.transport.write(requestText(this.request, framing, this.#connection.onDropped));
  }

  /** The peer has switched protocols. */
  becomeRaw(): void {
    this.#framing = Framing.raw;
    this.sent = false;
  }

  data(chunk: Buffer, end: boolean): boolean {
    if (this.done || this.sent) return true;
    const transport = this.#connection.transport;
    const length = chunk.length;
    if (this.#framing === Framing.length) {
      this.#left -= length;
      if (this.#left < 0 || (end && this.#left > 0)) {
        // Bytes that belie the announced length would be read as part of another message.
        this.#connection.fail(this, 'local-reset', 'h1.request-length-mismatch');
        return true;
      }
      if (length > 0) transport.write(chunk);
    } else if (this.#framing === Framing.chunked) {
      if (length > 0) {
        transport.write(`${length.toString(16)}\r\n`);
        transport.write(chunk);
        transport.write(end ? `\r\n${LAST_CHUNK}` : '\r\n');
      } else if (end) transport.write(LAST_CHUNK);
    } else if (length > 0) transport.write(chunk);
    if (end) {
      this.sent = true;
      if (this.#framing === Framing.raw) this.#connection.finishRaw(this);
      return true;
    }
    this.blocked = transport.bufferedBytes > this.#connection.limits.highWatermark;
    return !this.blocked;
  }

  trailers(trailers: Headers): void {
    if (this.done || this.sent) return;
    if (this.#framing !== Framing.chunked) {
      this.data(Buffer.alloc(0), true);
      return;
    }
    this.sent = true;
    this.#connection.transport.write(trailersText(trailers, this.#connection.onDropped));
  }

  reset(_reason: ResetReason): void {
    if (!this.done) this.#connection.abort(this);
  }

  pauseReading(): void {
    if (!this.done) this.#connection.pauseStream(true);
  }

  resumeReading(): void {
    if (!this.done) this.#connection.pauseStream(false);
  }

  /** The framing lines of the head. */
  #frame(end: boolean): string {
    const { method, upgrade, contentLength, expectContinue, headers } = this.request;
    if (upgrade !== undefined) return `connection: Upgrade\r\nupgrade: ${upgrade}\r\n`;
    const te = headers.has('te') ? 'connection: te\r\n' : '';
    if (method === 'CONNECT') return '';
    if (end) return contentLength !== undefined || METHODS_WITH_BODY.has(method) ? `${te}content-length: 0\r\n` : te;
    const expect = expectContinue ? 'expect: 100-continue\r\n' : '';
    if (contentLength === undefined) {
      this.#framing = Framing.chunked;
      return `${te}${expect}transfer-encoding: chunked\r\n`;
    }
    this.#framing = Framing.length;
    this.#left = contentLength;
    return `${te}${expect}content-length: ${contentLength}\r\n`;
  }
}
