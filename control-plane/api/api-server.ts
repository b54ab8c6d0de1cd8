import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Log } from '../../lib/log.ts';
import { StoreError } from '../store/store-error.ts';
import type { ApiParts } from './api-parts.ts';
import { type Answer, type ApiRoute, findRoute, json } from './api-route.ts';
import { applyRoutes } from './apply-routes.ts';
import { HttpError } from './http-error.ts';
import { ApiMetrics } from './metrics.ts';
import { proxyRoutes } from './proxy-routes.ts';
import { RateLimit } from './rate-limit.ts';
import { defaultMaxBodyBytes, readBody } from './request-body.ts';
import { checkHost, checkMutation, securityHeaders } from './request-guard.ts';
import { resourceRoutes } from './resource-routes.ts';
import { StaticFiles } from './static-files.ts';
import { statusRoutes } from './status-routes.ts';
import { telemetryRoutes } from './telemetry-routes.ts';
import { tokenRoutes } from './token-routes.ts';

/** Changes a second, and at once (security.md L-98). */
const [changesPerSecond, changeBurst] = [50, 200];

export interface ApiServerOptions {
  readonly parts: ApiParts;
  readonly address: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** The built console; it may be missing. */
  readonly uiDirectory: string;
  readonly log: Log;
}

export interface ApiServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Serves the JSON API of `proto/api/v1.ts`, OTLP intake, metrics and the console. Rejects when it cannot listen. */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { parts, address, port, uiDirectory, log } = options;
  const metrics = new ApiMetrics(parts);
  const dispatcher = new Dispatcher(parts, metrics, new StaticFiles(uiDirectory), address, log);
  const server = http.createServer(
    { maxHeaderSize: 16_384, headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 30_000 },
    (request, response) => {
      dispatcher.serve(request, response).catch((error: unknown) => {
        log.error('answering a request failed', { error: String(error) });
        response.destroy();
      });
    },
  );
  server.maxConnections = 1_024;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

class Dispatcher {
  readonly #routes: readonly ApiRoute[];
  readonly #metrics: ApiMetrics;
  readonly #files: StaticFiles;
  readonly #address: string;
  readonly #log: Log;
  readonly #changes: RateLimit;

  constructor(parts: ApiParts, metrics: ApiMetrics, files: StaticFiles, address: string, log: Log) {
    this.#metrics = metrics;
    this.#files = files;
    this.#address = address;
    this.#log = log;
    this.#changes = new RateLimit(changesPerSecond, changeBurst, parts.clock);
    this.#routes = [
      ...statusRoutes(parts, metrics),
      ...resourceRoutes(parts.store, parts.registry),
      ...applyRoutes(parts.store),
      ...proxyRoutes(parts.proxies),
      ...tokenRoutes(parts),
      ...telemetryRoutes(parts),
    ];
  }

  async serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    let answer: Answer;
    try {
      answer = await this.#answer(request);
    } catch (error) {
      answer = this.#errorAnswer(error, request);
    }
    this.#metrics.countRequest(request.method ?? '', answer.status);
    response.writeHead(answer.status, {
      ...securityHeaders,
      'content-type': answer.contentType,
      'content-length': Buffer.byteLength(answer.body),
      'cache-control': 'no-store',
      ...answer.headers,
    });
    response.end(request.method === 'HEAD' ? undefined : answer.body);
  }

  async #answer(request: http.IncomingMessage): Promise<Answer> {
    checkHost(request, this.#address);
    const [path = '/', queryText = ''] = splitTarget(request.url ?? '/');
    const matched = findRoute(this.#routes, request.method ?? '', path);
    if (matched === undefined) return this.#staticAnswer(request, path);
    const { route, parameters } = matched;
    let body: Buffer = Buffer.alloc(0);
    if (route.method === 'POST') {
      checkMutation(request, route);
      if (!route.open) this.#changes.take();
      body = await readBody(request, route.maxBodyBytes ?? defaultMaxBodyBytes);
    }
    return route.handle({ parameters, query: new URLSearchParams(queryText), request, body });
  }

  #staticAnswer(request: http.IncomingMessage, path: string): Answer {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      const headers = { allow: 'GET, HEAD' };
      throw new HttpError(405, 'method-not-allowed', `nothing at ${path.slice(0, 100)} takes this method`, { headers });
    }
    const answer = this.#files.find(path, request.headers['if-none-match']);
    if (answer === undefined) throw new HttpError(404, 'not-found', `nothing is at ${path.slice(0, 100)}`);
    return answer;
  }

  #errorAnswer(error: unknown, request: http.IncomingMessage): Answer {
    const known = error instanceof StoreError ? fromStoreError(error) : error;
    // What is left of a refused body would be taken for the next request.
    const close = request.complete ? {} : { connection: 'close' };
    if (known instanceof HttpError) return json(known.toBody(), known.status, { ...close, ...known.headers });
    this.#log.error('a call failed', {
      method: request.method,
      path: request.url?.slice(0, 200),
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
    const body = new HttpError(500, 'internal', 'the control plane failed on this call; its log says why').toBody();
    return json(body, 500, close);
  }
}

/** A full or broken disk refuses writes; what is in force stays so. */
function fromStoreError(error: StoreError): HttpError {
  const status = error.code === 'disk-full' ? 507 : 503;
  return new HttpError(status, `store-${error.code}`, `${error.message}; nothing was changed`);
}

/** Path and query of an origin-form request target. */
function splitTarget(target: string): [string, string] {
  if (!target.startsWith('/')) throw new HttpError(400, 'bad-request', 'the request target must begin with /');
  const at = target.indexOf('?');
  return at < 0 ? [target, ''] : [target.slice(0, at), target.slice(at + 1)];
}
