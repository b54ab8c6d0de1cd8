import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import type { MeshSnapshot } from '../../control-plane/registry/mesh-snapshot.ts';
import type { Telemetry } from '../../control-plane/telemetry/telemetry.ts';
import type { Info, ProxyList } from '../../proto/api/v1.ts';

/** What the console's pages are fed with. `proxies` and `snapshot` may be replaced while it runs. */
export interface ConsoleServerOptions {
  /** Folder of the built console. */
  dist: string;
  telemetry: Telemetry;
  snapshot: MeshSnapshot;
  connected: ReadonlySet<string>;
  proxies: ProxyList;
}

/** Nothing but the console's own files may load, run or style. */
export const strictPolicy =
  "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'";

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Serves the built console under a strict policy and the parts of the API that it reads. */
export async function startConsoleServer(options: ConsoleServerOptions) {
  const server = http.createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://console');
    const answer = url.pathname.startsWith('/api/') ? api(options, url) : file(options.dist, url.pathname);
    response.writeHead(answer.status, {
      'content-type': answer.type,
      'content-security-policy': strictPolicy,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    });
    response.end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${port}`, close };
}

function file(dist: string, pathname: string) {
  const name = pathname.startsWith('/assets/') || pathname === '/heddle.svg' ? pathname : '/index.html';
  const target = path.join(dist, path.normalize(name));
  if (!fs.existsSync(target)) return { status: 404, type: 'text/plain', body: 'not found' };
  return { status: 200, type: types[path.extname(target)] ?? 'text/plain', body: fs.readFileSync(target) };
}

function api({ telemetry, snapshot, connected, proxies }: ConsoleServerOptions, url: URL) {
  const json = (value: unknown, status = 200) => ({ status, type: 'application/json', body: JSON.stringify(value) });
  const text = (key: string) => url.searchParams.get(key) ?? undefined;
  const number = (key: string) => (url.searchParams.has(key) ? Number(text(key)) : undefined);
  const window = number('windowSeconds') ?? 60;
  switch (url.pathname) {
    case '/api/v1/info': {
      const ports = { xds: 15012, api: 15014, webhook: 0 };
      const info: Info = { version: '0.1.0', trustDomain: 'cluster.local', startedAt: new Date().toISOString(), ports };
      return json(info);
    }
    case '/api/v1/proxies':
      return json(proxies);
    case '/api/v1/services':
      return json(telemetry.services(window, snapshot, connected));
    case '/api/v1/graph':
      return json(telemetry.graph(window));
    case '/api/v1/traces':
      return json(
        telemetry.traces({
          service: text('service'),
          route: text('route'),
          before: text('before'),
          minDurationMs: number('minDurationMs'),
          limit: number('limit'),
          error: text('error') === 'true',
        }),
      );
    default: {
      const trace = telemetry.trace(url.pathname.replace('/api/v1/traces/', ''));
      const found = trace !== undefined && trace !== 'ambiguous';
      return found ? json(trace) : json({ error: { code: 'not-found', message: 'no such trace' } }, 404);
    }
  }
}
