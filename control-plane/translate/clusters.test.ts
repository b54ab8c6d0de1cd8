import { expect, test } from 'vitest';
import { typeUrls } from '../xds/resource.ts';
import { inboundClusters, outboundCluster } from './clusters.ts';
import { describeResource } from './describe-resource.ts';
import { loadAssignment } from './endpoints.ts';
import { Memo } from './memo.ts';
import { defaultPolicy, testEndpoint, testPort, testService, testWorkload } from './test-mesh.ts';

const tls = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3';

function cluster(service = testService('cart'), port = service.ports[0] ?? testPort(80)) {
  const resource = outboundCluster(new Memo(), service, port, 'cluster.local');
  return describeResource(typeUrls.cluster, resource) as Record<string, unknown>;
}

const partlyMeshed = testService('cart', {
  ports: [testPort(80, { endpoints: [testEndpoint('shop/cart-1'), testEndpoint('shop/cart-2', { meshed: false })] })],
});

function expectedIds(json: Record<string, unknown>): unknown[] {
  return [...JSON.stringify(json).matchAll(/"sanType":"URI","matcher":\{"exact":"([^"]+)"/g)].map(([, id]) => id);
}

test('an outbound cluster has every limit written out and names its service', () => {
  expect(cluster()).toMatchObject({
    name: 'outbound|80||cart.shop.svc.cluster.local',
    type: 'EDS',
    edsClusterConfig: { edsConfig: { ads: {}, resourceApiVersion: 'V3' } },
    connectTimeout: '1s',
    circuitBreakers: {
      thresholds: [
        {
          maxConnections: 1024,
          maxPendingRequests: 1024,
          maxRequests: 1024,
          retryBudget: { budgetPercent: { value: 20 }, minRetryConcurrency: 3 },
        },
      ],
    },
    metadata: { filterMetadata: { 'heddle.dev': { service: 'cart.shop', port: 80, protocol: 'http' } } },
    typedExtensionProtocolOptions: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        commonHttpProtocolOptions: { idleTimeout: '60s' },
        autoConfig: { httpProtocolOptions: {}, http2ProtocolOptions: { allowConnect: true } },
      },
    },
  });
});

test('an outbound cluster speaks mTLS to sidecars and plain text to what has none', () => {
  expect(cluster(partlyMeshed).transportSocketMatches).toMatchObject([
    {
      match: { tlsMode: 'heddle' },
      transportSocket: {
        typedConfig: {
          '@type': `${tls}.UpstreamTlsContext`,
          sni: 'outbound_.80_._.cart.shop.svc.cluster.local',
          commonTlsContext: {
            tlsParams: { tlsMinimumProtocolVersion: 'TLSv1_3' },
            alpnProtocols: ['http/1.1'],
            tlsCertificateSdsSecretConfigs: [{ name: 'default', sdsConfig: { ads: {} } }],
            combinedValidationContext: {
              defaultValidationContext: {
                matchTypedSubjectAltNames: [
                  { sanType: 'URI', matcher: { exact: 'spiffe://cluster.local/ns/shop/sa/cart' } },
                ],
              },
              validationContextSdsSecretConfig: { name: 'ROOTCA', sdsConfig: { ads: {} } },
            },
          },
        },
      },
    },
    { match: {}, transportSocket: { name: 'envoy.transport_sockets.raw_buffer' } },
  ]);
});

const optionsName = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

function spokenTo(json: Record<string, unknown>): Record<string, unknown> {
  return (json.typedExtensionProtocolOptions as Record<string, Record<string, unknown>>)[optionsName] ?? {};
}

test('LB-09: HTTP/2 is agreed on by ALPN where a sidecar stands before every endpoint, and HTTP/1 is spoken where not', () => {
  const meshed = cluster();
  expect(spokenTo(meshed)).toHaveProperty('autoConfig');
  // Envoy takes auto_config only from a cluster whose every transport socket has ALPN.
  expect(meshed).toHaveProperty('transportSocket.typedConfig.sni');
  expect(meshed.transportSocketMatches).toBeUndefined();
  expect(spokenTo(cluster(partlyMeshed))).toMatchObject({ explicitHttpConfig: { httpProtocolOptions: {} } });
});

test('an application that takes HTTP/2 gets it, from its own sidecar and without one', () => {
  const http2 = { explicitHttpConfig: { http2ProtocolOptions: {} } };
  const ports = [testPort(80, { http2: true, endpoints: [testEndpoint('shop/cart-1', { meshed: false })] })];
  expect(spokenTo(cluster(testService('cart', { ports })))).toMatchObject(http2);
  const appPort = { name: 'grpc', appPort: 9000, inboundPort: 19_000, protocol: 'http' as const };
  const inbound = (port: typeof appPort & { http2?: boolean }) => {
    const [resource] = inboundClusters(new Memo(), testWorkload('cart-1', { ports: [port] }));
    return spokenTo(describeResource(typeUrls.cluster, resource!) as Record<string, unknown>);
  };
  expect(inbound({ ...appPort, http2: true })).toMatchObject(http2);
  expect(inbound(appPort)).toMatchObject({ explicitHttpConfig: { httpProtocolOptions: {} } });
});

test('the ids behind a service are those of its meshed endpoints, each once and sorted', () => {
  const endpoints = [
    testEndpoint('shop/zebra-1'),
    testEndpoint('shop/cart-1'),
    testEndpoint('shop/cart-2'),
    testEndpoint('shop/plain-1', { meshed: false }),
  ];
  expect(expectedIds(cluster(testService('cart', { ports: [testPort(80, { endpoints })] })))).toEqual([
    'spiffe://cluster.local/ns/shop/sa/cart',
    'spiffe://cluster.local/ns/shop/sa/zebra',
  ]);
});

test('a service that nobody stands behind expects an id that nobody has, for an empty list would admit everyone', () => {
  expect(expectedIds(cluster(testService('cart', { ports: [testPort(80)] })))).toEqual(['spiffe://cluster.local/none']);
});

test('Peak-EWMA comes with least request for proxies that do not know it', () => {
  const policyNames = (balancer: (typeof defaultPolicy)['balancer']) => {
    const json = cluster(testService('cart', { policy: { ...defaultPolicy, balancer } }));
    return [...JSON.stringify(json.loadBalancingPolicy).matchAll(/"@type":"type.googleapis.com\/([^"]+)"/g)].map(
      ([, name]) => name,
    );
  };
  expect(policyNames('PeakEwma')).toEqual([
    'heddle.balance.v1.PeakEwma',
    'envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest',
  ]);
  expect(policyNames('RoundRobin')).toEqual(['envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin']);
});

test('an inbound cluster is the application on 127.0.0.1, without TLS', () => {
  const workload = testWorkload('redis-1', {
    ports: [{ name: 'redis', appPort: 6379, inboundPort: 16_379, protocol: 'tcp' }],
  });
  const [resource] = inboundClusters(new Memo(), workload);
  expect(describeResource(typeUrls.cluster, resource!)).toEqual({
    name: 'inbound|6379',
    type: 'STATIC',
    connectTimeout: '1s',
    loadAssignment: {
      clusterName: 'inbound|6379',
      endpoints: [
        {
          lbEndpoints: [{ endpoint: { address: { socketAddress: { address: '127.0.0.1', portValue: 6379 } } } }],
        },
      ],
    },
    metadata: { filterMetadata: { 'heddle.dev': { service: 'redis.shop', port: 6379, protocol: 'tcp' } } },
  });
});

test('an endpoint says whether it takes mTLS, whose it is, and whether it is healthy', () => {
  const endpoints = [
    testEndpoint('shop/cart-2', { address: '10.0.0.2', port: 8080, meshed: false, healthy: false, weight: 0 }),
    testEndpoint('shop/cart-1', { weight: 3 }),
  ];
  const service = testService('cart');
  const resource = loadAssignment(new Memo(), service, testPort(80, { endpoints }));
  expect(describeResource(typeUrls.endpoint, resource)).toEqual({
    clusterName: 'outbound|80||cart.shop.svc.cluster.local',
    endpoints: [
      {
        lbEndpoints: [
          {
            endpoint: { address: { socketAddress: { address: '10.0.0.1', portValue: 15006 } } },
            healthStatus: 'HEALTHY',
            metadata: {
              filterMetadata: {
                'envoy.transport_socket_match': { tlsMode: 'heddle' },
                'heddle.dev': { workload: 'shop/cart-1' },
              },
            },
            loadBalancingWeight: 3,
          },
          {
            endpoint: { address: { socketAddress: { address: '10.0.0.2', portValue: 8080 } } },
            healthStatus: 'UNHEALTHY',
            metadata: { filterMetadata: { 'heddle.dev': { workload: 'shop/cart-2' } } },
            loadBalancingWeight: 1,
          },
        ],
      },
    ],
  });
});
