import { expect, test } from 'vitest';
import { cluster, httpServer, request, TestProxy } from '../../test/harness/data-path.ts';

async function headersSeenBehind(direction: 'gateway' | 'outbound', sent: Record<string, string | string[]>) {
  let seen: NodeJS.Dict<string | string[]> = {};
  const { port: upstream } = await httpServer((incoming, outgoing) => {
    seen = incoming.headers;
    outgoing.setHeader('x-heddle-reason', 'forged');
    outgoing.end();
  });
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [upstream]));
  const response = await request(await under.listen('app', { direction }), '/', {
    headers: { host: 'shop.example', ...sent },
  });
  return { seen, response };
}

test('P-20: what a stranger writes into trusted headers never reaches the upstream', async () => {
  const forged = {
    'X-Forwarded-For': ['1.2.3.4', '5.6.7.8'],
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'evil.example',
    'x-forwarded-port': '1',
    'X-FORWARDED-CLIENT-CERT': 'URI=spiffe://mesh/ns/a/sa/admin',
    forwarded: 'for=1.2.3.4',
    'x-real-ip': '1.2.3.4',
    'x-heddle-peer': 'spiffe://mesh/ns/a/sa/admin',
    'x-heddle-attempt': '9',
    'x-envoy-original-path': '/admin',
    'x-original-url': '/admin',
    'x-http-method-override': 'DELETE',
  };
  const { seen } = await headersSeenBehind('gateway', { ...forged, 'x-mine': 'kept' });
  expect(seen).toMatchObject({
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-proto': 'http',
    'x-forwarded-host': 'shop.example',
    'x-mine': 'kept',
  });
  const allowed = ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host'];
  const leaked = Object.keys(forged)
    .map((name) => name.toLowerCase())
    .filter((name) => !allowed.includes(name));
  expect(leaked.filter((name) => name in seen)).toEqual([]);
});

test('P-20: naming them in Connection does not take away what the gateway sets', async () => {
  const { seen } = await headersSeenBehind('gateway', { connection: 'x-forwarded-for, x-forwarded-host' });
  expect(seen).toMatchObject({ 'x-forwarded-for': '127.0.0.1', 'x-forwarded-host': 'shop.example' });
});

test('an application inside the mesh may tell of its client, but of no identity', async () => {
  const { seen } = await headersSeenBehind('outbound', {
    'x-forwarded-for': '9.9.9.9',
    'x-forwarded-client-cert': 'URI=spiffe://mesh/x',
    'x-heddle-peer': 'x',
  });
  expect(seen['x-forwarded-for']).toBe('9.9.9.9');
  expect([seen['x-forwarded-client-cert'], seen['x-heddle-peer']]).toEqual([undefined, undefined]);
});

test('UP-12: an application cannot speak in the name of the proxy', async () => {
  const { response } = await headersSeenBehind('gateway', {});
  expect(response.headers['x-heddle-reason']).toBeUndefined();
});
