import { expect, test } from 'vitest';
import type { MeshSnapshot } from '../../control-plane/registry/mesh-snapshot.ts';
import { Memo } from '../../control-plane/translate/memo.ts';
import type { ProxyNode } from '../../control-plane/translate/proxy-node.ts';
import {
  defaultPolicy,
  testEndpoint,
  testGateway,
  testMatch,
  testNode,
  testPort,
  testRoute,
  testRule,
  testService,
  testSnapshot,
  testWorkload,
} from '../../control-plane/translate/test-mesh.ts';
import { translate } from '../../control-plane/translate/translate.ts';
import { decodeResources, describeRefused } from '../../sidecar/discovery/decode-response.ts';
import { type ResourceType, resourceTypes, typeUrls } from '../../sidecar/discovery/type-urls.ts';
import { makeServerCertificate } from '../harness/certificates.ts';

// What the control plane writes, the proxy reads: each side alone may be right, and the two still not fit.

const { chainPem: rootsPem } = await makeServerCertificate('roots');

function decode(snapshot: MeshSnapshot, node: ProxyNode) {
  const resources = translate(snapshot, node, { rootsPem, memo: new Memo() });
  const context = { trustDomain: 'cluster.local', now: Date.now() };
  const counts: Partial<Record<ResourceType, string[]>> = {};
  const problems = resourceTypes.flatMap((type) => {
    const list = [...(resources.get(typeUrls[type]) ?? new Map()).values()].map(({ name, version, bytes }) => ({
      $type: 'envoy.service.discovery.v3.Resource' as const,
      name,
      version,
      resource: {
        $type: 'google.protobuf.Any' as const,
        typeUrl: typeUrls[type],
        value: Buffer.from(bytes),
      },
      resourceName: undefined,
      aliases: [],
      ttl: undefined,
      cacheControl: undefined,
      metadata: undefined,
    }));
    const { accepted, refused } = decodeResources(type, list, context);
    counts[type] = accepted.map(({ name }) => name);
    return describeRefused(type, refused);
  });
  return { problems, counts };
}

const edits = { set: [{ name: 'X-Set', value: 'a, b' }], add: [{ name: 'x-add', value: '1' }], remove: ['X-Gone'] };

const rules = [
  testRule(['ratings=80', 'web=20'], {
    matches: [
      testMatch({
        path: { type: 'RegularExpression', value: '/v[12]/.*' },
        method: 'GET',
        headers: [{ name: 'X-User', type: 'Exact', value: 'a' }],
        queryParams: [{ name: 'q', type: 'RegularExpression', value: '[a-z]+' }],
      }),
      testMatch({ path: { type: 'Exact', value: '/exact' } }),
    ],
    requestHeaders: edits,
    responseHeaders: edits,
    invalidBackendWeight: 5,
    requestTimeoutMs: 0,
    backendRequestTimeoutMs: 1_500,
  }),
  testRule(['ratings'], {
    matches: [testMatch({ path: { type: 'PathPrefix', value: '/old.*/x' } })],
    rewrite: { hostname: 'other.example', path: { type: 'ReplacePrefixMatch', value: '/' } },
  }),
  testRule(['ratings'], { rewrite: { hostname: undefined, path: { type: 'ReplaceFullPath', value: '/all' } } }),
  testRule([], {
    redirect: { scheme: 'https', hostname: 'a.example', port: undefined, path: undefined, statusCode: 301 },
  }),
  testRule([]),
];

const services = [
  testService('ratings', {
    routes: [testRoute('ratings', rules)],
    policy: {
      ...defaultPolicy,
      balancer: 'LeastRequest',
      retries: { attempts: 3, on: ['5xx', 'reset', 'gateway-error', 'refused-stream'], statuses: [409] },
    },
  }),
  testService('web', {
    ports: [
      testPort(80, { endpoints: [testEndpoint('shop/web-1'), testEndpoint('shop/plain-2', { meshed: false })] }),
      testPort(6379, { name: 'redis', protocol: 'tcp', endpoints: [testEndpoint('shop/web-1', { healthy: false })] }),
      testPort(81, { name: 'nobody' }),
    ],
  }),
];

test.each(['STRICT', 'PERMISSIVE'] as const)('a sidecar reads everything it is sent, with mTLS %s', (mode) => {
  const workload = testWorkload('web-1', {
    ports: [
      { name: 'http', appPort: 8080, inboundPort: 15_006, protocol: 'http' },
      { name: 'redis', appPort: 6379, inboundPort: 15_007, protocol: 'tcp' },
    ],
    upstreams: [
      { service: 'ratings', namespace: 'shop', port: 80, localPort: 7001 },
      { service: 'web', namespace: 'shop', port: 6379, localPort: 7002 },
    ],
  });
  const peerAuthentication: MeshSnapshot['peerAuthentication'] = [
    { origin: 'PeerAuthentication/shop/all', namespace: 'shop', selector: {}, mode, portModes: new Map() },
  ];
  const { problems, counts } = decode(
    testSnapshot({ services, workloads: [workload], peerAuthentication }),
    testNode('web-1'),
  );
  expect(problems).toEqual([]);
  expect(counts.listener).toEqual(
    expect.arrayContaining(['inbound|8080', 'inbound|6379', 'outbound', 'outbound|7001', 'outbound|7002']),
  );
  expect(counts.cluster).toHaveLength(2 + 4);
  expect(counts.endpoint).toHaveLength(4);
  expect(counts.secret).toEqual(['ROOTCA']);
});

test('a gateway reads everything it is sent but the certificates, which here are not real', () => {
  const gateway = testGateway([
    { name: 'http', port: 8080, routes: [testRoute('ratings', rules)] },
    {
      name: 'https',
      port: 8443,
      protocol: 'HTTPS',
      hostname: '*.example.com',
      certificates: ['shop/edge'],
      routes: [testRoute('web', rules)],
    },
  ]);
  const snapshot = testSnapshot({ services, gateways: [gateway], tlsSecrets: ['edge'] });
  const node = testNode('edge-1', { mode: 'gateway', gateway: 'shop/edge', outboundPort: 0 });
  const { problems, counts } = decode(snapshot, node);
  expect(problems.filter((problem) => !problem.startsWith('Secret "tls:shop/edge"'))).toEqual([]);
  expect(counts.listener).toEqual(['gateway|8080', 'gateway|8443']);
  expect(counts.route).toEqual(expect.arrayContaining(['gateway|8080', 'gateway|8443|https']));
});
