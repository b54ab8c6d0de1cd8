import { expect, test } from 'vitest';
import type { MeshGateway, MeshRoute, MeshRule, MeshSnapshot } from '../registry/mesh-snapshot.ts';
import { typeUrls } from '../xds/resource.ts';
import { describeResource } from './describe-resource.ts';
import { Memo } from './memo.ts';
import { orderedEntries } from './route-order.ts';
import { forwardProxyRoutes, gatewayRoutes } from './routes.ts';
import {
  noEdit,
  testGateway,
  testMatch,
  testPort,
  testRoute,
  testRule,
  testService,
  testSnapshot,
} from './test-mesh.ts';

interface RouteJson {
  name: string;
  match: Record<string, unknown>;
  route?: Record<string, unknown>;
  redirect?: Record<string, unknown>;
  [more: string]: unknown;
}
type HostJson = { domains: string[]; routes?: RouteJson[] };

function forwardHosts(snapshot: MeshSnapshot, namespace = 'shop'): HostJson[] {
  const resource = forwardProxyRoutes(new Memo(), snapshot, namespace);
  return (describeResource(typeUrls.route, resource) as { virtualHosts?: HostJson[] }).virtualHosts ?? [];
}

function gatewayTables(gateway: MeshGateway): Record<string, Record<string, string[]>> {
  const snapshot = testSnapshot({ gateways: [gateway], services: [testService('a'), testService('b')] });
  return Object.fromEntries(
    gatewayRoutes(new Memo(), snapshot, gateway).map((resource) => {
      const json = describeResource(typeUrls.route, resource) as { virtualHosts?: HostJson[] };
      return [
        resource.name,
        Object.fromEntries(
          (json.virtualHosts ?? []).map((host) => [
            host.domains.join(),
            (host.routes ?? []).map((route) => route.name),
          ]),
        ),
      ];
    }),
  );
}

/** The one route that a rule becomes at service cart. */
function routeOf(rule: Partial<MeshRule>, backends = ['cart']): RouteJson {
  const cart = testService('cart', { routes: [testRoute('r', [testRule(backends, rule)])] });
  const snapshot = testSnapshot({ services: [cart, testService('v2')] });
  const [route] = forwardHosts(snapshot)[0]?.routes ?? [];
  return route!;
}

test('a service without a route gets a default route with all time-outs and retries written out', () => {
  const [host] = forwardHosts(testSnapshot({ services: [testService('cart')] }));
  expect(host).toEqual({
    name: 'outbound|80||cart.shop.svc.cluster.local',
    domains: [
      'cart.shop.svc.cluster.local',
      'cart.shop.svc.cluster.local:80',
      'cart.shop.svc',
      'cart.shop.svc:80',
      'cart.shop',
      'cart.shop:80',
      'cart',
      'cart:80',
    ],
    routes: [
      {
        name: 'default/shop/cart',
        match: { prefix: '/' },
        route: {
          cluster: 'outbound|80||cart.shop.svc.cluster.local',
          clusterNotFoundResponseCode: 'INTERNAL_SERVER_ERROR',
          timeout: '15s',
          idleTimeout: '300s',
          retryPolicy: {
            retryOn: 'connect-failure,refused-stream',
            numRetries: 1,
            perTryTimeout: '5s',
            retryBackOff: { baseInterval: '0.025s', maxInterval: '0.250s' },
          },
        },
      },
    ],
  });
});

test('the bare name of a service is for its own namespace, and another port than 80 must be said', () => {
  const services = [testService('cart', { ports: [testPort(8080), testPort(6379, { protocol: 'tcp' })] })];
  const [host, ...more] = forwardHosts(testSnapshot({ services }), 'elsewhere');
  expect(host?.domains).toEqual(['cart.shop.svc.cluster.local:8080', 'cart.shop.svc:8080', 'cart.shop:8080']);
  expect(more).toEqual([]);
});

test('weights become weighted clusters, and the share without a backend goes to invalid-backend', () => {
  expect(routeOf({ invalidBackendWeight: 5 }, ['cart=80', 'v2=15', 'v2=0']).route?.weightedClusters).toEqual({
    clusters: [
      { name: 'outbound|80||cart.shop.svc.cluster.local', weight: 80 },
      { name: 'outbound|80||v2.shop.svc.cluster.local', weight: 15 },
      { name: 'invalid-backend', weight: 5 },
    ],
  });
  expect(routeOf({ invalidBackendWeight: 1 }, []).route?.cluster).toBe('invalid-backend');
  expect(routeOf({}, ['cart=0']).route?.cluster).toBe('invalid-backend');
});

test('matches, header edits and time-outs of a rule arrive', () => {
  const route = routeOf({
    matches: [
      testMatch({
        path: { type: 'PathPrefix', value: '/api/' },
        method: 'GET',
        headers: [{ name: 'X-User', type: 'RegularExpression', value: 'a.*' }],
        queryParams: [{ name: 'q', type: 'Exact', value: '1' }],
      }),
    ],
    requestHeaders: { set: [{ name: 'X-A', value: '1' }], add: [{ name: 'x-b', value: '2' }], remove: ['X-C'] },
    responseHeaders: noEdit,
    requestTimeoutMs: 0,
    backendRequestTimeoutMs: 1500,
  });
  expect(route).toMatchObject({
    name: 'HTTPRoute/shop/r/rule/0',
    match: {
      pathSeparatedPrefix: '/api',
      headers: [
        { name: ':method', stringMatch: { exact: 'GET' } },
        { name: 'x-user', stringMatch: { safeRegex: { regex: 'a.*' } } },
      ],
      queryParameters: [{ name: 'q', stringMatch: { exact: '1' } }],
    },
    route: { timeout: '0s', retryPolicy: { perTryTimeout: '1.500s' } },
    requestHeadersToAdd: [
      { header: { key: 'x-a', value: '1' }, appendAction: 'OVERWRITE_IF_EXISTS_OR_ADD' },
      { header: { key: 'x-b', value: '2' } },
    ],
    requestHeadersToRemove: ['x-c'],
  });
});

test('rewrites keep one slash at the seam', () => {
  const rewrite = (prefix: string, type: 'ReplaceFullPath' | 'ReplacePrefixMatch', value: string) =>
    routeOf({
      matches: [testMatch({ path: { type: 'PathPrefix', value: prefix } })],
      rewrite: { hostname: 'other', path: { type, value } },
    }).route;
  expect(rewrite('/a', 'ReplacePrefixMatch', '/b')).toMatchObject({ prefixRewrite: '/b', hostRewriteLiteral: 'other' });
  expect(rewrite('/', 'ReplacePrefixMatch', '/b')).toMatchObject({ prefixRewrite: '/b/' });
  expect(rewrite('/a.b', 'ReplacePrefixMatch', '/')).toMatchObject({
    regexRewrite: { pattern: { regex: '^/a\\.b/*' }, substitution: '/' },
  });
  expect(rewrite('/a', 'ReplaceFullPath', '/x\\1')).toMatchObject({
    regexRewrite: { pattern: { regex: '^/.*$' }, substitution: '/x\\\\1' },
  });
});

test('a redirect names scheme, host, port, path and status', () => {
  const redirect = { scheme: 'https', hostname: 'h', port: undefined, path: undefined, statusCode: 308 as const };
  expect(routeOf({ redirect }).redirect).toEqual({
    schemeRedirect: 'https',
    hostRedirect: 'h',
    portRedirect: 443,
    responseCode: 'PERMANENT_REDIRECT',
  });
});

test('matches of all routes are ordered as the Gateway API says', () => {
  const path = (type: 'Exact' | 'PathPrefix' | 'RegularExpression', value: string) => ({ type, value });
  const header = { name: 'h', type: 'Exact' as const, value: '1' };
  const cases: [string, MeshRoute][] = (
    [
      ['exact', { path: path('Exact', '/a') }],
      ['regex', { path: path('RegularExpression', '/a.*') }],
      ['long prefix', { path: path('PathPrefix', '/a/b') }],
      ['method', { path: path('PathPrefix', '/a'), method: 'GET' }],
      ['two headers', { path: path('PathPrefix', '/a'), headers: [header, header] }],
      ['header', { path: path('PathPrefix', '/a'), headers: [header] }],
      ['query', { path: path('PathPrefix', '/a'), queryParams: [header] }],
      ['prefix', { path: path('PathPrefix', '/a') }],
    ] as const
  ).map(([name, match]) => [name, testRoute(name, [testRule(['a'], { matches: [testMatch(match)] })])]);
  const older = testRoute('z-older', [testRule(['a'], { matches: [testMatch({ path: path('PathPrefix', '/a') })] })], {
    createdAt: '2020-01-01T00:00:00Z',
  });
  const twoRules = testRoute('only', [testRule(['a']), testRule(['b'])]);

  const shuffled = [twoRules, ...cases.map(([, route]) => route).reverse(), older];
  const order = orderedEntries(shuffled.map((route) => ({ route, hostRank: 0 }))).map(
    ({ route, ruleIndex }) => `${route.origin.split('/')[2]} ${ruleIndex}`,
  );
  const expected = cases.map(([name]) => `${name} 0`);
  expect(order).toEqual([...expected.slice(0, -1), 'z-older 0', 'prefix 0', 'only 0', 'only 1']);
});

test('a route of another namespace holds for clients of that namespace only, and there instead of the producer', () => {
  const routes = [
    testRoute('producer', [testRule(['cart'])]),
    testRoute('consumer', [testRule(['cart'])], { namespace: 'web' }),
  ];
  const snapshot = testSnapshot({ services: [testService('cart', { routes })] });
  const names = (namespace: string) => forwardHosts(snapshot, namespace)[0]?.routes?.map((route) => route.name);
  expect(names('shop')).toEqual(['HTTPRoute/shop/producer/rule/0']);
  expect(names('web')).toEqual(['HTTPRoute/web/consumer/rule/0']);
  expect(names('third')).toEqual(['HTTPRoute/shop/producer/rule/0']);
});

test('a route limited to one port of its service leaves the others their default route', () => {
  const routes = [testRoute('r', [testRule(['cart'])], { parentPort: 8080 })];
  const cart = testService('cart', { routes, ports: [testPort(80), testPort(8080)] });
  expect(forwardHosts(testSnapshot({ services: [cart] })).map((host) => host.routes?.[0]?.name)).toEqual([
    'default/shop/cart',
    'HTTPRoute/shop/r/rule/0',
  ]);
});

test('listeners of one HTTP port share a table; each HTTPS listener has its own', () => {
  const route = testRoute('r', [testRule(['a'])]);
  const tables = gatewayTables(
    testGateway([
      { name: 'one', hostname: 'one.example', routes: [route] },
      { name: 'two', hostname: 'two.example', routes: [] },
      { name: 'web', port: 8443, protocol: 'HTTPS', hostname: 'web.example', routes: [route] },
    ]),
  );
  expect(tables).toEqual({
    'gateway|8080': { 'one.example': ['HTTPRoute/shop/r/rule/0'], 'two.example': [] },
    'gateway|8443|web': { 'web.example': ['HTTPRoute/shop/r/rule/0'] },
  });
});

test('hostnames of routes are cut to the listener, and the most specific one is asked first', () => {
  const route = (name: string, ...hostnames: string[]) => testRoute(name, [testRule(['a'])], { hostnames });
  const tables = gatewayTables(
    testGateway([
      {
        hostname: '*.example',
        routes: [route('all'), route('exact', 'a.example', 'other.org'), route('wild', '*.example')],
      },
    ]),
  );
  expect(tables['gateway|8080']).toEqual({
    '*.example': ['HTTPRoute/shop/all/rule/0', 'HTTPRoute/shop/wild/rule/0'],
    'a.example': ['HTTPRoute/shop/exact/rule/0', 'HTTPRoute/shop/all/rule/0', 'HTTPRoute/shop/wild/rule/0'],
  });
});

test('a host belongs to the listener that names it best, even when no route is attached there', () => {
  const everywhere = testRoute('r', [testRule(['a'])], { hostnames: ['a.example', 'b.example'] });
  const tables = gatewayTables(
    testGateway([
      { name: 'any', routes: [everywhere] },
      { name: 'own', hostname: 'a.example', routes: [] },
    ]),
  );
  expect(tables['gateway|8080']).toEqual({ 'a.example': [], 'b.example': ['HTTPRoute/shop/r/rule/0'] });
});
