import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { makeServerCertificate } from '../../test/harness/certificates.ts';
import { loadFiles } from '../config/load-files.ts';
import { openTestState, type TestState } from '../store/test-state.ts';
import { intersectHostnames } from './hostname-match.ts';
import type { MeshSnapshot } from './mesh-snapshot.ts';
import { Registry } from './registry.ts';

const clock = new FakeClock();
let state: TestState;
let registry: Registry;
beforeEach(() => {
  state = openTestState(clock);
  const health = { isHealthy: () => true, subscribe: () => () => {} };
  registry = new Registry({ store: state.store, health, trustDomain: 'cluster.local', clock });
});
afterEach(() => {
  registry.close();
  state.dispose();
});

function apply(yaml: string): MeshSnapshot {
  const { objects, problems } = loadFiles([{ name: 'test.yaml', text: yaml }], 'shop');
  expect(problems).toEqual([]);
  for (const { resource } of objects) state.store.put(resource, 'api');
  clock.advance(1_000);
  return registry.snapshots.value;
}

function condition(kind: string, key: string, type: string): string {
  const [namespace = '', name = ''] = key.split('/');
  const { conditions = [] } = registry.statusOf({ kind, metadata: { name, namespace } });
  const found = conditions.find((item) => item.type === type);
  return `${found?.status} ${found?.reason}: ${found?.message}`;
}

const service = (key: string, ports = '{port: 80}') => {
  const [namespace, name] = key.split('/');
  return `---\napiVersion: v1\nkind: Service\nmetadata: {name: ${name}, namespace: ${namespace}}\nspec: {ports: [${ports}]}\n`;
};
const route = (key: string, spec: string) => {
  const [namespace, name] = key.split('/');
  return `---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: ${name}, namespace: ${namespace}}\nspec: ${spec}\n`;
};
const gateway = (listeners: string, className = 'heddle') =>
  `---\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: edge}\nspec: {gatewayClassName: ${className}, listeners: [${listeners}]}\n`;

test('a route of a service shares out weights; what cannot be resolved is counted and told', () => {
  const snapshot = apply(
    service('shop/ratings') +
      service('shop/redis', '{name: redis, port: 6379}') +
      service('pay/till') +
      route(
        'shop/ratings',
        `{parentRefs: [{kind: Service, group: "", name: ratings}], rules: [{backendRefs: [{name: ratings, port: 80, weight: 5}, {name: ratings, weight: 0},
          {name: nowhere, port: 80}, {name: ratings, port: 81, weight: 2}, {name: redis, port: 6379, weight: 3}, {name: till, namespace: pay, port: 80, weight: 4}]}]}`,
      ),
  );
  const rule = snapshot.services.get('shop/ratings')?.routes[0]?.rules[0];
  expect(rule?.backends.map(({ service: name, port, weight }) => [name, port, weight])).toEqual([
    ['shop/ratings', 80, 5],
    ['shop/ratings', 80, 0],
  ]);
  expect(rule?.invalidBackendWeight).toBe(1 + 2 + 3 + 4);
  const message = condition('HTTPRoute', 'shop/ratings', 'ResolvedRefs');
  for (const part of [
    'no Service shop/nowhere',
    'no port 81; it has 80',
    'redis is TCP',
    'pay/till is in another namespace',
  ]) {
    expect(message).toContain(part);
  }
});

test('a rule that sends requests nowhere answers 500, unless it redirects', () => {
  const snapshot = apply(
    service('shop/a') +
      route(
        'shop/a',
        '{parentRefs: [{kind: Service, group: "", name: a}], rules: [{}, {backendRefs: [{name: a, weight: 0}]}, {filters: [{type: RequestRedirect, requestRedirect: {scheme: https}}]}]}',
      ),
  );
  const rules = snapshot.services.get('shop/a')?.routes[0]?.rules;
  expect(rules?.map((rule) => rule.invalidBackendWeight)).toEqual([1, 1, 0]);
  expect(rules?.[2]?.redirect?.statusCode).toBe(302);
  expect(rules?.[0]?.matches).toEqual([
    { path: { type: 'PathPrefix', value: '/' }, method: undefined, headers: [], queryParams: [] },
  ]);
});

test('CF-10: nobody routes for a service of another namespace', () => {
  const snapshot = apply(
    service('shop/cart') +
      service('evil/cart') +
      route(
        'evil/take',
        '{parentRefs: [{kind: Service, group: "", name: cart, namespace: shop}], rules: [{backendRefs: [{name: cart, port: 80}]}]}',
      ),
  );
  expect(snapshot.services.get('shop/cart')?.routes).toEqual([]);
  expect(condition('HTTPRoute', 'evil/take', 'Accepted')).toMatch(/^False NotAllowedByParent/);
});

test('CF-10: a host of a gateway belongs to the namespace that had it first', () => {
  const parent = 'parentRefs: [{name: edge, namespace: shop}]';
  apply(gateway('{name: web, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}'));
  apply(route('shop/first', `{${parent}, hostnames: [shop.example.com], rules: [{}]}`));
  apply(route('evil/second', `{${parent}, hostnames: [shop.example.com], rules: [{}]}`));
  const snapshot = apply(
    route('shop/third', `{${parent}, hostnames: [shop.example.com, more.example.com], rules: [{}]}`),
  );
  expect(snapshot.gateways.get('shop/edge')?.listeners[0]?.routes.map(({ origin }) => origin)).toEqual([
    'HTTPRoute/shop/first',
    'HTTPRoute/shop/third',
  ]);
  expect(condition('HTTPRoute', 'evil/second', 'Accepted')).toBe(
    'False HostnameConflict: host shop.example.com belongs to namespace shop (HTTPRoute/shop/first is older)',
  );
});

test('a gateway listener takes routes of its namespace alone unless it says All, and those it has a name in common with', () => {
  apply(
    gateway(
      '{name: a, port: 80, hostname: "*.example.com", protocol: HTTP}, {name: b, port: 81, hostname: b.example.org, protocol: HTTP}',
    ) +
      service('shop/web') +
      route('shop/web', '{parentRefs: [{name: edge}], hostnames: [x.example.com, other.net], rules: [{}]}') +
      route('shop/any', '{parentRefs: [{name: edge, sectionName: b}], rules: [{}]}') +
      route('shop/none', '{parentRefs: [{name: edge}], hostnames: [nothing.net], rules: [{}]}') +
      route('other/web', '{parentRefs: [{name: edge, namespace: shop}], rules: [{}]}') +
      route('shop/lost', '{parentRefs: [{name: nowhere}], rules: [{}]}'),
  );
  const listeners = registry.snapshots.value.gateways.get('shop/edge')?.listeners;
  expect(listeners?.map(({ name, routes }) => [name, routes.map((item) => [item.origin, item.hostnames])])).toEqual([
    ['a', [['HTTPRoute/shop/web', ['x.example.com']]]],
    ['b', [['HTTPRoute/shop/any', ['b.example.org']]]],
  ]);
  expect(condition('HTTPRoute', 'shop/none', 'Accepted')).toMatch(/^False NoMatchingListenerHostname/);
  expect(condition('HTTPRoute', 'other/web', 'Accepted')).toMatch(/^False NotAllowedByListeners/);
  expect(condition('HTTPRoute', 'shop/lost', 'Accepted')).toMatch(/^False NoMatchingParent: no Gateway shop\/nowhere/);
  apply(gateway('{name: a, port: 80, protocol: HTTP}', 'other-class'));
  expect(registry.snapshots.value.gateways.size).toBe(0);
  expect(condition('Gateway', 'shop/edge', 'Accepted')).toMatch(/^False/);
});

test('an HTTPS listener waits for its certificate, and only certificates in use are in the snapshot', async () => {
  const pem = await makeServerCertificate('shop.example.com');
  const other = await makeServerCertificate('other.example.com');
  const secret = (name: string, { chainPem, privateKeyPem }: typeof pem) =>
    `---\n${JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, type: 'kubernetes.io/tls', stringData: { 'tls.crt': chainPem, 'tls.key': privateKeyPem } })}\n`;
  apply(
    gateway('{name: tls, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: web}]}}') + secret('unused', other),
  );
  expect(registry.snapshots.value.gateways.get('shop/edge')?.listeners).toEqual([]);
  expect(condition('Gateway', 'shop/edge', 'ResolvedRefs')).toMatch(/^False InvalidCertificateRef/);
  expect(condition('Gateway', 'shop/edge', 'Programmed')).toMatch(/^False/);

  apply(secret('web', pem));
  const { gateways, tlsSecrets } = registry.snapshots.value;
  expect(gateways.get('shop/edge')?.listeners[0]?.certificates).toEqual(['shop/web']);
  expect([...tlsSecrets.keys()]).toEqual(['shop/web']);
  expect(tlsSecrets.get('shop/web')?.certificatePem).toBe(pem.chainPem);
  expect(condition('Gateway', 'shop/edge', 'Programmed')).toMatch(/^True/);

  const mixed = loadFiles(
    [{ name: 's', text: secret('mixed', { ...pem, privateKeyPem: other.privateKeyPem }) }],
    'shop',
  );
  expect(mixed.problems.map(({ message }) => message)).toEqual([
    'tls.key does not belong to the certificate in tls.crt',
  ]);
  expect(JSON.stringify(mixed.problems)).not.toContain('PRIVATE');
});

test('a route for one port of a service says which', () => {
  const snapshot = apply(
    service('shop/web', '{name: http, port: 80}, {name: admin, port: 81}') +
      route(
        'shop/r',
        '{parentRefs: [{kind: Service, group: "", name: web, sectionName: admin}], rules: [{backendRefs: [{name: web, port: 80}]}]}',
      ),
  );
  expect(snapshot.services.get('shop/web')?.routes.map(({ parentPort }) => parentPort)).toEqual([81]);
});

test('host names of a listener and a route meet in the narrower one', () => {
  expect(intersectHostnames('', ['a.com'])).toEqual(['a.com']);
  expect(intersectHostnames('a.com', [])).toEqual(['a.com']);
  expect(intersectHostnames('*.a.com', ['x.a.com', 'x.y.a.com', 'a.com', 'b.com'])).toEqual(['x.a.com', 'x.y.a.com']);
  expect(intersectHostnames('x.a.com', ['*.a.com'])).toEqual(['x.a.com']);
  expect(intersectHostnames('*.a.com', ['*.b.a.com', '*.com'])).toEqual(['*.b.a.com', '*.a.com']);
  expect(intersectHostnames('a.com', ['b.com'])).toBeUndefined();
});
