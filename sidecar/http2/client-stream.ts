import { createHash } from 'node:crypto';
import { writableTarget } from '../http/writable-target.ts';
import type { ResponseReceiver } from '../stream/codec.ts';
import type { RequestHead, ResponseHead } from '../stream/head.ts';
import type { Headers } from '../stream/headers.ts';
import type { ClientConnection } from './client-connection.ts';
import { ErrorCode } from './protocol.ts';
import { Stream } from './stream.ts';

const methodsWithBody: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);
/** RFC 6455 §1.3. */
const websocketGuid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const EMPTY = Buffer.alloc(0);

/** One exchange on a client connection: writes the request. */
export class ClientStream extends Stream {
  readonly #client: ClientConnection;
  readonly request: RequestHead;
  readonly responses: ResponseReceiver;
  /** The final head has come. */
  answered = false;
  informationals = 0;
  /** Bytes of body that our own `content-length` still promises; -1 without one. */
  #left = -1;
  #websocketKey: string | undefined;

  constructor(connection: ClientConnection, id: number, request: RequestHead, receiver: ResponseReceiver) {
    super(connection, id, receiver);
    this.#client = connection;
    this.request = request;
    this.responses = receiver;
  }

  /** The answer may open a tunnel, so that the request has no body until then. */
  get #tunnels(): boolean {
    return this.request.upgrade !== undefined || this.request.method === 'CONNECT';
  }

  /** Writes the head. Called once, by the connection. */
  start(ends: boolean): void {
    const { request } = this;
    const { writer, encoder, onDropped } = this.#client;
    const end = ends && !this.#tunnels;
    const start = writer.beginHeaders(encoder);
    const extended = request.upgrade !== undefined;
    encoder.field(':method', extended ? 'CONNECT' : request.method);
    if (extended) encoder.field(':protocol', 'websocket');
    if (request.method !== 'CONNECT') {
      encoder.field(':scheme', request.scheme);
      encoder.field(':path', writableTarget(request.path, 'h2.unwritable-target', onDropped));
    }
    if (request.authority !== '') {
      encoder.field(':authority', writableTarget(request.authority, 'h2.unwritable-target', onDropped));
    }
    encoder.fields(extended ? this.#withoutKey(request.headers) : request.headers);
    if (!this.#tunnels) this.#writeFraming(end);
    writer.endHeaders(start, this.id, end);
    if (end) this.connection.onLocalEnd(this);
  }

  data(chunk: Buffer, end: boolean): boolean {
    if (this.done || this.localEnded || (this.#tunnels && !this.tunnel)) return true;
    if (this.#left >= 0) {
      this.#left -= chunk.length;
      if (this.#left < 0 || (end && this.#left > 0)) {
        this.#belie();
        return true;
      }
    }
    return this.connection.outbound.send(this, chunk, end);
  }

  trailers(trailers: Headers): void {
    if (this.done || this.localEnded || (this.#tunnels && !this.tunnel)) return;
    if (this.#left > 0) this.#belie();
    else this.connection.outbound.sendTrailers(this, trailers);
  }

  /** The final head has come. */
  answer(head: ResponseHead, end: boolean): void {
    const { request } = this;
    this.answered = true;
    this.remoteEnded = end;
    const accepted = head.status <= 299;
    this.tunnel = accepted && this.#tunnels;
    if (this.tunnel) {
      if (request.upgrade !== undefined) this.#accept(head);
      this.responses.onHead(head, false);
      if (end) this.connection.inbound.receive(this, EMPTY, 0, true);
      return;
    }
    const bodyless = request.method === 'HEAD' || head.status === 204 || head.status === 304;
    if (bodyless) this.bodyLeft = 0;
    else if (head.contentLength !== undefined) this.bodyLeft = head.contentLength;
    // A body of no bytes has no end of its own to wait for, but its frame is still to come.
    this.delivered = end;
    this.responses.onHead(head, end);
    if (end && !this.done) this.connection.onDelivered(this);
  }

  /** The nonce of HTTP/1's handshake stays here. The request may be sent again elsewhere, so its own list is left alone. */
  #withoutKey(headers: Headers): Headers {
    this.#websocketKey = headers.get('sec-websocket-key');
    const others = headers.clone();
    others.remove('sec-websocket-key');
    return others;
  }

  #writeFraming(end: boolean): void {
    const { contentLength, method, expectContinue } = this.request;
    const { encoder } = this.#client;
    if (contentLength !== undefined || (end && methodsWithBody.has(method))) {
      encoder.field('content-length', String(contentLength ?? 0));
      if (!end) this.#left = contentLength ?? 0;
    }
    if (expectContinue && !end) encoder.field('expect', '100-continue');
  }

  /** Our own bytes belie the length that was announced: the peer must not take them for a message. */
  #belie(): void {
    this.#client.giveUp(this, ErrorCode.internalError, 'h2.request-length-mismatch');
  }

  /** RFC 8441 §5: a 2xx is what a 101 is to HTTP/1. */
  #accept(head: ResponseHead): void {
    head.status = 101;
    head.upgrade = 'websocket';
    head.contentLength = undefined;
    if (this.#websocketKey === undefined) return;
    const accept = createHash('sha1')
      .update(this.#websocketKey + websocketGuid)
      .digest('base64');
    head.headers.set('sec-websocket-accept', accept);
  }
}
