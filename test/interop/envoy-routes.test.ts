import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { envoyProgram } from '../harness/peers.ts';
import { Program, root, until } from '../harness/process.ts';
import { add, virtualHosts } from './route-table.ts';

// One bootstrap file, served by Envoy and by Heddle: the same requests have the same answers. Skipped where Envoy
// cannot be installed from PyPI.

const peer = envoyProgram();
const missing = peer.absent !== undefined;

let folder: string;
let app: http.Server;
const programs: Program[] = [];
const ports = { envoy: 0, heddle: 0 };
/** Requests seen by key, so that the upstream can fail the first ones. */
const seen = new Map<string, number>();

/** Tells what it was asked; `?fail=<times>&status=<n>` fails the first ones with that status. */
function serve(incoming: http.IncomingMessage, outgoing: http.ServerResponse): void {
  const query = new URLSearchParams(incoming.url?.split('?')[1] ?? '');
  const key = query.get('key') ?? '';
  const count = (seen.get(key) ?? 0) + 1;
  seen.set(key, count);
  outgoing.setHeader('x-upstream', 'yes');
  if (query.has('hang')) return;
  if (count <= Number(query.get('fail') ?? 0)) {
    if (query.has('limited')) outgoing.setHeader('x-envoy-ratelimited', 'true');
    if (query.has('again')) outgoing.setHeader('x-again', '1');
    outgoing.statusCode = Number(query.get('status'));
    outgoing.end();
    return;
  }
  const fields = Object.entries(incoming.headersDistinct)
    .filter(([name]) => /^x-(order|overwritten|absent|present|exists|from|empty|gone|given)/.test(name))
    .sort();
  const { host, 'x-forwarded-host': forwardedHost, 'x-envoy-attempt-count': attempt } = incoming.headers;
  outgoing.end(
    JSON.stringify({ method: incoming.method, url: incoming.url, host, forwardedHost, attempt, fields, count }),
  );
}

function bootstrap(port: number) {
  const address = (at: number) => ({ socket_address: { address: '127.0.0.1', port_value: at } });
  const endpoint = { address: address((app.address() as AddressInfo).port) };
  const manager = {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    stat_prefix: 'front',
    internal_address_config: { cidr_ranges: [{ address_prefix: '10.0.0.0', prefix_len: 8 }] },
    route_config: {
      name: 'front',
      request_headers_to_add: [add('x-order', 'table')],
      response_headers_to_add: [add('x-r', 'table')],
      virtual_hosts: virtualHosts,
    },
    http_filters: [
      {
        name: 'router',
        typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
      },
    ],
  };
  return {
    static_resources: {
      listeners: [
        {
          name: 'front',
          // Inside the mesh: at the edge Heddle removes and writes fields that Envoy leaves alone by default.
          traffic_direction: 'INBOUND',
          address: address(port),
          filter_chains: [{ filters: [{ name: 'hcm', typed_config: manager }] }],
        },
      ],
      clusters: [
        {
          name: 'app',
          connect_timeout: '1s',
          // Few requests, most of which are tried again.
          circuit_breakers: {
            thresholds: [{ retry_budget: { budget_percent: { value: 100 }, min_retry_concurrency: 20 } }],
          },
          load_assignment: { cluster_name: 'app', endpoints: [{ lb_endpoints: [{ endpoint }] }] },
        },
      ],
    },
  };
}

async function listen(server: net.Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

beforeAll(async () => {
  if (missing) return;
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'heddle-route-interop-'));
  app = http.createServer(serve);
  await listen(app);
  const free = net.createServer();
  ports.envoy = await listen(free);
  free.close();
  const write = (name: string, port: number) => {
    const file = path.join(folder, `${name}.json`);
    fs.writeFileSync(file, JSON.stringify(bootstrap(port)));
    return file;
  };
  const envoy = new Program('envoy', peer.path ?? '', [
    ...['-c', write('envoy', ports.envoy), '--concurrency', '1', '--disable-hot-restart', '-l', 'error'],
  ]);
  const heddle = new Program('heddle', process.execPath, [
    ...[path.join(root, 'sidecar/main.ts'), '-c', write('heddle', 0)],
  ]);
  programs.push(envoy, heddle);
  const ready = await heddle.ready<{ ports: { listeners: Record<string, number> } }>();
  ports.heddle = ready.ports.listeners.front ?? 0;
  const told = () => envoy.stdout + envoy.stderr;
  await until(
    async () => (await ask(ports.envoy, '/exact').catch(() => undefined)) !== undefined,
    'Envoy',
    10_000,
    told,
  );
});

afterAll(async () => {
  for (const program of programs) await program.stop();
  app?.closeAllConnections();
  app?.close();
  if (folder !== undefined) fs.rmSync(folder, { recursive: true, force: true });
});

interface Asked {
  method?: string;
  headers?: Record<string, string | string[]>;
}

interface Answer {
  status: number | undefined;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

function ask(port: number, target: string, options: Asked = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method = 'GET', headers = {} } = options;
    const sent = http.request(
      {
        host: '127.0.0.1',
        port,
        path: target,
        method,
        agent: false,
        headers: { host: 'shop.example:8080', ...headers },
      },
      (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (text: string) => {
          body += text;
        });
        response.on('end', () => {
          const {
            location,
            'x-code': code,
            'x-upstream': upstream,
            'x-envoy-attempt-count': attempt,
          } = response.headers;
          const told = { location, code, upstream, attempt, r: response.headersDistinct['x-r']?.join('|') };
          resolve({ status: response.statusCode, headers: told, body });
        });
      },
    );
    sent.on('error', reject);
    sent.end();
  });
}

let key = 0;

/** Errors that a proxy makes itself have texts of their own. */
async function same(target: string, options: Asked = {}): Promise<Answer> {
  key++;
  const ofPeer = (name: 'envoy' | 'heddle') => {
    const own = target.includes('?') ? `${target}&key=${key}` : target;
    seen.clear();
    return ask(ports[name], own, options);
  };
  const theirs = await ofPeer('envoy');
  const ours = await ofPeer('heddle');
  const comparable = (answer: Answer) => ({
    ...answer,
    body: answer.body.startsWith('{"method"') ? JSON.parse(answer.body) : '',
  });
  expect(comparable(ours)).toEqual(comparable(theirs));
  return ours;
}

test
  .skipIf(missing)
  .each<[string, Asked?]>([
    ['/exact?a'],
    ['/exact/'],
    ['/caseless?q=1'],
    ['/CASELESS'],
    ['/seg'],
    ['/seg/a/b?c'],
    ['/segment'],
    ['/pre'],
    ['/prefix/x'],
    ['/re/42?x'],
    ['/re/42/x'],
    ['/q?a=1'],
    ['/q?a=x'],
    ['/q?b=x'],
    ['/q?b=1&a=7'],
    ['/grpc', { headers: { 'content-type': 'application/grpc' }, method: 'POST' }],
    ['/grpc', { headers: { 'content-type': 'application/json' }, method: 'POST' }],
    ['/never'],
    ['/byheader', { headers: { 'x-cluster': 'app' } }],
    ['/byheader', { headers: { 'x-cluster': 'none' } }],
    ['/hosth', { headers: { 'x-host': 'other.example' } }],
    ['/hosth'],
    ['/hostp/cart/1'],
    ['/direct'],
    ['/'],
  ])('TR-01 TR-07: %s %j has the answer that Envoy gives', async (target, options) => {
  await same(target, options);
});

test.skipIf(missing).each([undefined, '-2', '4', '5', '+3', 'abc', 'xyz', 'amidst', 'no', 'other', ''])(
  'TR-01: a header that is %j takes the route that it takes in Envoy',
  async (value) => {
    await same('/h', value === undefined ? {} : { headers: { 'x-h': value } });
  },
);

test.skipIf(missing).each(['/red1/a?b', '/red3/a?b', '/red4/a/b?c', '/red5/a?b'])(
  'TR-07: %s is redirected as by Envoy',
  async (target) => {
    expect((await same(target)).headers.location).toBeDefined();
    await same(target, { headers: { host: 'shop.example' } });
  },
);

test.skipIf(missing)(
  'TR-07: a redirect to another host is the same, but that Heddle keeps the port of the listener (Gateway API)',
  async () => {
    await same('/red2/a?b', { headers: { host: 'shop.example' } });
    expect((await ask(ports.heddle, '/red2')).headers.location).toBe('http://new.example:8080/gone');
    expect((await ask(ports.envoy, '/red2')).headers.location).toBe('http://new.example/gone');
  },
);

test.skipIf(missing)('require_tls redirects as Envoy does', async () => {
  expect((await same('/a?b', { headers: { host: 'secure.example' } })).status).toBe(301);
});

test.skipIf(missing)('headers are changed in the order and with the actions of Envoy', async () => {
  const headers = {
    'x-overwritten': 'old',
    'x-present': 'kept',
    'x-exists': 'old',
    'x-gone': 'old',
    'x-given': 'given',
  };
  await same('/mut', { headers });
  await same('/mut');
});

test
  .skipIf(missing)
  .each([
    ['/retry5xx?fail=1&status=500'],
    ['/retry5xx?fail=2&status=503'],
    ['/retry5xx?fail=3&status=503'],
    ['/retry5xx?fail=1&status=404'],
    ['/retrygateway?fail=1&status=502'],
    ['/retrygateway?fail=1&status=500'],
    ['/retry4xx?fail=1&status=409'],
    ['/retry4xx?fail=1&status=400'],
    ['/retrycodes?fail=1&status=418'],
    ['/retrycodes?fail=1&status=503'],
    ['/retryheaders?fail=1&status=404&again'],
    ['/retryheaders?fail=1&status=404'],
    ['/retrylimited?fail=1&status=503&limited'],
    ['/noretry?fail=1&status=503'],
  ])('RS-01: %s is tried as often as by Envoy', async (target) => {
  await same(target);
});

test.skipIf(missing)('TR-09: the time-out of a route ends with the status of Envoy', async () => {
  expect((await same('/slow?hang')).status).toBe(504);
});

test.skipIf(missing)('an application steers its retries by the headers of Envoy', async () => {
  // By which Envoy takes it for one from inside.
  const inside = { 'x-forwarded-for': '10.0.0.1' };
  await same('/noretry?fail=1&status=503', { headers: { ...inside, 'x-envoy-retry-on': '5xx' } });
  const often = { 'x-envoy-retry-on': '5xx', 'x-envoy-max-retries': '3' };
  await same('/noretry?fail=3&status=503', { headers: { ...inside, ...often } });
  const codes = { 'x-envoy-retry-on': 'retriable-status-codes', 'x-envoy-retriable-status-codes': '418' };
  await same('/noretry?fail=1&status=418', { headers: { ...inside, ...codes } });
  const short = { ...inside, 'x-envoy-upstream-rq-timeout-ms': '200' };
  expect((await same('/noretry?hang', { headers: short })).status).toBe(504);
});
