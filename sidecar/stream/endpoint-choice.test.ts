import type http from 'node:http';
import { expect, test } from 'vitest';
import { cluster, endpoint, httpServer, request, route, TestProxy } from '../../test/harness/data-path.ts';
import { metadataMatch } from '../balance/subsets.ts';
import { defaultSpread } from '../cluster/cluster-config.ts';
import type { ForwardAction } from '../route/route-table.ts';

const ring = {
  kind: 'ring-hash',
  minRingSize: 1_024,
  maxRingSize: 8_388_608,
  hash: 'xx-hash',
  byHostname: false,
  balanceFactor: 0,
  localityWeighted: false,
} as const;

async function servers(count: number, handler?: (name: string, response: http.ServerResponse) => void) {
  const ports: number[] = [];
  for (let i = 0; i < count; i++) {
    const { port } = await httpServer((_incoming, outgoing) => {
      if (handler === undefined) outgoing.end(`s${i}`);
      else handler(`s${i}`, outgoing);
    });
    ports.push(port);
  }
  return ports;
}

async function through(config: Parameters<typeof cluster>, action: Partial<ForwardAction>) {
  const under = new TestProxy();
  under.proxy.setCluster(cluster(...config));
  return { under, port: await under.listen('app', { routes: [route('app', action)] }) };
}

test('LB-03: requests with one header value go to one server, others are spread', async () => {
  const { port } = await through(['app', await servers(5), { balancer: ring }], {
    hashPolicies: [{ kind: 'header', name: 'x-user', rewrite: undefined, terminal: false }],
  });
  const ask = async (user: string) => (await request(port, '/', { headers: { 'x-user': user } })).body;
  const ada = new Set(await Promise.all(Array.from({ length: 10 }, () => ask('ada'))));
  expect(ada.size).toBe(1);
  const all = new Set(await Promise.all(Array.from({ length: 40 }, (_, i) => ask(`user-${i}`))));
  expect(all.size).toBeGreaterThan(2);
});

test('LB-03: a client is given a cookie and comes back to its server with it', async () => {
  const attributes = { maxAgeSeconds: 3_600, path: '/', others: [] };
  const { port } = await through(['app', await servers(5), { balancer: ring }], {
    hashPolicies: [{ kind: 'cookie', name: 'sid', attributes, terminal: false }],
  });
  for (let i = 0; i < 5; i++) {
    const first = await request(port, '/');
    const [cookie] = first.headers['set-cookie'] ?? [];
    expect(cookie).toMatch(/^sid="[0-9a-f]{16}"; Max-Age=3600; Path=\/; HttpOnly$/);
    const again = await request(port, '/', { headers: { cookie: cookie?.split(';')[0] } });
    expect(again.body).toBe(first.body);
    expect(again.headers['set-cookie']).toBeUndefined();
  }
});

test('a route with metadata_match reaches the endpoints of its subset', async () => {
  const [first, second] = (await servers(2)) as [number, number];
  const endpoints = [endpoint(first, { metadata: { v: '1' } }), endpoint(second, { metadata: { v: '2' } })];
  const subsets = {
    selectors: [{ keys: ['v'], fallback: undefined }],
    fallback: 'none' as const,
    defaultSubset: [],
    listAsAny: false,
    panicModeAny: false,
  };
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', endpoints, { spread: { ...defaultSpread, subsets } }));
  const plain = route('app');
  const target = (plain.action as ForwardAction).clusters[0] as ForwardAction['clusters'][number];
  const to = (v: string) =>
    under.listen('app', {
      name: v,
      routes: [route('app', { clusters: [{ ...target, metadataMatch: metadataMatch([['v', JSON.stringify(v)]]) }] })],
    });
  const ports = [await to('1'), await to('2'), await to('3')];
  for (let i = 0; i < 5; i++) {
    expect((await request(ports[0] as number, '/')).body).toBe('s0');
    expect((await request(ports[1] as number, '/')).body).toBe('s1');
  }
  expect((await request(ports[2] as number, '/')).headers['x-heddle-reason']).toMatch(/^no-healthy-endpoints/);
});

test('LB-05: a server that answers 429 with Retry-After is left alone for that time, and never are all of them', async () => {
  let shedding = true;
  const ports = await servers(3, (name, response) => {
    if (name === 's0' && shedding) response.writeHead(429, { 'retry-after': '10' });
    response.end(name);
  });
  const { under, port } = await through(['app', ports, { balancer: { kind: 'least-request', choices: 2 } }], {});
  const ask = async (count: number) => {
    const seen: string[] = [];
    for (let i = 0; i < count; i++) seen.push((await request(port, '/')).body);
    return seen;
  };
  while (!(await ask(1)).includes('s0')) {
    // Until it was asked once.
  }
  expect(await ask(20)).not.toContain('s0');
  shedding = false;
  under.advance(10_000);
  expect(await ask(30)).toContain('s0');
});

test('LB-06: servers get requests by the load that they report', async () => {
  const ports = await servers(2, (name, response) => {
    const utilization = name === 's0' ? 0.2 : 0.8;
    response.setHeader('endpoint-load-metrics', `TEXT application_utilization=${utilization},rps_fractional=100`);
    response.end(name);
  });
  const balancer = {
    kind: 'client-side-weighted',
    blackoutMs: 0,
    expirationMs: 60_000,
    updateMs: 100,
    errorPenalty: 1,
  } as const;
  const { under, port } = await through(['app', ports, { balancer }], {});
  for (let i = 0; i < 4; i++) await request(port, '/');
  under.advance(200);
  let first = 0;
  for (let i = 0; i < 50; i++) if ((await request(port, '/')).body === 's0') first++;
  expect(first).toBe(40);
});
