import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Cluster } from '../../proto/gen/envoy/config/cluster/v3/cluster.ts';
import { ClusterLoadAssignment } from '../../proto/gen/envoy/config/endpoint/v3/endpoint.ts';
import { Listener } from '../../proto/gen/envoy/config/listener/v3/listener.ts';
import { RouteConfiguration } from '../../proto/gen/envoy/config/route/v3/route.ts';
import { Secret } from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret.ts';
import type { MeshSnapshot } from '../registry/mesh-snapshot.ts';
import { type NodeResources, type TypeUrl, typeUrls } from '../xds/resource.ts';
import { describeResource } from './describe-resource.ts';
import { Memo } from './memo.ts';
import type { ProxyNode } from './proxy-node.ts';
import {
  testEndpoint,
  testGateway,
  testNode,
  testPort,
  testRoute,
  testRule,
  testService,
  testSnapshot,
  testWorkload,
} from './test-mesh.ts';
import { translate } from './translate.ts';

const messages = {
  [typeUrls.cluster]: Cluster,
  [typeUrls.endpoint]: ClusterLoadAssignment,
  [typeUrls.listener]: Listener,
  [typeUrls.route]: RouteConfiguration,
  [typeUrls.secret]: Secret,
};

function translated(snapshot: MeshSnapshot, node: ProxyNode, memo = new Memo()): NodeResources {
  return translate(snapshot, node, { rootsPem: 'roots', memo });
}

function versions(resources: NodeResources): Record<string, string> {
  return Object.fromEntries(
    [...resources].flatMap(([type, map]) => [...map.values()].map((one) => [`${type} ${one.name}`, one.version])),
  );
}

/** What `pick` finds in any object of a ProtoJSON value. */
function find(json: unknown, pick: (object: Record<string, unknown>) => unknown): string[] {
  if (Array.isArray(json)) return json.flatMap((item) => find(item, pick));
  if (typeof json !== 'object' || json === null) return [];
  const object = json as Record<string, unknown>;
  const picked = pick(object);
  const deeper = Object.values(object).flatMap((value) => find(value, pick));
  return typeof picked === 'string' ? [picked, ...deeper] : deeper;
}

function described(resources: NodeResources, type: TypeUrl): unknown[] {
  return [...(resources.get(type)?.values() ?? [])].map((resource) => describeResource(type, resource));
}

const namesArbitrary = fc.uniqueArray(fc.constantFrom('cart', 'catalog', 'ratings', 'ratings-v2'), { minLength: 1 });

const snapshotArbitrary = fc
  .record({
    names: namesArbitrary,
    protocol: fc.constantFrom('http' as const, 'tcp' as const),
    targets: namesArbitrary,
    invalid: fc.integer({ min: 0, max: 2 }),
    endpoints: fc.integer({ min: 0, max: 3 }),
    mode: fc.constantFrom('STRICT' as const, 'PERMISSIVE' as const),
    hostnames: fc.uniqueArray(fc.constantFrom('a.example', '*.example', 'b.a.example')),
    listenerHost: fc.constantFrom('', '*.example', 'a.example'),
  })
  .map((parts) => {
    const route = testRoute('split', [testRule(parts.targets, { invalidBackendWeight: parts.invalid })], {
      hostnames: parts.hostnames,
    });
    const snapshot = testSnapshot({
      services: parts.names.map((name) =>
        testService(name, {
          ports: [
            testPort(80, {
              endpoints: Array.from({ length: parts.endpoints }, (_, i) => testEndpoint(`shop/${name}-${i}`)),
            }),
            testPort(6_379, { protocol: parts.protocol, name: 'second' }),
          ],
          routes: name === 'cart' ? [route] : [],
        }),
      ),
      workloads: [
        testWorkload('cart-1', {
          upstreams: [{ service: 'ratings', namespace: 'shop', port: 6_379, localPort: 7_000 }],
        }),
      ],
      gateways: [
        testGateway([
          { routes: [route], hostname: parts.listenerHost },
          { name: 'tls', port: 8443, protocol: 'HTTPS', certificates: ['shop/web', 'shop/gone'], routes: [route] },
        ]),
      ],
      tlsSecrets: ['web'],
      peerAuthentication: [{ origin: '', namespace: '', selector: {}, mode: parts.mode, portModes: new Map() }],
    });
    return snapshot;
  });

const nodes = [
  testNode('cart-1'),
  testNode('stranger-1'),
  testNode('edge-1', { mode: 'gateway', gateway: 'shop/edge' }),
];

test('every resource decodes, has the name it is filed under, and is the same bytes from a fresh memo', () => {
  fc.assert(
    fc.property(snapshotArbitrary, fc.constantFrom(...nodes), (snapshot, node) => {
      const resources = translated(snapshot, node);
      for (const [type, map] of resources) {
        for (const [name, resource] of map) {
          const message = messages[type].decode(resource.bytes);
          expect('clusterName' in message ? message.clusterName : message.name).toBe(name);
          expect(resource.name).toBe(name);
          expect(() => describeResource(type, resource)).not.toThrow();
        }
      }
      expect(versions(translated(snapshot, node))).toEqual(versions(resources));
    }),
    { numRuns: 60 },
  );
});

test('every cluster, route table, secret and load assignment that is referred to exists, save invalid-backend', () => {
  fc.assert(
    fc.property(snapshotArbitrary, fc.constantFrom(...nodes), (snapshot, node) => {
      const resources = translated(snapshot, node);
      const known = (type: TypeUrl) => new Set(resources.get(type)?.keys());
      const clusters = known(typeUrls.cluster).add('invalid-backend');
      const routes = described(resources, typeUrls.route);
      const listeners = described(resources, typeUrls.listener);
      const targets = [
        ...find([routes, listeners], (object) => object.cluster),
        ...find(routes, (object) => ('weight' in object ? object.name : undefined)),
      ];
      for (const name of targets) expect(clusters).toContain(name);
      for (const name of find(listeners, (object) => object.routeConfigName)) {
        expect(known(typeUrls.route)).toContain(name);
      }
      const eds = [...known(typeUrls.cluster)].filter((name) => name.startsWith('outbound'));
      expect(new Set(eds)).toEqual(known(typeUrls.endpoint));
      const secrets = known(typeUrls.secret).add('default');
      for (const name of find(listeners, (object) => ('sdsConfig' in object ? object.name : undefined))) {
        expect(secrets).toContain(name);
      }
    }),
    { numRuns: 60 },
  );
});

test('an endpoint change encodes one ClusterLoadAssignment anew and leaves every other type the same map', () => {
  const memo = new Memo();
  const cart = testService('cart');
  const ratings = testService('ratings');
  const workload = testWorkload('cart-1');
  const node = testNode('cart-1');
  const before = translated(testSnapshot({ services: [cart, ratings], workloads: [workload] }), node, memo);
  const [port] = ratings.ports;
  const grown = {
    ...ratings,
    ports: [{ ...testPort(80), endpoints: [...(port?.endpoints ?? []), testEndpoint('shop/ratings-2')] }],
  };
  const after = translated(testSnapshot({ services: [cart, grown], workloads: [workload] }), node, memo);

  for (const type of [typeUrls.cluster, typeUrls.listener, typeUrls.route, typeUrls.secret]) {
    expect(after.get(type)).toBe(before.get(type));
  }
  const name = 'outbound|80||ratings.shop.svc.cluster.local';
  expect(after.get(typeUrls.endpoint)?.get(name)?.version).not.toBe(before.get(typeUrls.endpoint)?.get(name)?.version);
  const other = 'outbound|80||cart.shop.svc.cluster.local';
  expect(after.get(typeUrls.endpoint)?.get(other)).toBe(before.get(typeUrls.endpoint)?.get(other));
});

test('a memo gives the same as no memo over a series of changes, and forgets what is gone', () => {
  const memo = new Memo();
  fc.assert(
    fc.property(fc.array(snapshotArbitrary, { minLength: 2, maxLength: 4 }), (series) => {
      for (const snapshot of series) {
        for (const node of nodes) {
          expect(versions(translated(snapshot, node, memo))).toEqual(versions(translated(snapshot, node)));
        }
        memo.sweep();
      }
    }),
    { numRuns: 20 },
  );
  memo.sweep();
  memo.sweep();
  expect(memo.size).toBe(0);
});

test('P-44: a gateway certificate goes to the gateway that serves it and to no other proxy', () => {
  const snapshot = testSnapshot({
    gateways: [
      testGateway([{ protocol: 'HTTPS', port: 8443, certificates: ['shop/web'] }]),
      testGateway([{ protocol: 'HTTP' }], 'other'),
    ],
    tlsSecrets: ['web', 'unused'],
  });
  const secretsOf = (node: ProxyNode) => [...(translated(snapshot, node).get(typeUrls.secret)?.keys() ?? [])];
  expect(secretsOf(testNode('g', { mode: 'gateway', gateway: 'shop/edge' }))).toEqual(['ROOTCA', 'tls:shop/web']);
  expect(secretsOf(testNode('g', { mode: 'gateway', gateway: 'shop/other' }))).toEqual(['ROOTCA']);
  expect(secretsOf(testNode('cart-1'))).toEqual(['ROOTCA']);
});

test('a private key is redacted where a resource is described', () => {
  const snapshot = testSnapshot({
    gateways: [testGateway([{ protocol: 'HTTPS', certificates: ['shop/web'] }])],
    tlsSecrets: ['web'],
  });
  const node = testNode('g', { mode: 'gateway', gateway: 'shop/edge' });
  const [, secret] = described(translated(snapshot, node), typeUrls.secret);
  expect(secret).toEqual({
    name: 'tls:shop/web',
    tlsCertificate: {
      certificateChain: { inlineString: 'certificate of web' },
      privateKey: { inlineString: '<redacted>' },
    },
  });
});
