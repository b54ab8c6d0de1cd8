import { expect, test } from 'vitest';
import { Cluster } from '../../proto/gen/envoy/config/cluster/v3/cluster.ts';
import { Listener } from '../../proto/gen/envoy/config/listener/v3/listener.ts';
import { HttpInspector } from '../../proto/gen/envoy/extensions/filters/listener/http_inspector/v3/http_inspector.ts';
import { ProxyProtocol } from '../../proto/gen/envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol.ts';
import { TlsInspector } from '../../proto/gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.ts';
import { ConnectionLimit } from '../../proto/gen/envoy/extensions/filters/network/connection_limit/v3/connection_limit.ts';
import { TcpProxy } from '../../proto/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.ts';
import {
  DownstreamTlsContext,
  UpstreamTlsContext,
} from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/tls.ts';
import { makeServerCertificate } from '../../test/harness/certificates.ts';
import { decodeCluster } from './decode-cluster.ts';
import { createFindings } from './decode-context.ts';
import { decodeListener } from './decode-listener.ts';

const typed = ({ $type }: { $type: string }, json: object = {}) => ({
  name: $type,
  typedConfig: { '@type': `type.googleapis.com/${$type}`, ...json },
});

function clusterWith(context: object) {
  const findings = createFindings();
  const json = { name: 'c', type: 'STATIC', transportSocket: typed(UpstreamTlsContext, context) };
  return { findings, decoded: decodeCluster(Cluster.fromJSON(json), { trustDomain: 'td', now: 0, findings }) };
}

function problemsOf(decoded: { ok: boolean; problems?: readonly string[] }): readonly string[] {
  return decoded.problems ?? [];
}

test('a server outside the mesh is verified by roots and names; without names, by the name that is asked for', async () => {
  const { chainPem } = await makeServerCertificate('api.example');
  const trustedCa = { inlineString: chainPem };
  const named = clusterWith({
    sni: 'api.example',
    commonTlsContext: {
      tlsParams: { tlsMaximumProtocolVersion: 'TLSv1_2', cipherSuites: ['[ECDHE-RSA-AES128-GCM-SHA256]'] },
      validationContext: {
        trustedCa,
        matchTypedSubjectAltNames: [
          { sanType: 'DNS', matcher: { suffix: '.example' } },
          { sanType: 'URI', matcher: { exact: 'urn:x' } },
        ],
      },
    },
  });
  expect(named.decoded).toMatchObject({
    ok: true,
    value: {
      config: {
        tls: {
          sni: 'api.example',
          certificateSecret: '',
          versions: { min: 'TLSv1.2', max: 'TLSv1.2' },
          serverNames: [
            { type: 'dns', match: { kind: 'suffix', value: '.example' } },
            { type: 'uri', match: { kind: 'exact', value: 'urn:x' } },
          ],
        },
      },
    },
  });
  expect(named.findings.secrets).toMatchObject([{ kind: 'validation', rootsPem: chainPem }]);
  const bySni = clusterWith({ sni: 'api.example', commonTlsContext: { validationContext: { trustedCa } } });
  expect(bySni.decoded).toMatchObject({
    value: { config: { tls: { serverNames: [{ type: 'dns', match: { kind: 'exact', value: 'api.example' } }] } } },
  });
  const system = clusterWith({ sni: 'a.example', commonTlsContext: { validationContext: { systemRootCerts: {} } } });
  expect(system.findings.secrets[0]).toMatchObject({ rootsPem: expect.stringContaining('BEGIN CERTIFICATE') });
});

test('a server that could be anyone is refused in the configuration, as are weak suites', async () => {
  const { chainPem } = await makeServerCertificate('api.example');
  const trustedCa = { inlineString: chainPem };
  const at = 'transport_socket.typed_config.common_tls_context';
  expect(problemsOf(clusterWith({ sni: 'a', commonTlsContext: {} }).decoded)).toContain(
    `${at}.validation_context: missing: a server that is not verified is not talked to`,
  );
  expect(problemsOf(clusterWith({ commonTlsContext: { validationContext: { trustedCa } } }).decoded)[0]).toMatch(
    /match_typed_subject_alt_names: missing: without sni/,
  );
  const weak = { tlsParams: { cipherSuites: ['AES128-SHA'], tlsMinimumProtocolVersion: 'TLSv1_0' } };
  const problems = problemsOf(
    clusterWith({ sni: 'a', commonTlsContext: { ...weak, validationContext: { trustedCa } } }).decoded,
  );
  expect(problems).toHaveLength(2);
  const unverified = { trustedCa, trustChainVerification: 'ACCEPT_UNTRUSTED' };
  expect(problemsOf(clusterWith({ sni: 'a', commonTlsContext: { validationContext: unverified } }).decoded)).toEqual([
    `${at}.validation_context.trust_chain_verification: not supported`,
  ]);
});

function listenerWith(json: object) {
  const address = { socketAddress: { address: '0.0.0.0', portValue: 80 } };
  return decodeListener(Listener.fromJSON({ name: 'l', address, ...json }));
}

test('filter chains, listener filters and limits are read', () => {
  const decoded = listenerWith({
    metadata: {
      filterMetadata: { 'heddle.dev': { max_connections_per_client: 7, proxy_protocol_sources: ['10.0.0.0/8'] } },
    },
    listenerFilters: [
      typed(TlsInspector),
      typed(HttpInspector),
      typed(ProxyProtocol, { allowRequestsWithoutProxyProtocol: true, disallowedVersions: ['V1'] }),
    ],
    filterChains: [
      {
        filterChainMatch: {
          serverNames: ['A.example', '*.b.example'],
          destinationPort: 443,
          prefixRanges: [{ addressPrefix: '10.0.0.0', prefixLen: 8 }],
          sourcePrefixRanges: [{ addressPrefix: '::1', prefixLen: 128 }],
          applicationProtocols: ['h2c'],
        },
        filters: [
          typed(ConnectionLimit, { statPrefix: 's', maxConnections: 5 }),
          typed(TcpProxy, {
            statPrefix: 's',
            weightedClusters: {
              clusters: [
                { name: 'one', weight: 9 },
                { name: 'two', weight: 1 },
              ],
            },
            maxConnectAttempts: 3,
            maxDownstreamConnectionDuration: '60s',
          }),
        ],
      },
    ],
    defaultFilterChain: { filters: [typed(TcpProxy, { statPrefix: 's', cluster: 'rest' })] },
  });
  expect(decoded).toMatchObject({
    ok: true,
    value: {
      inspect: { tls: true, http: true },
      proxyHeader: { allowWithout: true, versions: [2], trusted: [{ address: '10.0.0.0', prefixBits: 8 }] },
      maxConnectionsPerClient: 7,
      defaultChain: { protocol: { cluster: 'rest' } },
      chains: [
        {
          serverNames: ['a.example', '*.b.example'],
          maxConnections: 5,
          match: { destinationPort: 443, applicationProtocols: ['h2c'] },
          protocol: {
            weightedClusters: [
              { name: 'one', weight: 9 },
              { name: 'two', weight: 1 },
            ],
            maxConnectAttempts: 3,
            maxConnectionDurationMs: 60_000,
          },
        },
      ],
    },
  });
});

test('what a filter chain cannot be matched by is refused by its path', () => {
  const filters = [typed(TcpProxy, { statPrefix: 's', cluster: 'rest' })];
  const match = {
    sourceType: 'EXTERNAL',
    addressSuffix: 'x',
    directSourcePrefixRanges: [{ addressPrefix: '10.0.0.0' }],
    prefixRanges: [{ addressPrefix: 'nowhere', prefixLen: 8 }],
    serverNames: ['a.*.example'],
  };
  expect(problemsOf(listenerWith({ filterChains: [{ filterChainMatch: match, filters }], freebind: true }))).toEqual([
    'freebind: not supported',
    'filter_chains[0].filter_chain_match.address_suffix: not supported',
    'filter_chains[0].filter_chain_match.direct_source_prefix_ranges: not supported',
    'filter_chains[0].filter_chain_match.source_type: not supported',
    'filter_chains[0].filter_chain_match.prefix_ranges[0].address_prefix: "nowhere" is not an IP address',
    'filter_chains[0].filter_chain_match.server_names[0]: "a.*.example" is neither a host name nor "*." before one',
  ]);
});

test('clients are verified by roots written here only for SPIFFE ids of one trust domain', async () => {
  const { chainPem, privateKeyPem } = await makeServerCertificate('proxy.example');
  const validation = (uris: readonly string[]) => {
    const findings = createFindings();
    const context = {
      requireClientCertificate: true,
      commonTlsContext: {
        tlsCertificates: [
          { certificateChain: { inlineString: chainPem }, privateKey: { inlineString: privateKeyPem } },
        ],
        validationContext: {
          trustedCa: { inlineString: chainPem },
          matchTypedSubjectAltNames: uris.map((exact) => ({ sanType: 'URI', matcher: { exact } })),
        },
      },
    };
    const json = {
      name: 'l',
      address: { socketAddress: { address: '127.0.0.1', portValue: 1 } },
      filterChains: [
        {
          transportSocket: typed(DownstreamTlsContext, context),
          filters: [typed(TcpProxy, { cluster: 'c', statPrefix: 's' })],
        },
      ],
    };
    return { findings, decoded: decodeListener(Listener.fromJSON(json), { trustDomain: '', now: 0, findings }) };
  };
  const good = validation(['spiffe://td.test/ns/a/sa/b']);
  expect(good.decoded).toMatchObject({
    ok: true,
    value: { chains: [{ tls: { allowedIds: ['spiffe://td.test/ns/a/sa/b'], requireClientCertificate: true } }] },
  });
  expect(good.findings.secrets.find(({ kind }) => kind === 'validation')).toMatchObject({ trustDomain: 'td.test' });
  expect(problemsOf(validation([]).decoded).join()).toMatch(/match_typed_subject_alt_names: missing/);
  expect(problemsOf(validation(['spiffe://TD/x']).decoded).join()).toMatch(/no SPIFFE id/);
  expect(problemsOf(validation(['spiffe://one/x', 'spiffe://two/x']).decoded).join()).toMatch(/several trust domains/);
});
