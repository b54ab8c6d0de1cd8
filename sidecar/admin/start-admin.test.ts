import http from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { seededRandom } from '../../lib/random.ts';
import { createObserver } from '../observe/create-observer.ts';
import type { AdminSource } from './admin-source.ts';
import { startAdmin, startMetricsServer } from './start-admin.ts';
import { nameFilter } from './stats-routes.ts';

const clock = new FakeClock();
const observer = createObserver({
  ownId: () => '',
  serviceName: 'cart',
  namespace: 'shop',
  workload: 'cart-1',
  mode: 'sidecar',
  clock,
  random: seededRandom(1),
  log: silentLog,
});
observer.onRefused('inbound|80', '<script>', '', '127.0.0.1:1');

let state: 'LIVE' | 'DRAINING' | 'INITIALIZING' = 'LIVE';
const asked: string[] = [];
const place = {
  checkFailed: false,
  degraded: false,
  avoided: false,
  region: 'r',
  zone: 'a',
  subZone: '',
  priority: 0,
  hostname: '',
  successRate: 99.5,
};
const source: AdminSource = {
  configDump: () => ({
    configs: [
      { name: 'default', tls_certificate: { certificate_chain: 'PUBLIC', private_key: { inline_string: 'KEY' } } },
      { node: { metadata: { JOIN_TOKEN: 'abc' } }, text: 'x\n-----BEGIN EC PRIVATE KEY-----\nMII', port: 80 },
      { set: [{ name: 'Authorization', value: 'Bearer abc' }], on: new Set(['reset']), match: /a/, size: 1n },
    ],
  }),
  clusters: () => [
    {
      name: 'outbound|80||cart',
      service: 'cart.shop',
      discovery: 'eds',
      warm: true,
      values: { 'default_priority::max_requests': 1024 },
      endpoints: [
        {
          address: '127.0.0.1',
          port: 9080,
          weight: 1,
          ...place,
          edsHealth: 'HEALTHY',
          ejected: true,
          workload: 'shop/cart-1',
          tls: true,
          activeRequests: 2,
        },
        {
          address: '::1',
          port: 9081,
          weight: 3,
          ...place,
          edsHealth: 'UNHEALTHY',
          ejected: false,
          workload: 'shop/cart-2',
          tls: true,
          activeRequests: 0,
        },
      ],
    },
  ],
  listeners: () => [{ name: 'outbound', address: '127.0.0.1', port: 15001 }],
  certificates: () => [
    {
      name: 'default',
      kind: 'chain',
      serialNumber: '01',
      subjectAltNames: ['spiffe://cluster.local/ns/shop/sa/cart'],
      validFrom: clock.wallTime(),
      expires: clock.wallTime() + 3.5 * 86_400_000,
    },
  ],
  ready: () => ({ state, detail: state === 'LIVE' ? '' : 'waiting for clusters' }),
  serverInfo: () => ({ version: '0.1.0' }),
  setLogLevel: (level) => asked.push(level),
  drain: () => asked.push('drain'),
  quit: () => asked.push('quit'),
};

let admin: Awaited<ReturnType<typeof startAdmin>>;
beforeEach(async () => {
  state = 'LIVE';
  asked.length = 0;
  admin = await startAdmin({ port: 0, source, metrics: observer, clock, log: silentLog });
});
afterEach(() => admin.close());

function ask(path: string, method = 'GET', headers: Record<string, string> = {}, port = admin.port) {
  return new Promise<{ status: number; headers: http.IncomingHttpHeaders; body: string }>((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
    request.on('error', reject).end();
  });
}

describe('the admin port', () => {
  test('lists its paths', async () => {
    const { body } = await ask('/help');
    expect((await ask('/')).body).toBe(body);
    for (const path of ['/ready', '/stats/prometheus', '/config_dump', '/quitquitquit (POST)'])
      expect(body).toContain(path);
    expect((await ask('/nothing')).status).toBe(404);
  });

  test('is ready when live, and says why it is not', async () => {
    expect(await ask('/ready')).toMatchObject({ status: 200, body: 'LIVE\n' });
    state = 'INITIALIZING';
    expect(await ask('/ready')).toMatchObject({ status: 503, body: 'INITIALIZING\nwaiting for clusters\n' });
    expect(JSON.parse((await ask('/server_info')).body)).toMatchObject({ version: '0.1.0', state: 'INITIALIZING' });
  });

  test('shows metrics as text, as JSON and to Prometheus', async () => {
    const line = 'heddle_refused_total{listener="inbound|80",reason="<script>"}';
    expect((await ask('/stats?filter=refused')).body).toBe(`${line}: 1\n`);
    expect(JSON.parse((await ask('/stats?filter=refused&format=json')).body)).toEqual({
      stats: [{ name: line, value: 1 }],
    });
    for (const path of ['/metrics', '/stats/prometheus', '/stats?format=prometheus']) {
      const { headers, body } = await ask(path);
      expect(headers['content-type']).toContain('version=0.0.4');
      expect(body).toContain(`${line} 1\n`);
    }
    expect((await ask('/stats')).headers).toMatchObject({ 'x-content-type-options': 'nosniff' });
  });

  test('shows clusters, listeners and certificates in Envoy’s forms', async () => {
    const { body } = await ask('/clusters');
    expect(body).toContain('outbound|80||cart::127.0.0.1:9080::health_flags::/failed_outlier_check\n');
    expect(body).toContain('outbound|80||cart::[::1]:9081::health_flags::/failed_eds_health\n');
    expect(body).toContain('outbound|80||cart::127.0.0.1:9080::zone::a\n');
    expect(body).toContain('outbound|80||cart::127.0.0.1:9080::success_rate::99.50\n');
    expect(body).toContain('outbound|80||cart::default_priority::max_requests::1024\n');
    const [cluster] = JSON.parse((await ask('/clusters?format=json')).body).cluster_statuses;
    expect(cluster.host_statuses[0]).toMatchObject({
      address: { socket_address: { address: '127.0.0.1', port_value: 9080 } },
      health_status: { eds_health_status: 'HEALTHY', failed_outlier_check: true },
      stats: [{ type: 'GAUGE', value: '2', name: 'rq_active' }],
    });
    expect((await ask('/listeners')).body).toBe('outbound::127.0.0.1:15001\n');
    const [certificate] = JSON.parse((await ask('/certs')).body).certificates;
    expect(certificate.cert_chain[0]).toMatchObject({
      subject_alt_names: [{ uri: 'spiffe://cluster.local/ns/shop/sa/cart' }],
      days_until_expiration: '3',
    });
  });

  test('P-69: no secret is in the configuration dump', async () => {
    const dump = JSON.parse((await ask('/config_dump')).body);
    expect(dump.configs).toEqual([
      { name: 'default', tls_certificate: { certificate_chain: 'PUBLIC', private_key: '[redacted]' } },
      { node: { metadata: { JOIN_TOKEN: '[redacted]' } }, text: '[redacted]', port: 80 },
      { set: [{ name: 'Authorization', value: '[redacted]' }], on: ['reset'], match: 'a', size: '1' },
    ]);
  });

  test('only a POST changes anything', async () => {
    for (const path of ['/logging?level=debug', '/drain_listeners', '/quitquitquit']) {
      expect(await ask(path)).toMatchObject({ status: 405, headers: { allow: 'POST' } });
    }
    expect((await ask('/ready', 'POST')).status).toBe(405);
    expect(asked).toEqual([]);
    expect((await ask('/logging?level=loud', 'POST')).status).toBe(400);
    for (const path of ['/logging?level=debug', '/drain_listeners', '/quitquitquit']) {
      expect((await ask(path, 'POST')).status).toBe(200);
    }
    expect(asked).toEqual(['debug', 'drain', 'quit']);
  });

  test.each<[Record<string, string>, number]>([
    [{ host: 'evil.example' }, 421],
    [{ host: '127.0.0.1.evil.example' }, 421],
    [{ host: '169.254.169.254' }, 421],
    [{ origin: 'http://evil.example' }, 403],
    [{ origin: 'null' }, 403],
    [{ 'sec-fetch-site': 'cross-site' }, 403],
    [{ host: 'localhost:15000' }, 200],
    [{ host: '[::1]' }, 200],
    [{ host: 'localhost', origin: 'http://localhost' }, 200],
  ])('UI-03: a request with %o gets %i', async (headers, status) => {
    expect((await ask('/drain_listeners', 'POST', headers)).status).toBe(status);
    expect(asked).toEqual(status === 200 ? ['drain'] : []);
  });

  test('HEAD has no body, and a port in use is an error', async () => {
    expect(await ask('/ready', 'HEAD')).toMatchObject({ status: 200, body: '' });
    await expect(startAdmin({ port: admin.port, source, metrics: observer, clock, log: silentLog })).rejects.toThrow(
      'EADDRINUSE',
    );
  });
});

test('the metrics server shows metrics and readiness to any host, and nothing else', async () => {
  const server = await startMetricsServer({
    address: '127.0.0.1',
    port: 0,
    metrics: observer,
    ready: source.ready,
    log: silentLog,
  });
  const statuses = [];
  for (const path of ['/metrics', '/stats/prometheus', '/healthz/ready', '/config_dump', '/quitquitquit', '/stats']) {
    statuses.push((await ask(path, 'GET', { host: '10.0.0.1:15090' }, server.port)).status);
  }
  expect(statuses).toEqual([200, 200, 200, 404, 404, 404]);
  await server.close();
});

test.each([
  ['', 'anything', true],
  ['REQ', 'heddle_requests', true],
  ['a|tcp', 'heddle_tcp', true],
  ['heddle.*total', 'heddle_requests_total', true],
  ['total.*heddle', 'heddle_requests_total', false],
])('filter "%s" takes %s: %s', (filter, name, expected) => {
  expect(nameFilter(filter)(name)).toBe(expected);
});
