import type { BodyReceiver, ResetReason, ResponseWriter } from '../stream/codec.ts';
import type { RequestHead, ResponseHead } from '../stream/head.ts';
import type { Headers } from '../stream/headers.ts';
import { responseText, trailersText } from './serialize.ts';
import type { ServerConnection } from './server-connection.ts';

/** How the body of the response is framed. */
const Framing = { none: 0, length: 1, chunked: 2, untilClose: 3, raw: 4 } as const;

const LAST_CHUNK = '0\r\n\r\n';

/** One exchange on a server connection: writes the response and remembers how far both messages are. */
export class ServerStream implements ResponseWriter {
  readonly #connection: ServerConnection;
  readonly #request: RequestHead;
  /** Gets the request's body; undefined while the owner is still being told of the request. */
  receiver: BodyReceiver | undefined;
  headSent = false;
  /** Finished or reset: whatever the owner still calls is ignored. */
  done = false;
  /** The connection ends after this exchange. */
  close: boolean;
  continueSent = false;
  /** `data` has returned false since the last `onWritable`. */
  blocked = false;
  #framing: number = Framing.none;
  #left = 0;

  constructor(connection: ServerConnection, request: RequestHead, close: boolean) {
    this.#connection = connection;
    this.#request = request;
    this.close = close;
  }

  /** The peer may switch protocols with the answer: bytes behind the head are not another request. */
  get switches(): boolean {
    return this.#request.upgrade !== undefined || this.#request.method === 'CONNECT';
  }

  get answersHead(): boolean {
    return this.#request.method === 'HEAD';
  }

  get awaitsContinue(): boolean {
    return this.#request.expectContinue && !this.continueSent;
  }

  informational(head: ResponseHead): void {
    if (this.done || this.headSent || this.#request.version === '1.0') return;
    if (head.status < 100 || head.status > 199 || head.status === 101) return;
    if (head.status === 100) this.continueSent = true;
    this.#connection.transport.write(responseText(head, '', this.#connection.onDropped));
  }

  head(head: ResponseHead, end: boolean): void {
    if (this.done || this.headSent) return;
    this.headSent = true;
    const framing = this.#frame(head, end);
    if (framing === undefined) {
      this.#connection.abort(this);
      return;
    }
    this.#connection.transport.write(responseText(head, framing, this.#connection.onDropped));
    if (this.#framing === Framing.raw) this.#connection.enterRaw(this);
    if (end) this.#finish();
  }

  data(chunk: Buffer, end: boolean): boolean {
    if (this.done || !this.headSent) return true;
    const transport = this.#connection.transport;
    const length = chunk.length;
    switch (this.#framing) {
      case Framing.length:
        this.#left -= length;
        if (this.#left < 0 || (end && this.#left > 0)) {
          // Bytes that belie the announced length would be read as part of another message.
          this.#connection.abort(this);
          return true;
        }
        if (length > 0) transport.write(chunk);
        break;
      case Framing.chunked:
        if (length > 0) {
          transport.write(`${length.toString(16)}\r\n`);
          transport.write(chunk);
          transport.write(end ? `\r\n${LAST_CHUNK}` : '\r\n');
        } else if (end) transport.write(LAST_CHUNK);
        break;
      case Framing.none:
        break;
      default:
        if (length > 0) transport.write(chunk);
    }
    if (end) {
      this.#finish();
      return true;
    }
    if (transport.bufferedBytes <= this.#connection.limits.highWatermark) return true;
    this.blocked = true;
    this.#connection.onBlocked();
    return false;
  }

  trailers(trailers: Headers): void {
    if (this.done || !this.headSent) return;
    if (this.#framing !== Framing.chunked) {
      this.data(Buffer.alloc(0), true);
      return;
    }
    this.#connection.transport.write(trailersText(trailers, this.#connection.onDropped));
    this.#finish();
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

  #finish(): void {
    if (this.done) return;
    this.#connection.finishResponse(this, this.#framing === Framing.raw);
  }

  /** The framing lines of the head; undefined when the head cannot answer this request. */
  #frame(head: ResponseHead, end: boolean): string | undefined {
    const request = this.#request;
    const status = head.status;
    if (status === 101) {
      if (request.upgrade === undefined || this.#connection.finished) return undefined;
      this.#framing = Framing.raw;
      return `connection: Upgrade\r\nupgrade: ${protocolOf(head, request.upgrade)}\r\n`;
    }
    if (status < 200) return undefined;
    if (request.method === 'CONNECT' && status <= 299) {
      this.#framing = Framing.raw;
      return '';
    }
    // What comes behind a refused switch may be the other protocol's bytes: it is never read as a request (H1-28).
    if (this.switches || this.#connection.mustClose(this)) this.close = true;
    const length = head.contentLength;
    let lines = this.#connection.localFields.lines(head.headers);
    if (request.method === 'HEAD' || status === 304) {
      if (length !== undefined) lines += `content-length: ${length}\r\n`;
    } else if (status === 204) {
      // RFC 9112 §6.1: neither length nor coding.
    } else if (end || length !== undefined) {
      lines += `content-length: ${end ? 0 : length}\r\n`;
      this.#framing = Framing.length;
      this.#left = end ? 0 : (length as number);
    } else if (request.version === '1.0') {
      this.#framing = Framing.untilClose;
      this.close = true;
    } else {
      lines += 'transfer-encoding: chunked\r\n';
      this.#framing = Framing.chunked;
    }
    return this.close ? `${lines}connection: close\r\n` : lines;
  }
}

/** The protocol to announce, which must be one of those asked for. */
function protocolOf(head: ResponseHead, asked: string): string {
  const offered = asked.split(', ');
  return head.upgrade !== undefined && offered.includes(head.upgrade) ? head.upgrade : (offered[0] as string);
}
