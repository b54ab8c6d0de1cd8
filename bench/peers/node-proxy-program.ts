import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { nodePeers } from './peer-cache.ts';

// A reverse proxy of a few lines with a library from npm: its name, port to listen on, port of the upstream.
const [name, port, upstream] = process.argv.slice(2) as [string, string, string];
const require = createRequire(path.join(nodePeers, 'package.json'));
const target = `http://127.0.0.1:${upstream}`;

interface FastProxy {
  proxy(request: http.IncomingMessage, response: http.ServerResponse, url: string | undefined, options: object): void;
}
interface HttpProxy {
  web(request: http.IncomingMessage, response: http.ServerResponse): void;
  on(event: 'error', listener: () => void): void;
}

let forward: http.RequestListener;
if (name === 'fast-proxy') {
  const create = require('fast-proxy') as (options: object) => FastProxy;
  const { proxy } = create({ base: target, undici: false, keepAliveMsecs: 60_000, maxSockets: 1_024 });
  forward = (request, response) => proxy(request, response, request.url, {});
} else {
  const { createProxyServer } = require('http-proxy') as { createProxyServer(options: object): HttpProxy };
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1_024 });
  const proxy = createProxyServer({ target, agent });
  proxy.on('error', () => {});
  forward = (request, response) => proxy.web(request, response);
}
const server = http.createServer(forward);
server.keepAliveTimeout = 300_000;
server.listen(Number(port), '127.0.0.1', 4_096);
