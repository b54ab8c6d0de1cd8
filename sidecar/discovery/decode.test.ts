import { expect, test } from 'vitest';
import { Cluster } from '../../proto/gen/envoy/config/cluster/v3/cluster.ts';
import { ClusterLoadAssignment } from '../../proto/gen/envoy/config/endpoint/v3/endpoint.ts';
import { Listener } from '../../proto/gen/envoy/config/listener/v3/listener.ts';
import { RouteConfiguration } from '../../proto/gen/envoy/config/route/v3/route.ts';
import { LeastRequest } from '../../proto/gen/envoy/extensions/load_balancing_policies/least_request/v3/least_request.ts';
import { UpstreamTlsContext } from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/tls.ts';
import { PeakEwma } from '../../proto/gen/heddle/balance/v1/peak_ewma.ts';
import { ads, httpFilter, lbEndpoint, tlsSocket } from '../../test/harness/xds-resources.ts';
import { compileRouteTable } from '../route/compile.ts';
import { decodeCluster, endpointsOf } from './decode-cluster.ts';
import { decodeEndpoints } from './decode-endpoints.ts';
import { decodeListener } from './decode-listener.ts';
import { decodeRoute } from './decode-route.ts';
import type { Decoded } from './reader.ts';

// PeakEwma and the others must be imported to be known when JSON is read.
const known = [LeastRequest, PeakEwma, UpstreamTlsContext].map(({ $type }) => `type.googleapis.com/${$type}`);

function value<T>(decoded: Decoded<T>): T {
  if (!decoded.ok) throw new Error(decoded.problems.join('\n'));
  return decoded.value;
}

function problems(decoded: Decoded<unknown>): readonly string[] {
  return decoded.ok ? [] : decoded.problems;
}

const cluster = (json: object) => decodeCluster(Cluster.fromJSON({ name: 'c', connectTimeout: '1s', ...json }));
const listener = (json: object) =>
  decodeListener(
    Listener.fromJSON({ name: 'l', address: { socketAddress: { address: '0.0.0.0', portValue: 80 } }, ...json }),
  );
const route = (routeJson: object, host: object = {}) =>
  decodeRoute(
    RouteConfiguration.fromJSON({
      name: 'r',
      virtualHosts: [{ name: 'v', domains: ['*'], routes: [{ match: { prefix: '/' }, ...routeJson }], ...host }],
    }),
  );

test('a cluster without settings gets the stated defaults', () => {
  const { config } = value(cluster({ type: 'EDS' }));
  expect(config).toMatchObject({
    discovery: { kind: 'eds', endpointsName: 'c' },
    protocol: 'http1',
    connectTimeoutMs: 1_000,
    idleTimeoutMs: 4_000,
    balancer: { kind: 'round-robin' },
    tls: undefined,
    breakers: { maxConnections: 1024, maxPendingRequests: 1024, maxRequests: 1024, retryBudgetPercent: 20 },
  });
});

test('the first known balancing policy is taken, and an Istio-style name tells the service', () => {
  const policies = [
    {
      typedExtensionConfig: { name: 'unknown', typedConfig: { '@type': 'type.googleapis.com/google.protobuf.Empty' } },
    },
    { typedExtensionConfig: { name: 'ewma', typedConfig: { '@type': known[1], decayTime: '5s' } } },
    { typedExtensionConfig: { name: 'least', typedConfig: { '@type': known[0] } } },
  ];
  const name = 'outbound|8080|v1|ratings.shop.svc.cluster.local';
  const { config } = value(cluster({ name, type: 'EDS', loadBalancingPolicy: { policies } }));
  expect(config.balancer).toEqual({ kind: 'peak-ewma', decayMs: 5_000, defaultRttMs: 30 });
  expect(config).toMatchObject({ service: 'ratings.shop', servicePort: 8080 });
  const only = { policies: policies.slice(0, 1) };
  expect(problems(cluster({ loadBalancingPolicy: only }))[0]).toMatch(
    /^load_balancing_policy.policies: none is supported/,
  );
});

const upstreamSocket = (validation: object) => ({
  name: 'tls',
  typedConfig: {
    '@type': known[2],
    sni: 'outbound_.80_._.web',
    commonTlsContext: {
      tlsCertificateSdsSecretConfigs: [{ name: 'default', sdsConfig: ads }],
      combinedValidationContext: {
        defaultValidationContext: validation,
        validationContextSdsSecretConfig: { name: 'ROOTCA', sdsConfig: ads },
      },
    },
  },
});

test('TLS of an endpoint follows the first socket match its metadata fits, then the cluster itself', () => {
  const ids = { matchTypedSubjectAltNames: [{ sanType: 'URI', matcher: { exact: 'spiffe://td/ns/a/sa/b' } }] };
  const matching = value(
    cluster({
      type: 'EDS',
      transportSocketMatches: [
        { name: 'mesh', match: { tlsMode: 'heddle' }, transportSocket: upstreamSocket(ids) },
        { name: 'plain', match: {} },
      ],
    }),
  );
  expect(matching.config.tls).toEqual({
    sni: 'outbound_.80_._.web',
    expectedIds: ['spiffe://td/ns/a/sa/b'],
    certificateSecret: 'default',
    validationSecret: 'ROOTCA',
    alpnProtocols: [],
  });
  const mesh = { metadata: { filterMetadata: { 'envoy.transport_socket_match': { tlsMode: 'heddle' } } } };
  const endpoints = [lbEndpoint('10.0.0.1', 80, mesh), lbEndpoint('10.0.0.2', 80, { healthStatus: 'UNHEALTHY' })];
  const json = { clusterName: 'c', endpoints: [{ lbEndpoints: endpoints }] };
  const assignment = value(decodeEndpoints(ClusterLoadAssignment.fromJSON(json)));
  expect(endpointsOf(matching, assignment).map(({ tls, healthy }) => [tls, healthy])).toEqual([
    [true, true],
    [false, false],
  ]);
  const always = value(cluster({ type: 'EDS', transportSocket: upstreamSocket(ids) }));
  expect(endpointsOf(always, assignment).map(({ tls }) => tls)).toEqual([true, true]);
});

test('a peer that cannot be named by an exact id is refused in the configuration already', () => {
  const matchTypedSubjectAltNames = [
    { sanType: 'URI', matcher: { prefix: 'spiffe://' } },
    { sanType: 'DNS', matcher: { exact: 'a' } },
  ];
  const path =
    'transport_socket.typed_config.common_tls_context.combined_validation_context.default_validation_context';
  expect(problems(cluster({ transportSocket: upstreamSocket({ matchTypedSubjectAltNames }) }))).toEqual(
    [0, 1].map((index) => `${path}.match_typed_subject_alt_names[${index}]: only exact URI names are supported`),
  );
});

test('XD-13: bad endpoints are each named', () => {
  const lbEndpoints = [
    lbEndpoint('10.0.0.1', 0),
    lbEndpoint('10.0.0.1', 70_000),
    lbEndpoint('example.com', 80),
    lbEndpoint('10.0.0.9', 80),
    lbEndpoint('10.0.0.9', 80),
  ];
  const json = { clusterName: 'c', endpoints: [{ lbEndpoints, priority: 129 }] };
  const at = (index: number) => `endpoints[0].lb_endpoints[${index}].endpoint.address.socket_address`;
  expect(problems(decodeEndpoints(ClusterLoadAssignment.fromJSON(json)))).toEqual([
    'endpoints[0].priority: at most 128',
    `${at(0)}.port_value: must be between 1 and 65535`,
    `${at(1)}.port_value: must be between 1 and 65535`,
    `${at(2)}.address: "example.com" is not an IP address`,
    'endpoints: 10.0.0.9:80 is listed twice',
  ]);
});

test('fields that are not understood are refused by name, at every depth', () => {
  expect(
    problems(
      cluster({
        type: 'EDS',
        healthChecks: [{ timeout: '1s', interval: '1s', customHealthCheck: { name: 'x' } }],
        lbSubsetConfig: { subsetSelectors: [{ keys: ['v'], singleHostPerSubset: true }] },
        lbPolicy: 'CLUSTER_PROVIDED',
        circuitBreakers: { thresholds: [{ maxConnectionPools: 1 }] },
      }),
    ),
  ).toEqual([
    'lb_policy: only ROUND_ROBIN, LEAST_REQUEST, RANDOM, RING_HASH and MAGLEV are supported',
    'lb_subset_config.subset_selectors[0].single_host_per_subset: not supported',
    'health_checks[0].custom_health_check: not supported',
    'circuit_breakers.thresholds[0].max_connection_pools: not supported',
  ]);
  const unknown = { name: 'x', typedConfig: { '@type': 'type.googleapis.com/google.protobuf.Empty' } };
  expect(problems(listener({ filterChains: [{ filters: [unknown] }, { filters: [] }], useOriginalDst: true }))).toEqual(
    [
      'use_original_dst: not supported',
      'filter_chains[0].filters[0].typed_config: unsupported type type.googleapis.com/google.protobuf.Empty',
      'filter_chains[1].filters: missing',
    ],
  );
});

test('a listener of stock Envoy is read: TLS with SNI, inline routes, edge rules', () => {
  const routeConfig = {
    name: 'inline',
    virtualHosts: [{ name: 'v', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'c' } }] }],
  };
  const filters = [httpFilter({ codecType: 'AUTO', useRemoteAddress: true, routeConfig })];
  const config = value(
    listener({
      trafficDirection: 'INBOUND',
      filterChains: [
        {
          name: 'tls',
          filterChainMatch: { serverNames: ['*.Example.com'] },
          filters,
          transportSocket: tlsSocket('cert'),
        },
        { name: 'plain', filterChainMatch: { transportProtocol: 'raw_buffer' }, filters },
      ],
    }),
  );
  expect(config).toMatchObject({ direction: 'inbound', address: '0.0.0.0', port: 80 });
  expect(config.chains[0]).toMatchObject({
    serverNames: ['*.example.com'],
    tls: { certificateSecret: 'cert', requireClientCertificate: false, minVersion: 'TLSv1.2' },
    protocol: { kind: 'http', edge: true, idleTimeoutMs: 60_000, headersTimeoutMs: 10_000 },
  });
  expect(config.chains[1]).toMatchObject({ transport: 'raw_buffer', tls: undefined });
});

test('a route is read with its matches, rewrite, weights, retries and headers', () => {
  const table = value(
    route(
      {
        name: 'HTTPRoute/shop/web/rule/0',
        match: {
          pathSeparatedPrefix: '/api',
          headers: [
            { name: ':method', stringMatch: { exact: 'GET' } },
            { name: 'X-Debug', presentMatch: true, invertMatch: true },
            { name: 'x-a', stringMatch: { prefix: 'a.b', ignoreCase: true } },
          ],
          queryParameters: [{ name: 'v', stringMatch: { safeRegex: { regex: '[0-9]+' } } }],
        },
        route: {
          weightedClusters: {
            clusters: [
              { name: 'one', weight: 80 },
              { name: 'two', weight: 20 },
            ],
          },
          prefixRewrite: '/',
          hostRewriteLiteral: 'other.example',
          timeout: '0s',
          retryPolicy: { retryOn: '5xx,connect-failure', numRetries: 2, retryBackOff: { baseInterval: '0.010s' } },
        },
        requestHeadersToAdd: [
          { header: { key: 'X-One', value: '100%%' } },
          { header: { key: 'x-two', value: '2' }, appendAction: 'OVERWRITE_IF_EXISTS_OR_ADD' },
        ],
        responseHeadersToRemove: ['Server'],
      },
      { requestHeadersToAdd: [{ header: { key: 'x-host', value: 'h' } }] },
    ),
  );
  const [first] = table.virtualHosts[0]!.routes;
  expect(first).toMatchObject({
    name: 'HTTPRoute/shop/web/rule/0',
    match: {
      path: { kind: 'path-separated-prefix', value: '/api' },
      headers: [
        { name: ':method', match: { kind: 'exact', value: 'GET' }, invert: false },
        { name: 'x-debug', match: { kind: 'present' }, invert: true },
        { name: 'x-a', match: { kind: 'regex', value: /a\.b[\s\S]*/i } },
      ],
      query: [{ name: 'v', match: { kind: 'regex', value: /[0-9]+/ } }],
    },
    action: {
      kind: 'forward',
      clusters: [
        {
          name: 'one',
          weight: 80,
          requestHeaders: [
            { action: 'append', name: 'x-one', value: '100%' },
            { action: 'set', name: 'x-two', value: '2' },
            { action: 'append', name: 'x-host', value: 'h' },
          ],
          responseHeaders: [{ action: 'remove', name: 'server' }],
        },
        { name: 'two', weight: 20 },
      ],
      timeoutMs: 0,
      idleTimeoutMs: undefined,
      pathRewrite: { kind: 'prefix', value: '/' },
      hostRewrite: { kind: 'literal', value: 'other.example' },
      retry: {
        attempts: 2,
        perTryTimeoutMs: 0,
        on: new Set(['connect-failure', '5xx']),
        backoffBaseMs: 10,
        backoffMaxMs: 100,
      },
    },
    responseHeaders: [{ action: 'remove', name: 'server' }],
  });
  expect(() => compileRouteTable(table)).not.toThrow();
});

test('redirects and direct responses are read', () => {
  const redirect = { httpsRedirect: true, portRedirect: 8443, prefixRewrite: '/new', responseCode: 'FOUND' };
  expect(value(route({ redirect })).virtualHosts[0]?.routes[0]?.action).toEqual({
    kind: 'redirect',
    status: 302,
    scheme: 'https',
    host: undefined,
    port: 8443,
    path: { kind: 'prefix', value: '/new' },
    stripQuery: false,
  });
  const directResponse = { status: 404, body: { inlineString: 'gone' } };
  expect(value(route({ directResponse })).virtualHosts[0]?.routes[0]?.action).toEqual({
    kind: 'respond',
    status: 404,
    body: 'gone',
  });
});

test.each([
  [
    'XD-12: weights of 0',
    { weightedClusters: { clusters: [{ name: 'a', weight: 0 }] } },
    'weighted_clusters: the sum of weights is 0',
  ],
  [
    'XD-12: weights over 2^32',
    {
      weightedClusters: {
        clusters: [
          { name: 'a', weight: 4294967295 },
          { name: 'b', weight: 1 },
        ],
      },
    },
    'weighted_clusters: the sum of weights is above 4294967295',
  ],
  ['XD-12: a negative time-out', { cluster: 'a', timeout: '-1s' }, 'timeout: negative duration'],
  [
    'an unknown retry word',
    { cluster: 'a', retryPolicy: { retryOn: 'http3-post-connect-failure' } },
    'retry_policy.retry_on: "http3-post-connect-failure" is not supported; known are connect-failure, refused-stream, reset-before-request, reset, 5xx, gateway-error, retriable-4xx, retriable-status-codes, retriable-headers, envoy-ratelimited, cancelled, deadline-exceeded, internal, resource-exhausted, unavailable',
  ],
  [
    'a hash policy',
    { cluster: 'a', hashPolicy: [{ filterState: { key: 'x' } }] },
    'hash_policy[0].filter_state: not supported',
  ],
])('%s is refused', (_, action, problem) => {
  expect(problems(route({ route: action }))).toEqual([`virtual_hosts[0].routes[0].route.${problem}`]);
});

test.each([
  ['(?=a)a', 'look-around is not allowed'],
  ['(?<!a)b', 'look-around is not allowed'],
  ['(a)\\1', 'back-references are not allowed'],
  ['(a+)+', 'repetition inside a repeated group is not allowed'],
  ['((a{2,9}b)){2,}', 'repetition inside a repeated group is not allowed'],
  ['a{1001}', 'repetition counts to more than 1000'],
  ['(?i:a)', 'flags are not allowed'],
  ['(', 'not a regular expression that RE2 and JavaScript share'],
  ['\\z', 'not a regular expression that RE2 and JavaScript share'],
  ['a'.repeat(1025), 'longer than 1024 characters'],
  ['', 'missing'],
])('XD-11: the expression %s is refused', (regex, problem) => {
  const match = { safeRegex: { regex } };
  expect(problems(route({ match, route: { cluster: 'a' } }))).toEqual([
    `virtual_hosts[0].routes[0].match.safe_regex.regex: ${problem}`,
  ]);
});

test.each(['/v[12]/.*', '/(a|b)+/x?', '/(?<id>[0-9]+)', '[^/]+\\.(?:jpg|png)', '(ab){2}', '.*\\[.*', '[[(+*]+'])(
  'the expression %s is accepted',
  (regex) => {
    expect(problems(route({ match: { safeRegex: { regex } }, route: { cluster: 'a' } }))).toEqual([]);
  },
);

test('header edits that would break messages are refused', () => {
  const add = (key: string, text: string) => ({ header: { key, value: text } });
  const list = problems(
    route({
      route: { cluster: 'a' },
      requestHeadersToAdd: [add('host', 'x'), add('a b', 'x'), add('x', 'a\r\nb: c'), add('x', '%REQ(a)')],
      requestHeadersToRemove: ['Content-Length', ':path'],
    }),
  );
  expect(list.map((problem) => problem.replace('virtual_hosts[0].routes[0].', ''))).toEqual([
    'request_headers_to_remove[0]: "content-length" may not be changed',
    'request_headers_to_remove[1]: ":path" is not a header name',
    'request_headers_to_add[0].header.key: "host" may not be changed',
    'request_headers_to_add[1].header.key: "a b" is not a header name',
    'request_headers_to_add[2].header.value: has a control character',
    'request_headers_to_add[3].header.value: has a "%" that begins no command operator; write %% for the character',
  ]);
});
