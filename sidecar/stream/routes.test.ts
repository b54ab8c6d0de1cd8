import { expect, test } from 'vitest';
import {
  closedPort,
  cluster,
  endpoint,
  httpServer,
  request,
  retryOnce,
  route,
  routeTable,
  TestProxy,
} from '../../test/harness/data-path.ts';
import type { ForwardAction, RouteTable } from '../route/route-table.ts';

/** A proxy before an application that tells what it was asked. */
async function startProxy(action: Partial<ForwardAction>, more: Partial<RouteTable> = {}, edge = false) {
  const { port: app } = await httpServer((incoming, outgoing) =>
    outgoing.end(JSON.stringify({ url: incoming.url, headers: incoming.headers })),
  );
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [endpoint(app, { hostname: 'app.internal' })]));
  under.proxy.setRouteTable({ ...routeTable('table', [route('app', action)]), ...more });
  const port = await under.listen('app', { routes: 'table', direction: edge ? 'gateway' : 'outbound' });
  const ask = async (path = '/', headers: Record<string, string> = {}) => {
    const response = await request(port, path, { headers: { host: 'shop.example:8080', ...headers } });
    return { ...response, seen: response.body.startsWith('{"url') ? JSON.parse(response.body) : undefined };
  };
  return { under, ask, app };
}

test('the host may be the endpoint\u2019s own, come from a header, or from the path', async () => {
  const own = await startProxy({ hostRewrite: { kind: 'endpoint' }, appendForwardedHost: true });
  expect((await own.ask()).seen.headers).toMatchObject({
    host: 'app.internal',
    'x-forwarded-host': 'shop.example:8080',
  });
  const header = await startProxy({ hostRewrite: { kind: 'header', name: 'x-to' } });
  expect((await header.ask('/', { 'x-to': 'other.example' })).seen.headers.host).toBe('other.example');
  expect((await header.ask('/', { 'x-to': 'not a host' })).seen.headers.host).toBe('shop.example:8080');
  const rewrite = { kind: 'regex' as const, pattern: /^\/([a-z]+)\/.*$/, substitution: '\\1.example' };
  const path = await startProxy({
    hostRewrite: { kind: 'path', rewrite },
    pathRewrite: { kind: 'full', value: '/gone' },
  });
  expect((await path.ask('/cart/1?q')).seen).toMatchObject({ url: '/gone?q', headers: { host: 'cart.example' } });
});

test('the cluster may be named by a header; one that is not there is answered as the route says', async () => {
  const { ask } = await startProxy({ clusterHeader: 'x-cluster', notFoundStatus: 404 });
  expect((await ask('/', { 'x-cluster': 'app' })).status).toBe(200);
  expect((await ask('/', { 'x-cluster': 'none' })).status).toBe(404);
  const without = await ask('/');
  expect(without).toMatchObject({ status: 404, body: expect.stringContaining('the header x-cluster') });
});

test('a virtual host that requires TLS redirects what came in plain text', async () => {
  const table = routeTable('table', [route('app')]);
  const virtualHosts = table.virtualHosts.map((host) => ({ ...host, requireTls: 'external' as const }));
  const outside = await startProxy({}, { virtualHosts }, true);
  expect(await outside.ask('/a?b')).toMatchObject({
    status: 301,
    headers: { location: 'https://shop.example/a?b' },
  });
  expect((await (await startProxy({}, { virtualHosts })).ask('/')).status).toBe(200);
});

test('headers that are for the inside only are taken from what comes from outside', async () => {
  const internalOnlyHeaders = ['x-internal'];
  const sent = { 'x-internal': '1', 'x-other': '2' };
  const outside = (await (await startProxy({}, { internalOnlyHeaders }, true)).ask('/', sent)).seen.headers;
  expect([outside['x-internal'], outside['x-other']]).toEqual([undefined, '2']);
  const inside = (await (await startProxy({}, { internalOnlyHeaders })).ask('/', sent)).seen.headers;
  expect(inside['x-internal']).toBe('1');
});

test('the number of the attempt is told where the virtual host says so', async () => {
  const counted = { attemptCountInRequest: true, attemptCountInResponse: true, retry: retryOnce };
  const { under, ask, app } = await startProxy(counted);
  expect(await ask()).toMatchObject({
    headers: { 'x-envoy-attempt-count': '1' },
    seen: { headers: { 'x-envoy-attempt-count': '1' } },
  });
  under.proxy.setCluster(cluster('app', [await closedPort(), app]));
  const counts = new Set<unknown>();
  while (!counts.has('2')) {
    const asked = ask();
    let done = false;
    void asked.finally(() => {
      done = true;
    });
    while (!done) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      under.advance(10);
    }
    const { headers, seen } = await asked;
    expect(seen.headers['x-envoy-attempt-count']).toBe(headers['x-envoy-attempt-count']);
    counts.add(headers['x-envoy-attempt-count']);
  }
});

test('a response header may tell of the request', async () => {
  const responseHeaders = [
    {
      action: 'set' as const,
      name: 'x-asked',
      value: ['on ', (_: unknown, { method }: { method: string }) => method],
      keepEmpty: false,
    },
  ];
  const base = route('app').action as ForwardAction;
  const { ask } = await startProxy({ clusters: base.clusters.map((one) => ({ ...one, responseHeaders })) });
  expect((await ask()).headers['x-asked']).toBe('on GET');
});

test('an answer of ours has the response headers of its route, too', async () => {
  const responseHeaders = [{ action: 'set' as const, name: 'x-frame-options', value: 'DENY', keepEmpty: false }];
  const base = route('app').action as ForwardAction;
  const { ask, under } = await startProxy({ clusters: base.clusters.map((one) => ({ ...one, responseHeaders })) });
  under.proxy.setCluster(cluster('app', []));
  expect(await ask()).toMatchObject({ status: 503, headers: { 'x-frame-options': 'DENY' } });
});
