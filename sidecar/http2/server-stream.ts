import type { ResponseWriter } from '../stream/codec.ts';
import type { RequestHead, ResponseHead } from '../stream/head.ts';
import type { Headers } from '../stream/headers.ts';
import type { ServerConnection } from './server-connection.ts';
import { Stream } from './stream.ts';

const statusTexts: readonly string[] = Array.from({ length: 600 }, (_, status) => String(status));
const EMPTY = Buffer.alloc(0);

/** One exchange on a server connection: writes the response. */
export class ServerStream extends Stream implements ResponseWriter {
  readonly #server: ServerConnection;
  readonly #request: RequestHead;
  #headSent = false;
  #bodyless = false;
  /** Bytes of body that our own `content-length` still promises; -1 without one. */
  #left = -1;

  constructor(connection: ServerConnection, id: number, request: RequestHead) {
    super(connection, id, undefined);
    this.#server = connection;
    this.#request = request;
    // What comes before the answer waits for it: it belongs to the new protocol, if that is spoken then.
    this.paused = request.upgrade !== undefined;
  }

  informational(head: ResponseHead): void {
    if (this.done || this.#headSent || head.status < 100 || head.status > 199 || head.status === 101) return;
    this.#write(head, head.status, -1, false);
  }

  head(head: ResponseHead, end: boolean): void {
    if (this.done || this.#headSent) return;
    const request = this.#request;
    const switched = head.status === 101 && request.upgrade !== undefined;
    if (head.status < 200 && !switched) {
      this.reset('local-reset');
      return;
    }
    this.#headSent = true;
    this.tunnel = switched || (request.method === 'CONNECT' && head.status <= 299);
    const status = switched ? 200 : head.status <= 599 ? head.status : 500;
    const toHead = request.method === 'HEAD';
    this.#bodyless = toHead || status === 204 || status === 304;
    const length = this.tunnel || status === 204 ? undefined : head.contentLength;
    if (!this.#bodyless && length !== undefined) this.#left = length;
    if (end && this.#left > 0) {
      // A head that promises a body, and none: it must not look complete.
      this.reset('local-reset');
      return;
    }
    this.#write(head, status, length ?? -1, end);
    if (end) this.connection.onLocalEnd(this);
    else if (switched) this.resumeReading();
  }

  override resumeReading(): void {
    if (this.#headSent || this.#request.upgrade === undefined) super.resumeReading();
  }

  data(chunk: Buffer, end: boolean): boolean {
    if (this.done || this.localEnded || !this.#headSent) return true;
    if (this.#bodyless) return end ? this.connection.outbound.send(this, EMPTY, true) : true;
    if (this.#left >= 0) {
      this.#left -= chunk.length;
      if (this.#left < 0 || (end && this.#left > 0)) {
        // Bytes that belie the announced length would be a malformed message.
        this.reset('local-reset');
        return true;
      }
    }
    return this.connection.outbound.send(this, chunk, end);
  }

  trailers(trailers: Headers): void {
    if (this.done || this.localEnded || !this.#headSent) return;
    if (this.#left > 0) this.reset('local-reset');
    else this.connection.outbound.sendTrailers(this, trailers);
  }

  #write(head: ResponseHead, status: number, length: number, end: boolean): void {
    const { writer, encoder, local } = this.#server;
    const start = writer.beginHeaders(encoder);
    encoder.field(':status', statusTexts[status] as string);
    // The answer to a nonce that HTTP/2 does not have.
    if (this.tunnel && this.#request.upgrade !== undefined) head.headers.remove('sec-websocket-accept');
    encoder.fields(head.headers);
    if (length >= 0) encoder.field('content-length', String(length));
    if (status >= 200) local.fields(head.headers);
    writer.endHeaders(start, this.id, end);
  }
}
