import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { ProxyConfig, ProxyList, ProxyStatus, Span, Trace, TraceList } from '../../proto/api/v1.ts';
import { ApiServer } from '../testing/api-server.ts';
import { runCli } from '../testing/run-cli.ts';

let api: ApiServer;
beforeAll(async () => {
  api = await ApiServer.start();
});
beforeEach(() => api.reset());
afterAll(() => api.close());

const cli = (...args: string[]) => runCli(args, { server: api.url });

const synced = { state: 'SYNCED' as const, version: '7', resources: 3, nacks: 0, error: '' };
const front: ProxyStatus = {
  id: 'front-1.shop',
  mode: 'sidecar',
  namespace: 'shop',
  workload: 'front-1',
  spiffeId: 'spiffe://cluster.local/ns/shop/sa/front',
  version: '0.1.0',
  address: '127.0.0.1:4711',
  connectedAt: '2020-01-01T00:00:00Z',
  connected: true,
  types: { CDS: synced, LDS: synced, EDS: synced, SDS: synced },
};

test('proxy-status shows the state of each type, and wide the words of a NACK', async () => {
  const nack = { ...synced, state: 'NACK' as const, nacks: 2, error: 'duplicate domain' };
  api.answer<ProxyList>('GET /api/v1/proxies', {
    items: [
      { ...front, types: { ...front.types, RDS: nack } },
      { ...front, id: 'gone-1.shop', connected: false },
    ],
  });
  const [header, first, second] = (await cli('ps')).stdout.split('\n').map((line) => line.split(/ {2,}/));
  expect(header).toEqual(['NAME', 'MODE', 'CDS', 'LDS', 'EDS', 'RDS', 'SDS', 'IDENTITY', 'VERSION']);
  expect(first).toEqual([
    'front-1.shop',
    'sidecar',
    'SYNCED',
    'SYNCED',
    'SYNCED',
    'NACK',
    'SYNCED',
    'spiffe://cluster.local/ns/shop/sa/front',
    '0.1.0',
  ]);
  expect(second?.slice(0, 4)).toEqual(['gone-1.shop', 'sidecar', 'OFFLINE', 'OFFLINE']);
  expect((await cli('ps', '-o', 'wide')).stdout).toContain('RDS 2x: duplicate domain');
});

const cluster = 'outbound|80||cart.shop.svc.cluster.local';

function config(type: string, resources: Record<string, unknown>): void {
  const items = Object.entries(resources).map(([name, value]) => ({ name, version: '1', config: value }));
  api.answer<ProxyConfig>(`GET /api/v1/proxies/front-1.shop/config/${type}`, {
    id: 'front-1.shop',
    type,
    resources: items,
  });
}

test('proxy-config prints Envoy resources as short tables with filters, and whole as JSON', async () => {
  config('clusters', {
    [cluster]: { name: cluster, type: 'EDS', transportSocketMatches: [{}] },
    'inbound|3000': { name: 'inbound|3000', type: 'STATIC' },
  });
  const clusters = await cli('pc', 'clusters', 'front-1', '-n', 'shop', '--direction', 'outbound');
  expect(clusters.stdout.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
    ['SERVICE', 'PORT', 'DIRECTION', 'TYPE', 'BALANCER', 'MTLS'],
    ['cart.shop.svc.cluster.local', '80', 'outbound', 'EDS', 'yes'],
    [''],
  ]);
  const json = await cli('pc', 'cluster', 'front-1.shop', '--port', '3000', '-o', 'json');
  expect((JSON.parse(json.stdout) as ProxyConfig).resources.map((resource) => resource.name)).toEqual(['inbound|3000']);
});

test('proxy-config shows routes with their weights and endpoints with their workload', async () => {
  const [v1, v2] = ['outbound|80||v1.shop.svc.cluster.local', 'outbound|80||v2.shop.svc.cluster.local'];
  const weightedClusters = {
    clusters: [
      { name: v1, weight: 80 },
      { name: v2, weight: 20 },
    ],
  };
  const route = {
    name: 'HTTPRoute/shop/ratings/rule/0',
    match: { prefix: '/' },
    route: { weightedClusters, timeout: '15s' },
  };
  config('routes', { outbound: { virtualHosts: [{ name: 'ratings', domains: ['a', 'b', 'c'], routes: [route] }] } });
  const { stdout } = await cli('pc', 'routes', 'front-1.shop');
  expect(stdout).toMatch(/^outbound +ratings +a,b \+1 +\/\* +outbound.* +15s/m);
  expect(stdout).toContain(`${v1} 80, ${v2} 20`);
  const socketAddress = { address: '127.0.0.1', portValue: 4711 };
  const lbEndpoint = {
    endpoint: { address: { socketAddress } },
    healthStatus: 'UNHEALTHY',
    metadata: { filterMetadata: { 'heddle.dev': { workload: 'shop/cart-1' } } },
  };
  config('endpoints', { [cluster]: { clusterName: cluster, endpoints: [{ lbEndpoints: [lbEndpoint] }] } });
  const endpoints = await cli('pc', 'endpoints', 'front-1.shop', '--fqdn', 'cart.shop');
  expect(endpoints.stdout.split('\n')[1]).toMatch(/^127\.0\.0\.1:4711 +UNHEALTHY +1 +no +shop\/cart-1 +outbound/);
});

test('proxy-config of an unknown proxy names those that are known', async () => {
  api.answer<ProxyList>('GET /api/v1/proxies', { items: [front] });
  const result = await cli('pc', 'clusters', 'frunt-1.shop');
  expect(result).toEqual({ code: 1, stdout: '', stderr: 'heddle: no proxy frunt-1.shop; known: front-1.shop\n' });
});

function span(
  depth: number,
  service: string,
  kind: string,
  startMs: number,
  durationMs: number,
  more: Partial<Span> = {},
): Span {
  return {
    spanId: `${depth}${service}${kind}`,
    parentSpanId: '',
    depth,
    kind,
    name: 'GET /',
    service,
    workload: `${service}-1`,
    startMs,
    durationMs,
    status: 200,
    error: false,
    peer: `spiffe://cluster.local/ns/shop/sa/${service}`,
    route: `HTTPRoute/shop/${service}/rule/0`,
    retries: 0,
    flags: '',
    reason: '',
    attributes: {},
    ...more,
  };
}

const trace: Trace = {
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  startTime: '2020-01-01T00:00:00Z',
  durationMs: 20,
  spans: [
    span(0, 'edge', 'server', 0, 20, { peer: '', status: 503, error: true }),
    span(1, 'edge', 'client', 1, 18, { parentSpanId: '0edgeserver' }),
    span(2, 'front', 'server', 2, 16, { parentSpanId: '1edgeclient' }),
    span(3, 'front', 'client', 3, 5, { parentSpanId: '2frontserver' }),
    span(4, 'catalog', 'server', 4, 3, { parentSpanId: '3frontclient' }),
    span(3, 'front', 'client', 10, 5, {
      spanId: '3frontclient2',
      parentSpanId: '2frontserver',
      status: 503,
      error: true,
      retries: 1,
      flags: 'UH',
      reason: 'no-healthy-endpoints',
      route: `HTTPRoute/shop/${'a-route-with-a-long-name'.repeat(2)}/rule/0`,
    }),
  ],
};

test('trace show prints a tree with bars, identities, retries and reasons in 100 columns', async () => {
  api.answer<TraceList>('GET /api/v1/traces?limit=1', {
    items: [{ ...trace, name: '', service: '', spans: 6, services: 3, errors: 2, status: 503 }],
  });
  api.answer(`GET /api/v1/traces/${trace.traceId}`, trace);
  const { stdout, code } = await cli('trace', 'show', 'latest');
  expect(code).toBe(0);
  const lines = stdout.trimEnd().split('\n');
  expect(lines.every((line) => line.length <= 100)).toBe(true);
  expect(lines[3]?.split(/ +/)).toEqual(['SERVICE', 'KIND', 'STATUS', 'DURATION', 'TIME', 'PEER', 'RETRIES', 'ROUTE']);
  expect(lines.slice(4).map((line) => line.slice(0, line.search(/[a-z]/)))).toEqual([
    '',
    '└ ',
    '  └ ',
    '    ├ ',
    '    │ └ ',
    '    └ ',
    expect.stringMatching(/^ +! UH /),
  ]);
  expect(lines.at(-1)?.trim()).toBe('! UH no-healthy-endpoints');
  expect(lines[6]).toMatch(/front +server +200 +16\.0ms +█+ +shop\/front +0 +shop\/front\/0$/);
  const wide = await cli('trace', 'show', trace.traceId, '-o', 'wide');
  expect(wide.stdout).toContain('spiffe://cluster.local/ns/shop/sa/catalog');
  expect(wide.stdout).toContain('HTTPRoute/shop/catalog/rule/0');
});

test('a bar begins and ends where its span does', async () => {
  api.answer(`GET /api/v1/traces/4bf9`, trace);
  const lines = (await cli('trace', 'show', '4bf9', '-o', 'wide')).stdout.split('\n');
  const start = lines[3]?.indexOf('TIME') ?? 0;
  const bar = (line: number) => {
    const part = (lines[line] ?? '').slice(start, start + 40);
    return [part.search(/[█▒]/), part.replace(/[^█▒]+$/, '').length];
  };
  expect(bar(4)).toEqual([0, 40]);
  expect(bar(6)).toEqual([4, 36]);
  expect(bar(9)).toEqual([20, 30]);
});

test('trace ls passes its filters on and prints a line for each trace', async () => {
  const summary = { ...trace, name: 'GET /', service: 'edge', spans: 6, services: 3, errors: 0, status: 200 };
  api.answer<TraceList>('GET /api/v1/traces', { items: [summary] });
  const result = await cli('trace', 'ls', '--service', 'cart', '--min-duration', '5', '--error', '--limit', '3');
  expect(result.stdout).toMatch(/\n4bf92f3577b34da6 +edge +GET \/ +200 +20\.0ms +6 +3 +0 +\d+d\n$/);
  const query = new URL(api.calls[0]?.url ?? '', api.url).searchParams;
  expect(Object.fromEntries(query)).toEqual({ limit: '3', service: 'cart', minDurationMs: '5', error: 'true' });
});

test('trace show latest waits for the proxies that have not reported yet', async () => {
  const latest = { ...trace, name: '', service: '', spans: 6, services: 3, errors: 2, status: 503 };
  api.answer<TraceList>('GET /api/v1/traces?limit=1', { items: [latest] });
  api.answer(`GET /api/v1/traces/${trace.traceId}`, { ...trace, spans: trace.spans.slice(1) });
  const shown = cli('trace', 'show', 'latest');
  while (api.calls.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  api.answer(`GET /api/v1/traces/${trace.traceId}`, trace);
  expect((await shown).stdout.trimEnd().split('\n')).toHaveLength(11);
});
