import type http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Log } from '../../lib/log.ts';
import { type AdminResponse, type AdminRoute, text } from './admin-route.ts';

export interface ServeRoutesOptions {
  address: string;
  /** 0 picks a free one. */
  port: number;
  routes: readonly AdminRoute[];
  log: Log;
  /** A reason to refuse a request before its route is looked up. */
  refuse?: (headers: http.IncomingHttpHeaders) => { status: number; reason: string } | undefined;
}

export interface RunningServer {
  /** The port in use. */
  port: number;
  close(): Promise<void>;
}

const timeoutMs = 10_000;
const maxConnections = 64;

/** A small HTTP server for people and scrapers, apart from the data path. Rejects when the port cannot be bound. */
export async function serveRoutes(options: ServeRoutesOptions): Promise<RunningServer> {
  // An import of this module would load all that is lazy in it, fetch among it: 13 MiB of resident memory.
  const { createServer } = process.getBuiltinModule('node:http');
  const server = createServer(
    { requestTimeout: timeoutMs, headersTimeout: timeoutMs, maxHeaderSize: 16_384 },
    (request, response) => {
      // Nothing here has a body to read.
      request.resume();
      answer(options, request).then(
        (answered) => send(request, response, answered),
        (error: unknown) => {
          options.log.error('admin request failed', { path: request.url, error: String(error) });
          send(request, response, text('internal error\n', 500));
        },
      );
    },
  );
  server.maxConnections = maxConnections;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.address, () => {
      server.off('error', reject);
      resolve();
    });
  });
  server.on('error', (error) => options.log.warn('admin server', { error: error.message }));
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Answer extends AdminResponse {
  allow?: string;
}

async function answer(options: ServeRoutesOptions, request: http.IncomingMessage): Promise<Answer> {
  const refused = options.refuse?.(request.headers);
  if (refused !== undefined) return text(`${refused.reason}\n`, refused.status);
  const target = request.url ?? '/';
  const queryAt = target.indexOf('?');
  const path = queryAt < 0 ? target : target.slice(0, queryAt);
  const routes = options.routes.filter((route) => route.path === path);
  if (routes.length === 0) return text('no such path; see /help\n', 404);
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const route = routes.find((candidate) => candidate.method === method);
  if (route === undefined) {
    const allow = routes.map((candidate) => candidate.method).join(', ');
    return { ...text(`${path} takes ${allow} only\n`, 405), allow };
  }
  return route.handle(new URLSearchParams(queryAt < 0 ? '' : target.slice(queryAt + 1)));
}

function send(request: http.IncomingMessage, response: http.ServerResponse, answered: Answer): void {
  response.writeHead(answered.status, {
    'content-type': answered.contentType,
    'content-length': Buffer.byteLength(answered.body),
    'cache-control': 'no-store',
    // Names in here come from configuration and peers: nothing may be taken for a page.
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    ...(answered.allow === undefined ? {} : { allow: answered.allow }),
  });
  response.end(request.method === 'HEAD' ? undefined : answered.body);
}
