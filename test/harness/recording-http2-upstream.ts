import { once } from 'node:events';
import http2, { type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';

/** A request as `node:http2` (nghttp2) reads it. */
export interface RecordedStream {
  readonly method: string;
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn, as they came. */
  readonly raw: readonly string[];
  body: string;
  trailers: IncomingHttpHeaders;
  /** Came to its end, as against a reset. */
  whole: boolean;
  closed: boolean;
}

/** A stock HTTP/2 server without TLS that keeps what it is asked. It answers with method and target, as its HTTP/1 twin. */
export class RecordingHttp2Upstream {
  requests: RecordedStream[] = [];
  /** What nghttp2 found wrong with what the proxy sent. */
  violations: string[] = [];
  readonly #server = http2.createServer();
  readonly #sessions = new Set<ServerHttp2Session>();

  private constructor() {
    this.#server.on('session', (session) => {
      this.#sessions.add(session);
      session.on('close', () => this.#sessions.delete(session));
      session.on('error', (error) => this.violations.push(String(error)));
      session.on('frameError', (type, code) => this.violations.push(`frame ${type}: ${code}`));
    });
    this.#server.on('stream', (stream, headers, _flags, raw) => this.#record(stream, headers, raw));
  }

  static async start(): Promise<RecordingHttp2Upstream> {
    const upstream = new RecordingHttp2Upstream();
    upstream.#server.listen(0, '127.0.0.1');
    await once(upstream.#server, 'listening');
    return upstream;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  clear(): void {
    this.requests = [];
  }

  async close(): Promise<void> {
    for (const session of this.#sessions) session.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #record(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, raw: readonly string[]): void {
    const { ':method': method = '', ':path': target = '' } = headers;
    const request: RecordedStream = {
      method: String(method),
      target: String(target),
      headers,
      raw,
      body: '',
      trailers: {},
      whole: false,
      closed: false,
    };
    this.requests.push(request);
    stream.on('error', () => {});
    stream.on('trailers', (trailers) => Object.assign(request.trailers, trailers));
    stream.on('data', (chunk: Buffer) => {
      request.body += chunk.toString('latin1');
    });
    stream.on('end', () => {
      // A reset also ends the readable side.
      if (stream.aborted || stream.rstCode !== 0) return;
      request.whole = true;
      stream.respond({ ':status': 200, 'x-upstream': 'yes' });
      stream.end(`${request.method} ${request.target}`);
    });
    stream.on('close', () => {
      request.closed = true;
    });
  }
}
