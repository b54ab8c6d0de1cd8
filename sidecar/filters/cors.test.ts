import { expect, test } from 'vitest';
import { Cors, CorsPolicy } from '../../proto/gen/envoy/extensions/filters/http/cors/v3/cors.ts';
import { cluster, httpServer, request, route, TestProxy } from '../../test/harness/data-path.ts';
import { httpFilter, overrideProblems, overrides, packed } from '../../test/harness/http-filters.ts';

async function withPolicy(policy: unknown) {
  const methods: string[] = [];
  const { port: upstream } = await httpServer((incoming, outgoing) => {
    methods.push(incoming.method ?? '');
    outgoing.end('served');
  });
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [upstream]));
  const port = await under.listen('app', {
    filters: [httpFilter('cors', packed(Cors))],
    routes: [{ ...route('app'), overrides: overrides({ cors: packed(CorsPolicy, policy) }) }],
  });
  const preflight = (origin: string) =>
    request(port, '/', { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'PUT' } });
  return { port, methods, under, preflight };
}

const shop = {
  allowOriginStringMatch: [
    { exact: 'https://shop.example' },
    { safeRegex: { regex: 'https://[a-z]+\\.shop\\.example' } },
  ],
  allowMethods: 'GET, PUT',
  allowHeaders: 'content-type',
  exposeHeaders: 'x-total',
  maxAge: '600',
  allowCredentials: true,
};

test('a preflight of an allowed origin is answered without the upstream', async () => {
  const { preflight, methods } = await withPolicy(shop);
  for (const origin of ['https://shop.example', 'https://de.shop.example']) {
    const { status, headers, body } = await preflight(origin);
    expect([status, body]).toEqual([200, '']);
    expect(headers).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-allow-methods': 'GET, PUT',
      'access-control-allow-headers': 'content-type',
      'access-control-allow-credentials': 'true',
      'access-control-max-age': '600',
      vary: 'origin',
    });
  }
  expect(methods).toEqual([]);
});

test('a preflight of a stranger gets no permission from here', async () => {
  const asked = await withPolicy(shop);
  const forwarded = await asked.preflight('https://shop.example.evil');
  expect([forwarded.body, forwarded.headers['access-control-allow-origin']]).toEqual(['served', undefined]);
  const kept = await withPolicy({ ...shop, forwardNotMatchingPreflights: false });
  const refused = await kept.preflight('https://evil.example');
  expect([refused.status, refused.headers['access-control-allow-origin']]).toEqual([200, undefined]);
  expect([asked.methods, kept.methods]).toEqual([['OPTIONS'], []]);
});

test('answers to an allowed origin say so, also those that the proxy makes', async () => {
  const { port, under } = await withPolicy(shop);
  const headers = { origin: 'https://shop.example' };
  expect((await request(port, '/', { headers })).headers).toMatchObject({
    'access-control-allow-origin': 'https://shop.example',
    'access-control-expose-headers': 'x-total',
  });
  expect((await request(port, '/')).headers['access-control-allow-origin']).toBeUndefined();
  under.proxy.removeCluster('app');
  const failed = await request(port, '/', { headers });
  expect([failed.status, failed.headers['access-control-allow-origin']]).toEqual([503, 'https://shop.example']);
});

test('what a policy asks for and is not done is refused by path', () => {
  const policy = { ...shop, maxAge: '1\n', shadowEnabled: { defaultValue: { numerator: 10 } } };
  expect(overrideProblems(packed(CorsPolicy, policy))).toEqual([
    'typed_per_filter_config["filter"].shadow_enabled: not supported',
    'typed_per_filter_config["filter"].max_age: not a header value',
  ]);
});
