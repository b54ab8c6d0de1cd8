import { expect, test } from 'vitest';
import { loadFiles } from './load-files.ts';

function summary(files: Record<string, string>): string[] {
  const sources = Object.entries(files).map(([name, text]) => ({ name, text }));
  return loadFiles(sources, 'shop').problems.map(
    ({ file, line, field, message, hint }) =>
      `${file}:${line}:${field} ${message}${hint === undefined ? '' : ` (${hint})`}`,
  );
}

const route = `# the route of the shop
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: Ratings
spec:
  parentRefs:
    - kind: Service
      group: ""
      name: ratings
  rules:
    - backendRefs:
        - name: ratings
          port: "80"
          weight: -1
      timouts:
        request: 10s
    - timeouts:
        request: 10
        backendRequest: 5 s
`;
const policy = `apiVersion: heddle.dev/v1alpha1
kind: TrafficPolicy
metadata: { name: slow }
spec:
  targetRefs: [{ kind: Servise, name: cart }]
  retries: { attempts: 99 }
---
apiVersion: v1
kind: Servce
metadata: { name: cart }
---
apiVersion: v1
kind: Service
metadata: { name: cart }
spec: {}
`;

test('CF-05: ten problems of two files are listed at once, each with file, line and field', () => {
  expect(summary({ 'route.yaml': route, 'policy.yaml': policy })).toEqual([
    'route.yaml:5:metadata.name must be an RFC 1123 name: lower-case letters, digits, - and ., each part beginning and ending with a letter or digit',
    'route.yaml:14:spec.rules[0].backendRefs[0].port must be a number, not a string (write it without quotes: 80)',
    'route.yaml:15:spec.rules[0].backendRefs[0].weight must be 0 to 1000000',
    'route.yaml:16:spec.rules[0].timouts unknown field `timouts` (did you mean `timeouts`?)',
    'route.yaml:19:spec.rules[1].timeouts.request must be a duration, such as 500ms, 10s or 1m30s (10s)',
    'route.yaml:20:spec.rules[1].timeouts.backendRequest `5 s` is not a duration: numbers with h, m, s or ms, without sign, fraction or space',
    'policy.yaml:5:spec.targetRefs[0].kind must be one of Service, Namespace (did you mean `Service`?)',
    'policy.yaml:6:spec.retries.attempts must be 0 to 10',
    'policy.yaml:9:kind unknown kind `Servce` (did you mean `Service`?)',
    'policy.yaml:15:spec.ports required field `ports` is missing',
  ]);
});

test('a problem names the object it belongs to', () => {
  const { problems } = loadFiles([{ name: 'r.yaml', text: route }], 'shop');
  expect(new Set(problems.map(({ object }) => object))).toEqual(new Set(['HTTPRoute shop/Ratings']));
});

const service = (name: string, more = '') =>
  `{apiVersion: v1, kind: Service, metadata: {name: ${name}${more}}, spec: {ports: [{port: 80}]}}`;

test('a List stands for its items, and problems in it point into it', () => {
  const list = `apiVersion: v1\nkind: List\nitems:\n  - ${service('a')}\n  - ${service('B')}\n`;
  const loaded = loadFiles([{ name: 'l.yaml', text: list }], 'shop');
  expect(loaded.objects.map(({ resource, line }) => [resource.metadata.name, line])).toEqual([['a', 4]]);
  expect(loaded.problems).toMatchObject([{ line: 5, field: 'metadata.name' }]);
});

test('an object that two files define is a problem that names the other place', () => {
  expect(summary({ 'a.yaml': service('cart'), 'b.yaml': `\n${service('cart', ', namespace: shop')}` })).toEqual([
    'b.yaml:2:metadata.name Service shop/cart is already defined at a.yaml:1',
  ]);
});

test('what a server sets is accepted in input and left out of what is kept', () => {
  const text = `${service('cart', ', uid: x, resourceVersion: "7", generation: 3, creationTimestamp: null').slice(0, -1)}, status: {a: 1}}`;
  const { objects, problems } = loadFiles([{ name: 'a.yaml', text }], 'shop');
  expect(problems).toEqual([]);
  expect(objects[0]?.resource).toEqual({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'cart', namespace: 'shop' },
    spec: { ports: [{ port: 80 }] },
  });
});

test('CF-04: a version label written as a number gets the hint to quote it', () => {
  expect(summary({ 'a.yaml': service('cart', ', labels: {version: 2}') })).toEqual([
    'a.yaml:1:metadata.labels.version must be a string, not a number (write it in quotes: "2")',
  ]);
});

test('a wrong apiVersion, a missing kind and a document that is no object are told apart', () => {
  expect(summary({ 'a.yaml': 'apiVersion: v1beta1\nkind: Service\n---\nmetadata: {}\n---\n- 1\n' })).toEqual([
    'a.yaml:1:apiVersion a Service has apiVersion v1 (v1)',
    'a.yaml:4:kind required field `kind` is missing',
    'a.yaml:6: must be an object with apiVersion, kind and metadata',
  ]);
});
