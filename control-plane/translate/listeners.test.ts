import { expect, test } from 'vitest';
import type { MeshSnapshot } from '../registry/mesh-snapshot.ts';
import { typeUrls } from '../xds/resource.ts';
import { describeResource } from './describe-resource.ts';
import { Memo } from './memo.ts';
import { mtlsMode } from './peer-authentication.ts';
import type { ProxyNode } from './proxy-node.ts';
import { testGateway, testNode, testPort, testService, testSnapshot, testWorkload } from './test-mesh.ts';
import { translate } from './translate.ts';

function listeners(snapshot: MeshSnapshot, node: ProxyNode): Map<string, Record<string, unknown>> {
  const map = translate(snapshot, node, { rootsPem: 'roots', memo: new Memo() }).get(typeUrls.listener);
  return new Map(
    [...(map ?? [])].map(([name, one]) => [name, describeResource(typeUrls.listener, one) as Record<string, unknown>]),
  );
}

const cart = testWorkload('cart-1');
const permissive = { origin: 'x', namespace: '', selector: {}, mode: 'PERMISSIVE' as const, portModes: new Map() };

test('a STRICT inbound listener has one chain, which demands a client certificate', () => {
  const inbound = listeners(testSnapshot({ workloads: [cart] }), testNode('cart-1')).get('inbound|8080');
  expect(inbound).toMatchObject({
    address: { socketAddress: { address: '0.0.0.0', portValue: 15006 } },
    trafficDirection: 'INBOUND',
    filterChains: [
      {
        transportSocket: {
          typedConfig: {
            requireClientCertificate: true,
            commonTlsContext: {
              tlsParams: { tlsMinimumProtocolVersion: 'TLSv1_3' },
              alpnProtocols: ['h2', 'http/1.1'],
              tlsCertificateSdsSecretConfigs: [{ name: 'default' }],
              validationContextSdsSecretConfig: { name: 'ROOTCA' },
            },
          },
        },
        filters: [
          {
            typedConfig: {
              routeConfig: {
                virtualHosts: [
                  {
                    domains: ['*'],
                    routes: [{ name: 'inbound|8080', route: { cluster: 'inbound|8080', timeout: '0s' } }],
                  },
                ],
              },
              httpFilters: [{ name: 'envoy.filters.http.router' }],
              upgradeConfigs: [{ upgradeType: 'websocket' }],
              http2ProtocolOptions: { maxConcurrentStreams: 1_024, allowConnect: true },
            },
          },
        ],
      },
    ],
  });
  expect(inbound?.listenerFilters).toBeUndefined();
});

test('a PERMISSIVE inbound listener tells TLS from plain text by the first bytes', () => {
  const snapshot = testSnapshot({ workloads: [cart], peerAuthentication: [permissive] });
  expect(listeners(snapshot, testNode('cart-1')).get('inbound|8080')).toMatchObject({
    listenerFilters: [{ name: 'envoy.filters.listener.tls_inspector' }],
    filterChains: [
      { filterChainMatch: { transportProtocol: 'tls' }, transportSocket: {} },
      { filterChainMatch: { transportProtocol: 'raw_buffer' } },
    ],
  });
});

test('the mTLS mode comes from the most specific rule, and from the port before the rule', () => {
  const namespaced = { ...permissive, namespace: 'shop', mode: 'STRICT' as const };
  const selected = { ...namespaced, selector: { app: 'cart' }, portModes: new Map([[9, 'PERMISSIVE' as const]]) };
  expect(mtlsMode([], cart, 9)).toBe('STRICT');
  expect(mtlsMode([permissive], cart, 9)).toBe('PERMISSIVE');
  expect(mtlsMode([permissive, namespaced], cart, 9)).toBe('STRICT');
  expect(mtlsMode([selected, namespaced, permissive], cart, 9)).toBe('PERMISSIVE');
  expect(mtlsMode([selected, namespaced, permissive], cart, 8)).toBe('STRICT');
  expect(mtlsMode([{ ...permissive, namespace: 'elsewhere' }], cart, 9)).toBe('STRICT');
});

test('a sidecar binds a local listener for each upstream that exists, and the forward proxy when it wants one', () => {
  const redis = testService('redis', { ports: [testPort(6379, { protocol: 'tcp' })] });
  const workload = testWorkload('cart-1', {
    ports: [],
    upstreams: [
      { service: 'redis', namespace: 'shop', port: 6379, localPort: 7000 },
      { service: 'gone', namespace: 'shop', port: 80, localPort: 7001 },
      { service: 'cart', namespace: 'shop', port: 80, localPort: 7002 },
    ],
  });
  const snapshot = testSnapshot({ services: [redis, testService('cart')], workloads: [workload] });
  const found = listeners(snapshot, testNode('cart-1'));
  expect([...found.keys()]).toEqual(['outbound', 'outbound|7000', 'outbound|7002']);
  expect(found.get('outbound|7000')).toMatchObject({
    address: { socketAddress: { address: '127.0.0.1', portValue: 7000 } },
    filterChains: [{ filters: [{ typedConfig: { cluster: 'outbound|6379||redis.shop.svc.cluster.local' } }] }],
  });
  expect(found.get('outbound|7002')).toMatchObject({
    filterChains: [
      { filters: [{ typedConfig: { rds: { routeConfigName: 'outbound|80||cart.shop.svc.cluster.local' } } }] },
    ],
  });
  expect(listeners(snapshot, testNode('cart-1', { outboundPort: 0 })).has('outbound')).toBe(false);
});

test('an HTTPS gateway port has a chain for each listener whose certificate exists', () => {
  const https = { port: 8443, protocol: 'HTTPS' as const };
  const gateway = testGateway([
    { ...https, name: 'web', hostname: 'shop.example', certificates: ['shop/web'] },
    { ...https, name: 'gone', hostname: 'gone.example', certificates: ['shop/gone'] },
    { name: 'http', port: 8080 },
    { ...https, name: 'nothing', port: 9443, certificates: ['shop/gone'] },
  ]);
  const node = testNode('edge-1', { mode: 'gateway', gateway: 'shop/edge', listenerAddress: '127.0.0.1' });
  const found = listeners(testSnapshot({ gateways: [gateway], tlsSecrets: ['web'] }), node);
  expect([...found.keys()]).toEqual(['gateway|8443', 'gateway|8080']);
  const tls = found.get('gateway|8443');
  expect(tls?.filterChains).toHaveLength(1);
  expect(tls).toMatchObject({
    listenerFilters: [{ name: 'envoy.filters.listener.tls_inspector' }],
    filterChains: [
      {
        name: 'web',
        filterChainMatch: { serverNames: ['shop.example'] },
        transportSocket: {
          typedConfig: {
            commonTlsContext: {
              tlsParams: { tlsMinimumProtocolVersion: 'TLSv1_2' },
              alpnProtocols: ['h2', 'http/1.1'],
              tlsCertificateSdsSecretConfigs: [{ name: 'tls:shop/web' }],
            },
          },
        },
        filters: [{ typedConfig: { rds: { routeConfigName: 'gateway|8443|web' }, useRemoteAddress: true } }],
      },
    ],
  });
  expect(found.get('gateway|8080')).toMatchObject({
    address: { socketAddress: { address: '127.0.0.1', portValue: 8080 } },
    filterChains: [{ filters: [{ typedConfig: { rds: { routeConfigName: 'gateway|8080' } } }] }],
  });
});
