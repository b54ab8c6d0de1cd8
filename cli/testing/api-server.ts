import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ApiError } from '../../proto/api/v1.ts';

/** What the server was asked. */
export interface ApiCall {
  readonly method: string;
  readonly url: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: unknown;
}

/** An answer: a body with 200, or a status of its own. */
export type Answer = { readonly status: number; readonly body: unknown };

/** A small HTTP server that answers as the control plane's API does, from a table of `METHOD /path`. */
export class ApiServer {
  readonly calls: ApiCall[] = [];
  readonly #answers = new Map<string, Answer>();
  readonly #server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString();
      const { method = '', url = '', headers } = request;
      this.calls.push({ method, url, headers, body: text === '' ? undefined : JSON.parse(text) });
      const answer = this.#answers.get(`${method} ${url}`) ?? this.#answers.get(`${method} ${url.split('?')[0]}`);
      const { status, body } = answer ?? apiError(404, 'not-found', `no ${url}`);
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    });
  });

  static async start(): Promise<ApiServer> {
    const server = new ApiServer();
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** @param call for example `GET /api/v1/proxies`; without a query it answers for any. */
  answer<T>(call: string, body: T, status = 200): void {
    this.#answers.set(call, { status, body });
  }

  reset(): void {
    this.calls.length = 0;
    this.#answers.clear();
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }
}

export function apiError(status: number, code: string, message: string, more: Partial<ApiError['error']> = {}): Answer {
  return { status, body: { error: { code, message, ...more } } satisfies ApiError };
}
