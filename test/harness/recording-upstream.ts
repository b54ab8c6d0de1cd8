import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';
import { readChunks } from './raw-response.ts';

/** A request as a strict server reads it off the wire. */
export interface RecordedRequest {
  /** Ordinal of the connection it came on. */
  readonly connection: number;
  readonly method: string;
  readonly target: string;
  /** Names as they came. */
  readonly fields: readonly (readonly [string, string])[];
  readonly body: string;
  readonly trailers: readonly string[];
  /** The first value of a field, by its lower-case name. */
  get(name: string): string | undefined;
}

export interface RecordedConnection {
  readonly index: number;
  readonly socket: Socket;
  /** Everything that came, latin1. */
  text: string;
  /** What of it has not been taken for a request. */
  pending: string;
  /** Whole requests. */
  requests: number;
  /** The proxy's FIN has come. */
  ended: boolean;
  closed: boolean;
  /** Set by an answer that switches protocols: what comes is no HTTP any more. */
  raw: boolean;
  /** The present request was given to `onHead`. */
  early: boolean;
}

/** Answers a whole request. */
export type Answer = (request: RecordedRequest, socket: Socket, connection: RecordedConnection) => void;

/** Says that it is the upstream, and what was asked. */
export const wellFormed: Answer = (request, socket) => {
  const body = `${request.method} ${request.target}`;
  const head = `HTTP/1.1 200 OK\r\nX-Upstream: yes\r\nContent-Length: ${body.length}\r\n\r\n`;
  socket.write(request.method === 'HEAD' ? head : head + body, 'latin1');
};

/** An upstream on a bare socket, which keeps every byte it gets and judges it by rules of its own. */
export class RecordingUpstream {
  answer: Answer = wellFormed;
  /** Told of each head before its body has come, to answer early; the request has an empty body then. */
  onHead: Answer | undefined;
  connections: RecordedConnection[] = [];
  requests: RecordedRequest[] = [];
  /** What the proxy sent that no strict server would take. */
  violations: string[] = [];
  bytes = 0;
  readonly #server: net.Server;
  readonly #open = new Set<Socket>();
  #accepted = 0;

  private constructor() {
    this.#server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
  }

  static async start(answer: Answer = wellFormed): Promise<RecordingUpstream> {
    const upstream = new RecordingUpstream();
    upstream.answer = answer;
    upstream.#server.listen(0, '127.0.0.1');
    await once(upstream.#server, 'listening');
    return upstream;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get open(): number {
    return this.#open.size;
  }

  /** Everything that came on any connection. */
  get text(): string {
    return this.connections.map(({ text }) => text).join('');
  }

  /** Forgets the requests, and the connections that are closed. */
  clear(): void {
    this.requests = [];
    this.connections = this.connections.filter(({ closed }) => !closed);
  }

  async close(): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(socket: Socket): void {
    const index = this.#accepted++;
    const state = { text: '', pending: '', requests: 0, ended: false, closed: false, raw: false, early: false };
    const connection: RecordedConnection = { index, socket, ...state };
    this.connections.push(connection);
    this.#open.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => {
      connection.closed = true;
      this.#open.delete(socket);
    });
    socket.on('end', () => {
      connection.ended = true;
      socket.end();
    });
    socket.on('data', (chunk: Buffer) => {
      const text = chunk.toString('latin1');
      this.bytes += text.length;
      connection.text += text;
      connection.pending += text;
      try {
        while (!connection.raw && this.#readRequest(connection));
      } catch (error) {
        this.violations.push((error as Error).message);
        socket.destroy();
      }
    });
  }

  /** Returns whether another request may stand behind the one it read. */
  #readRequest(connection: RecordedConnection): boolean {
    const { pending, socket } = connection;
    const headEnd = pending.indexOf('\r\n\r\n');
    if (headEnd < 0) return false;
    const head = readHead(pending.slice(0, headEnd), connection.index);
    const body = readBody(head, pending, headEnd + 4);
    if (body === undefined) {
      if (this.onHead !== undefined && !connection.early) {
        connection.early = true;
        this.onHead(head, socket, connection);
      }
      return false;
    }
    connection.pending = pending.slice(body.end);
    connection.requests++;
    const request = { ...head, body: body.body, trailers: body.trailers };
    this.requests.push(request);
    if (!connection.early) this.answer(request, socket, connection);
    connection.early = false;
    return connection.pending !== '';
  }
}

function readHead(text: string, connection: number): RecordedRequest {
  const [line = '', ...lines] = text.split('\r\n');
  const match = /^([A-Z-]+) ([!-~]+) HTTP\/1\.1$/.exec(line);
  if (match === null) throw new Error(`not a request line: ${JSON.stringify(line.slice(0, 200))}`);
  const fields = lines.map((field): readonly [string, string] => {
    const parts = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([\t -~\x80-\xff]*)$/.exec(field);
    if (parts === null) throw new Error(`not a field line: ${JSON.stringify(field.slice(0, 200))}`);
    return [parts[1] as string, parts[2] as string];
  });
  const get = (name: string) => fields.find(([other]) => other.toLowerCase() === name)?.[1];
  const count = (name: string) => fields.filter(([other]) => other.toLowerCase() === name).length;
  if (count('host') !== 1) throw new Error(`${count('host')} Host fields: ${JSON.stringify(text.slice(0, 300))}`);
  if (count('content-length') + count('transfer-encoding') > 1) throw new Error(`framing: ${JSON.stringify(text)}`);
  return { connection, method: match[1] as string, target: match[2] as string, fields, body: '', trailers: [], get };
}

function readBody(
  head: RecordedRequest,
  text: string,
  from: number,
): { body: string; trailers: string[]; end: number } | undefined {
  const coding = head.get('transfer-encoding');
  if (coding !== undefined) {
    if (coding !== 'chunked') throw new Error(`transfer-encoding: ${coding}`);
    return readChunks(text, from);
  }
  const length = head.get('content-length') ?? '0';
  if (!/^\d{1,15}$/.test(length)) throw new Error(`content-length: ${length}`);
  const end = from + Number(length);
  return text.length < end ? undefined : { body: text.slice(from, end), trailers: [], end };
}
