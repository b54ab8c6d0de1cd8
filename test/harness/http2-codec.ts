import net, { type AddressInfo, type Socket } from 'node:net';
import { TimerWheel } from '../../lib/timer-wheel.ts';
import {
  createHttp2ClientCodec,
  type Http2ClientCodec,
  type Http2ClientOptions,
} from '../../sidecar/http2/client-codec.ts';
import { createHttp2ServerCodec, type Http2ServerOptions } from '../../sidecar/http2/server-codec.ts';
import { SocketTransport } from '../../sidecar/net/transport.ts';
import { WriteTurn } from '../../sidecar/net/write-turn.ts';
import type {
  BodyReceiver,
  BodyWriter,
  ResetReason,
  ResponseReceiver,
  ResponseWriter,
  ServerCodec,
} from '../../sidecar/stream/codec.ts';
import type { RequestHead, ResponseHead } from '../../sidecar/stream/head.ts';
import { Headers } from '../../sidecar/stream/headers.ts';

// The HTTP/2 codec on real sockets, without a proxy around it.

/** What a server was asked, and how it was told so. */
export class Asked implements BodyReceiver {
  readonly head: RequestHead;
  readonly writer: ResponseWriter;
  readonly pieces: Buffer[] = [];
  ended: boolean;
  trailers: Headers | undefined;
  resets: string[] = [];
  writable = 0;
  readonly #onEvent: (asked: Asked) => void;

  constructor(head: RequestHead, writer: ResponseWriter, ended: boolean, onEvent: (asked: Asked) => void) {
    this.head = head;
    this.writer = writer;
    this.ended = ended;
    this.#onEvent = onEvent;
  }
  get body(): string {
    return Buffer.concat(this.pieces).toString('latin1');
  }
  onData(chunk: Buffer, end: boolean): void {
    this.pieces.push(chunk);
    if (end) this.ended = true;
    this.#onEvent(this);
  }
  onTrailers(trailers: Headers): void {
    this.trailers = trailers;
    this.ended = true;
    this.#onEvent(this);
  }
  onReset(reason: ResetReason, detail: string): void {
    this.resets.push(`${reason} ${detail}`);
    this.#onEvent(this);
  }
  onWritable(): void {
    this.writable++;
    this.#onEvent(this);
  }
}

export function responseHead(
  status: number,
  fields: Record<string, string> = {},
  contentLength?: number,
): ResponseHead {
  return { status, reason: '', headers: Headers.of(fields), contentLength, upgrade: undefined };
}

export function requestHead(fields: Partial<RequestHead> = {}): RequestHead {
  return {
    method: 'GET',
    scheme: 'http',
    authority: 'a.test',
    path: '/',
    headers: new Headers(),
    version: '2',
    absoluteForm: false,
    upgrade: undefined,
    expectContinue: false,
    contentLength: undefined,
    ...fields,
  };
}

/** A server whose requests are answered by `answer`, which is called at each event of a request. */
export class Http2Server {
  readonly asked: Asked[] = [];
  readonly refused: string[] = [];
  readonly codecs: ServerCodec[] = [];
  readonly transports: SocketTransport[] = [];
  closed = 0;
  readonly #server: net.Server;
  readonly #wheel = new TimerWheel();
  readonly #sockets = new Set<Socket>();

  private constructor(server: net.Server) {
    this.#server = server;
  }

  static async start(answer: (asked: Asked) => void, options: Partial<Http2ServerOptions> = {}): Promise<Http2Server> {
    const server = net.createServer({ allowHalfOpen: true });
    const served = new Http2Server(server);
    server.on('connection', (socket) => served.#serve(socket, answer, options));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return served;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#wheel.close();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket, answer: (asked: Asked) => void, options: Partial<Http2ServerOptions>): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    const turn = new WriteTurn();
    const transport = new SocketTransport(socket, turn, this.#wheel);
    const codec = createHttp2ServerCodec(
      transport,
      {
        onRequest: (head, writer, end) => {
          const asked = new Asked(head, writer, end, answer);
          this.asked.push(asked);
          answer(asked);
          return asked;
        },
        onBadRequest: (status, reason) => this.refused.push(`${status} ${reason}`),
        onClosed: () => {
          this.closed++;
          transport.close();
        },
      },
      {
        edge: false,
        tls: false,
        allowAbsoluteForm: false,
        allowConnect: false,
        headersTimeoutMs: 10_000,
        idleTimeoutMs: 60_000,
        wheel: this.#wheel,
        turn,
        ...options,
      },
    );
    this.codecs.push(codec);
    this.transports.push(transport);
    transport.start(codec);
  }
}

/** What a client was answered. */
export class Answer implements ResponseReceiver {
  writer: BodyWriter | undefined;
  head: ResponseHead | undefined;
  readonly informational: ResponseHead[] = [];
  readonly pieces: Buffer[] = [];
  trailers: Headers | undefined;
  writable = 0;
  result = '';
  readonly done: Promise<string>;
  #resolve: (result: string) => void = () => {};
  onHeadNow: (() => void) | undefined;

  constructor() {
    this.done = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }
  get body(): string {
    return Buffer.concat(this.pieces).toString('latin1');
  }
  onInformational(head: ResponseHead): void {
    this.informational.push(head);
  }
  onHead(head: ResponseHead, end: boolean): void {
    this.head = head;
    this.onHeadNow?.();
    if (end) this.#finish('end');
  }
  onData(chunk: Buffer, end: boolean): void {
    this.pieces.push(chunk);
    if (end) this.#finish('end');
  }
  onTrailers(trailers: Headers): void {
    this.trailers = trailers;
    this.#finish('end');
  }
  onReset(reason: ResetReason, detail: string): void {
    this.#finish(`${reason} ${detail}`);
  }
  onWritable(): void {
    this.writable++;
  }
  #finish(result: string): void {
    if (this.result !== '') this.result += ` then ${result}`;
    else this.result = result;
    this.#resolve(this.result);
  }
}

/** A client connection. */
export class Http2Client {
  readonly events: string[] = [];
  readonly socket: Socket;
  readonly codec: Http2ClientCodec;
  readonly transport: SocketTransport;
  readonly #wheel = new TimerWheel();

  constructor(port: number, options: Partial<Http2ClientOptions> = {}) {
    const turn = new WriteTurn();
    this.socket = net.connect(port, '127.0.0.1');
    const transport = new SocketTransport(this.socket, turn, this.#wheel);
    this.transport = transport;
    this.codec = createHttp2ClientCodec(
      transport,
      {
        onStreamEnd: () => this.events.push('stream-end'),
        onGoAway: () => this.events.push('go-away'),
        onClosed: (reason) => {
          this.events.push(`closed ${reason}`);
          transport.close();
        },
      },
      { wheel: this.#wheel, turn, ...options },
    );
    transport.start(this.codec);
  }

  open(head: Partial<RequestHead> = {}, body?: Buffer): Answer {
    const answer = new Answer();
    answer.writer = this.codec.open(requestHead(head), body === undefined, answer);
    if (body !== undefined) answer.writer.data(body, true);
    return answer;
  }

  close(): void {
    this.socket.destroy();
    this.#wheel.close();
  }
}
