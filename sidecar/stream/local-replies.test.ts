import { expect, test } from 'vitest';
import {
  closedPort,
  cluster,
  endpoint,
  type HttpListenerOptions,
  httpServer,
  noRetry,
  rawClient,
  request,
  retryOnce,
  route,
  routeTable,
  type SeenResponse,
  TestProxy,
  tcpServer,
  until,
} from '../../test/harness/data-path.ts';
import { defaultSpread } from '../cluster/cluster-config.ts';
import { formatResponseFlags } from './response-flags.ts';

interface ErrorBody {
  error: { reason: string; message: string; requestId: string; flags: string };
}

/** What all local replies have in common, and the parts that differ. */
function expectReply(
  under: TestProxy,
  response: SeenResponse,
  status: number,
  reason: string,
  flags: string,
): ErrorBody {
  const body = JSON.parse(response.body) as ErrorBody;
  const info = under.observer.streams.at(-1);
  expect(response.status).toBe(status);
  expect(response.headers['x-heddle-reason']).toMatch(new RegExp(`^${reason}(;|$)`));
  expect(response.headers['x-request-id']).toBe('request-1');
  expect(body.error).toMatchObject({ reason, requestId: 'request-1', flags });
  expect(info).toMatchObject({ status, reason });
  expect(formatResponseFlags(info?.flags ?? 0)).toBe(flags);
  return body;
}

async function withCluster(config: ReturnType<typeof cluster> | undefined, options: HttpListenerOptions = {}) {
  const under = new TestProxy();
  if (config !== undefined) under.proxy.setCluster(config);
  return { under, port: await under.listen('app', options) };
}

test('unknown host: 404 NR', async () => {
  const { under, port } = await withCluster(undefined, { routes: 'table' });
  under.proxy.setRouteTable(routeTable('table', [route('app')], ['shop.example']));
  const response = await request(port, '/', { headers: { host: 'nobody.example' } });
  expect(expectReply(under, response, 404, 'unknown-host', 'NR').error.message).toContain('nobody.example');
});

test('no route: 404 NR', async () => {
  const { under, port } = await withCluster(undefined, { routes: 'table' });
  const only = { ...route('app'), match: { path: { kind: 'exact' as const, value: '/only' }, headers: [], query: [] } };
  under.proxy.setRouteTable(routeTable('table', [only]));
  const response = await request(port, '/other');
  expect(expectReply(under, response, 404, 'no-route', 'NR').error.message).toContain('GET /other');
});

test('routes that have not arrived: 503 NR', async () => {
  const { under, port } = await withCluster(undefined, { routes: 'late' });
  expectReply(under, await request(port, '/'), 503, 'no-route-table', 'NR');
});

test('a route to a cluster that is not there: 503 NC; to an invalid backend: 500 NC', async () => {
  const { under, port } = await withCluster(undefined);
  expectReply(under, await request(port, '/'), 503, 'no-cluster', 'NC');
  const second = new TestProxy();
  const response = await request(await second.listen('invalid-backend'), '/');
  expectReply(second, response, 500, 'invalid-backend', 'NC');
});

test('no endpoint, and none that is healthy: 503 UH', async () => {
  const { under, port } = await withCluster(cluster('app', []));
  const response = await request(port, '/');
  expect(expectReply(under, response, 503, 'no-healthy-endpoints', 'UH').error.message).toContain('no endpoints');
  expect(response.headers['x-heddle-reason']).toBe('no-healthy-endpoints; service=app.default; endpoints=0');
  const spread = { ...defaultSpread, panicThresholdPercent: 0 };
  const sick = [endpoint(1, { healthy: false }), endpoint(2, { healthy: false })];
  const second = await withCluster(cluster('app', sick, { spread }));
  expectReply(second.under, await request(second.port, '/'), 503, 'no-healthy-endpoints', 'UH');
});

test('connection refused: 503 UF', async () => {
  const { under, port } = await withCluster(cluster('app', [await closedPort()]));
  const { error } = expectReply(under, await request(port, '/'), 503, 'connect-refused', 'UF');
  expect(error.message).toMatch(/nothing listens on 127\.0\.0\.1:\d+; is it running\?/);
});

test('a connection that is not made in time: 503 UF', async () => {
  // A peer that accepts and never shakes hands: the time-out covers TLS too.
  const upstream = await tcpServer(() => {});
  const tls = { sni: '', expectedIds: ['spiffe://a/b'], certificateSecret: 'default', validationSecret: 'ROOTCA' };
  const { under, port } = await withCluster(cluster('app', [endpoint(upstream, { tls: true })], { tls }));
  const { makeServerCertificate } = await import('../../test/harness/certificates.ts');
  const own = await makeServerCertificate('own');
  under.secrets.set({ kind: 'certificate', name: 'default', notAfter: 0, ...own });
  under.secrets.set({ kind: 'validation', name: 'ROOTCA', trustDomain: 'a', rootsPem: own.chainPem });
  const response = request(port, '/');
  await until(() => under.proxy.describe().clusters[0]?.connections === 1);
  under.advance(1_100);
  expectReply(under, await response, 503, 'connect-timeout', 'UF');
});

test('TLS that cannot be had: 503 UF', async () => {
  const upstream = await tcpServer((socket) => void socket.end('no TLS here'));
  const { under, port } = await withCluster(cluster('app', [endpoint(upstream, { tls: true })]));
  expectReply(under, await request(port, '/'), 503, 'tls-failure', 'UF');
});

test('an upstream that closes without an answer: 503 UC', async () => {
  const upstream = await tcpServer((socket) => void socket.once('data', () => socket.end()));
  const { under, port } = await withCluster(cluster('app', [upstream]));
  expectReply(under, await request(port, '/'), 503, 'upstream-reset', 'UC');
});

test('an upstream that breaks the protocol: 502 UPE', async () => {
  const upstream = await tcpServer((socket) => void socket.once('data', () => socket.write('SSH-2.0-OpenSSH\r\n\r\n')));
  const { under, port } = await withCluster(cluster('app', [upstream]));
  expectReply(under, await request(port, '/'), 502, 'upstream-protocol-error', 'UPE');
});

test('a response that breaks off after its head is broken off towards the client too', async () => {
  const upstream = await tcpServer(
    (socket) => void socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nfive.')),
  );
  const { under, port } = await withCluster(cluster('app', [upstream]));
  await expect(request(port, '/')).rejects.toThrow();
  expect(under.observer.streams).toMatchObject([{ status: 200, reason: 'upstream-reset' }]);
});

test('the request time-out: 504 UT, and the message names the knob', async () => {
  let asked = false;
  const { port: upstream } = await httpServer(() => {
    asked = true;
  });
  const { under, port } = await withCluster(cluster('app', [upstream]), { action: { timeoutMs: 2_000 } });
  const response = request(port, '/');
  await until(() => asked);
  under.advance(2_100);
  const { error } = expectReply(under, await response, 504, 'request-timeout', 'UT');
  expect(error.message).toMatch(/within 2000 ms; set timeouts\.request of route\/app/);
});

test('the time-out of one try: 504 UT, and URX when it was the second', async () => {
  let asked = 0;
  const { port: upstream } = await httpServer(() => {
    asked++;
  });
  const once = { retry: { ...noRetry, perTryTimeoutMs: 1_000 } };
  const first = await withCluster(cluster('app', [upstream]), { action: once });
  const response = request(first.port, '/');
  await until(() => asked === 1);
  first.under.advance(1_100);
  expectReply(first.under, await response, 504, 'per-try-timeout', 'UT');

  const twice = { retry: { ...retryOnce, perTryTimeoutMs: 1_000 } };
  const second = await withCluster(cluster('app', [upstream]), { action: twice });
  const retried = request(second.port, '/');
  await until(() => asked === 2);
  second.under.advance(1_300);
  await until(() => asked === 3);
  second.under.advance(1_100);
  expectReply(second.under, await retried, 504, 'per-try-timeout', 'UT,URX');
  expect(second.under.observer.streams[0]?.attempts).toMatchObject([{ failure: 'UT' }, { failure: 'UT' }]);
});

test('a stream in which nothing moves: 504 SI before the answer, broken off after it began', async () => {
  let asked = 0;
  const upstream = await tcpServer((socket) => {
    socket.once('data', (head) => {
      asked++;
      if (String(head).startsWith('GET /half')) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nfive.');
    });
  });
  const action = { timeoutMs: 0, idleTimeoutMs: 1_000 };
  const { under, port } = await withCluster(cluster('app', [upstream]), { action });
  const response = request(port, '/');
  await until(() => asked === 1);
  under.advance(1_100);
  expectReply(under, await response, 504, 'stream-idle', 'SI');
  const client = rawClient(port).send('GET /half HTTP/1.1\r\nhost: a\r\n\r\n');
  await client.see(/five\.$/);
  under.advance(1_100);
  await until(() => client.closed);
  expect(client.ended).toBe(false);
});

test('a client that stops in the middle of its request: 408 SI', async () => {
  let asked = false;
  const upstream = await tcpServer((socket) => {
    socket.once('data', () => {
      asked = true;
    });
  });
  const { port, under } = await withCluster(cluster('app', [upstream]), { action: { idleTimeoutMs: 1_000 } });
  const client = rawClient(port).send('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nfive.');
  await until(() => asked);
  under.advance(1_100);
  expect(await client.see(/request-idle/)).toMatch(/^HTTP\/1.1 408 /);
});

test('P-55: an open circuit breaker: 503 UO at once', async () => {
  const { port: upstream } = await httpServer(() => {});
  const config = cluster('app', [upstream]);
  const { under, port } = await withCluster({ ...config, breakers: { ...config.breakers, maxRequests: 1 } });
  request(port, '/').catch(() => {});
  await until(() => under.proxy.describe().clusters[0]?.activeRequests === 1);
  const response = await request(port, '/');
  expect(response).toMatchObject({ status: 503, body: expect.stringContaining('maxRequests') });
  expect(under.observer.streams.at(-1)).toMatchObject({ reason: 'overflow' });
});

test('P-55: requests past the queue for connections: 503 UO', async () => {
  const { port: upstream } = await httpServer(() => {});
  const config = cluster('app', [upstream]);
  const breakers = { ...config.breakers, maxConnections: 1, maxPendingRequests: 1 };
  const { under, port } = await withCluster({ ...config, breakers });
  request(port, '/').catch(() => {});
  await until(() => under.proxy.describe().clusters[0]?.endpoints[0]?.connections === 1);
  request(port, '/').catch(() => {});
  await until(() => under.proxy.describe().clusters[0]?.pendingRequests === 1);
  expect(await request(port, '/')).toMatchObject({ status: 503, body: expect.stringContaining('maxPendingRequests') });
});

test('a bad request is answered by the codec and counted, and the upstream hears nothing', async () => {
  let asked = 0;
  const upstream = await tcpServer(() => asked++);
  const { under, port } = await withCluster(cluster('app', [upstream]));
  const client = rawClient(port).send('GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n');
  expect(await client.see(/h1\.duplicate-host/)).toMatch(/^HTTP\/1.1 400 /);
  expect(under.observer.refused).toMatchObject([{ listener: 'listener', reason: 'h1.duplicate-host' }]);
  expect(asked).toBe(0);
});

test('a client that asks for text gets text, and HEAD gets no body', async () => {
  const { port } = await withCluster(undefined);
  const text = await request(port, '/', { headers: { accept: 'text/html, */*;q=0.8' } });
  expect(text.headers['content-type']).toBe('text/plain; charset=utf-8');
  expect(text.body).toMatch(
    /^the route route\/app leads to app, which is not there\n\(no-cluster, request request-1\)\n$/,
  );
  const client = rawClient(port).send('HEAD / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
  await until(() => client.ended);
  expect(client.received).toMatch(/content-length: [1-9]\d+\r\n[\s\S]*\r\n\r\n$/);
});

test('a host that a client made up cannot break out of the reason header', async () => {
  const { under, port } = await withCluster(undefined, { routes: 'table' });
  under.proxy.setRouteTable(routeTable('table', [], ['nobody']));
  const client = rawClient(port).send('GET / HTTP/1.1\r\nhost: a;evil=1,b\r\n\r\n');
  expect(await client.see(/\r\n\r\n/)).not.toMatch(/x-heddle-reason: [^\r]*;evil/);
});

test('redirects and fixed responses are answered here, with the response headers of their route', async () => {
  const { port, under } = await withCluster(undefined, { routes: 'table' });
  const base = {
    ...route('app'),
    responseHeaders: [{ action: 'set' as const, name: 'x-by', value: 'route', keepEmpty: false }],
  };
  const at = (value: string) => ({ path: { kind: 'exact' as const, value }, headers: [], query: [] });
  const redirect = {
    kind: 'redirect' as const,
    status: 301 as const,
    scheme: 'https',
    host: undefined,
    port: undefined,
  };
  under.proxy.setRouteTable(
    routeTable('table', [
      { ...base, match: at('/old'), action: { ...redirect, path: { kind: 'full', value: '/new' }, stripQuery: false } },
      { ...base, match: at('/hi'), action: { kind: 'respond', status: 200, body: 'hello' } },
    ]),
  );
  const moved = await request(port, '/old', { headers: { host: 'shop.example' } });
  expect(moved).toMatchObject({ status: 301, headers: { location: 'https://shop.example/new', 'x-by': 'route' } });
  expect(await request(port, '/hi')).toMatchObject({ status: 200, body: 'hello', headers: { 'x-by': 'route' } });
  expect(under.observer.streams).toMatchObject([
    { flags: 0, reason: '' },
    { flags: 0, reason: '' },
  ]);
});
