// What the five programs of the shop share: plain node:http, JSON, and trace headers that are passed on.
import http from 'node:http';

export type Request = http.IncomingMessage;
export type Response = http.ServerResponse;

/** Headers that join the calls of one request to one trace. A mesh cannot know which call belongs to which request. */
const passedOn = ['traceparent', 'tracestate', 'x-request-id'];

/** Answers requests on PORT; a handler that throws becomes a 500, or what {@link HttpError} says. */
export function serve(name: string, handle: (request: Request, response: Response) => Promise<void>): void {
  const server = http.createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      const status = error instanceof HttpError ? error.status : 500;
      sendJson(response, status, { error: error instanceof Error ? error.message : String(error), service: name });
    });
  });
  server.listen(Number(process.env.PORT ?? 3000), process.env.HOST ?? '127.0.0.1', () => {
    const address = server.address();
    console.log(`${name} listens on port ${typeof address === 'object' ? address?.port : address}`);
  });
  for (const signal of ['SIGTERM', 'SIGINT']) {
    process.once(signal, () => {
      server.close(() => process.exit(0));
      server.closeIdleConnections();
      setTimeout(() => server.closeAllConnections(), 500).unref();
    });
  }
}

export class HttpError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export function sendJson(response: Response, status: number, body: unknown): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

/**
 * GETs JSON from another service on behalf of `inbound`. An ordinary call by name: HTTP_PROXY and
 * NODE_USE_ENV_PROXY=1 lead it through the sidecar, and without them it goes straight to the name.
 */
export function getJson<T>(url: string, inbound: Request): Promise<T> {
  const headers: http.OutgoingHttpHeaders = { accept: 'application/json' };
  for (const name of passedOn) {
    const value = inbound.headers[name];
    if (value !== undefined) headers[name] = value;
  }
  return new Promise((resolve, reject) => {
    const request = http.get(url, { headers, timeout: 10_000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        if (response.statusCode !== 200) {
          return reject(new HttpError(502, `${url} answered ${response.statusCode}: ${text.trim().slice(0, 200)}`));
        }
        try {
          resolve(JSON.parse(text) as T);
        } catch {
          reject(new HttpError(502, `${url} answered no JSON`));
        }
      });
    });
    request.on('timeout', () => request.destroy(new HttpError(504, `${url} did not answer in 10 s`)));
    request.on('error', reject);
  });
}

/** Base URL of a service: its name in the mesh, or what `<NAME>_URL` says. */
export function serviceUrl(name: string): string {
  return process.env[`${name.toUpperCase()}_URL`] ?? `http://${name}.shop`;
}
