import { expect, test } from 'vitest';
import { RouteConfiguration } from '../../proto/gen/envoy/config/route/v3/route.ts';
import type { ForwardAction, RouteTable } from '../route/route-table.ts';
import { decodeRoute } from './decode-route.ts';

function decoded(json: object): RouteTable {
  const result = decodeRoute(RouteConfiguration.fromJSON({ name: 'r', ...json }));
  if (!result.ok) throw new Error(result.problems.join('\n'));
  return result.value;
}

const host = (route: object, more: object = {}) => ({
  virtualHosts: [{ name: 'v', domains: ['*'], routes: [{ match: { prefix: '/' }, ...route }], ...more }],
});

function forward(action: object, more: object = {}): ForwardAction {
  const found = decoded(host({ route: action }, more)).virtualHosts[0]?.routes[0]?.action;
  if (found?.kind !== 'forward') throw new Error('not a forward action');
  return found;
}

function problems(json: object): readonly string[] {
  const result = decodeRoute(RouteConfiguration.fromJSON({ name: 'r', ...json }));
  return result.ok ? [] : result.problems;
}

test.each([
  [{ autoHostRewrite: true }, { kind: 'endpoint' }],
  [{ autoHostRewrite: false }, undefined],
  [{ hostRewriteHeader: 'X-Host' }, { kind: 'header', name: 'x-host' }],
  [
    { hostRewritePathRegex: { pattern: { regex: '^/([a-z]+)/.*$' }, substitution: '\\1.example' } },
    { kind: 'path', rewrite: { substitution: '\\1.example' } },
  ],
])('the host rewrite %o is read', (rewrite, expected) => {
  const { hostRewrite } = forward({ cluster: 'c', ...rewrite });
  if (expected === undefined) expect(hostRewrite).toBeUndefined();
  else expect(hostRewrite).toMatchObject(expected);
});

test('where a request goes may be said by one of its headers', () => {
  expect(forward({ clusterHeader: 'X-To', clusterNotFoundResponseCode: 'NOT_FOUND' })).toMatchObject({
    clusterHeader: 'x-to',
    notFoundStatus: 404,
  });
  const weightedClusters = { clusters: [{ name: 'a', weight: 1, hostRewriteLiteral: 'a.example' }], headerName: 'X-N' };
  expect(forward({ weightedClusters })).toMatchObject({
    weightHeader: 'x-n',
    clusters: [{ name: 'a', hostRewrite: 'a.example' }],
  });
});

test('matches are read in full', () => {
  const match = {
    prefix: '/A',
    caseSensitive: false,
    runtimeFraction: { defaultValue: { numerator: 5, denominator: 'TEN_THOUSAND' }, runtimeKey: 'k' },
    grpc: {},
    headers: [
      { name: 'a', rangeMatch: { start: '-3', end: '7' } },
      { name: 'b', stringMatch: { contains: 'x' }, treatMissingHeaderAsEmpty: true },
      { name: ':path', stringMatch: { suffix: '.js' } },
    ],
  };
  expect(decoded(host({ match, route: { cluster: 'c' } })).virtualHosts[0]?.routes[0]?.match).toMatchObject({
    ignoreCase: true,
    share: 0.0005,
    grpc: true,
    headers: [
      { match: { kind: 'range', start: -3, end: 7 } },
      { match: { kind: 'contains', value: 'x' }, absentIsEmpty: true },
      { name: ':path', match: { kind: 'suffix', value: '.js' } },
    ],
  });
});

test.each([
  [false, ['x-cluster', 'x-route', 'x-host', 'x-table']],
  [true, ['x-table', 'x-host', 'x-route', 'x-cluster']],
])('headers of all levels come in order; most_specific_header_mutations_wins: %s', (wins, order) => {
  const add = (key: string) => ({ responseHeadersToAdd: [{ header: { key: `x-${key}`, value: '1' } }] });
  const weightedClusters = { clusters: [{ name: 'a', weight: 1, ...add('cluster') }] };
  const table = decoded({
    ...host({ route: { weightedClusters }, ...add('route') }, add('host')),
    ...add('table'),
    mostSpecificHeaderMutationsWins: wins,
  });
  const action = table.virtualHosts[0]?.routes[0]?.action as ForwardAction;
  expect(action.clusters[0]?.responseHeaders.map(({ name }) => name)).toEqual(order);
});

test('a virtual host may ask for TLS, and tell attempts', () => {
  const table = decoded({
    ...host({ route: { cluster: 'c' } }, { requireTls: 'EXTERNAL_ONLY' }),
    internalOnlyHeaders: ['X-In'],
  });
  expect(table).toMatchObject({ internalOnlyHeaders: ['x-in'], virtualHosts: [{ requireTls: 'external' }] });
  expect(forward({ cluster: 'c' }, { includeRequestAttemptCount: true })).toMatchObject({
    attemptCountInRequest: true,
    attemptCountInResponse: false,
  });
});

test('a redirect may rewrite the path by an expression', () => {
  const redirect = {
    httpsRedirect: true,
    regexRewrite: { pattern: { regex: '^/old/(.*)$' }, substitution: '/new/\\1' },
  };
  expect(decoded(host({ redirect })).virtualHosts[0]?.routes[0]?.action).toMatchObject({
    scheme: 'https',
    path: { kind: 'regex', substitution: '/new/\\1' },
  });
});

test('what is wrong is told with its path', () => {
  expect(
    problems(
      host({
        match: { prefix: '/', headers: [{ name: ':status', presentMatch: true }] },
        route: { cluster: 'c' },
        responseHeadersToAdd: [{ header: { key: 'x', value: '%SECRET%' } }],
      }),
    ),
  ).toEqual([
    expect.stringMatching(
      /^virtual_hosts\[0\]\.routes\[0\]\.response_headers_to_add\[0\]\.header\.value: %SECRET% is not supported; known are REQ/,
    ),
    'virtual_hosts[0].routes[0].match.headers[0].name: :status is not supported; of pseudo-headers only :method, :authority, :path, :scheme are',
  ]);
});

test('a retry policy is read in full, with the hedge policy beside it', () => {
  const retryPolicy = {
    retryOn: 'retriable-headers, envoy-ratelimited,unavailable',
    perTryIdleTimeout: '2s',
    retriableHeaders: [{ name: ':status', stringMatch: { prefix: '4' } }],
    retriableRequestHeaders: [{ name: 'X-Retry', presentMatch: true }],
    rateLimitedRetryBackOff: { resetHeaders: [{ name: 'X-Reset', format: 'UNIX_TIMESTAMP' }], maxInterval: '5s' },
    retryHostPredicate: [{ name: 'envoy.retry_host_predicates.previous_hosts' }],
    hostSelectionRetryMaxAttempts: 5,
  };
  const hedgePolicy = { hedgeOnPerTryTimeout: true };
  const expected = {
    attempts: 1,
    on: new Set(['retriable-headers', 'envoy-ratelimited', 'unavailable']),
    perTryIdleTimeoutMs: 2_000,
    responseHeaders: [{ name: ':status', match: { kind: 'prefix', value: '4' } }],
    requestHeaders: [{ name: 'x-retry', match: { kind: 'present' } }],
    rateLimited: { resetHeaders: [{ name: 'x-reset', format: 'unix-timestamp' }], maxMs: 5_000 },
    hedgeOnPerTryTimeout: true,
  };
  expect(forward({ cluster: 'c', retryPolicy, hedgePolicy }).retry).toMatchObject(expected);
  expect(forward({ cluster: 'c' }, { retryPolicy, hedgePolicy }).retry).toMatchObject(expected);
  expect(problems(host({ route: { cluster: 'c', hedgePolicy: { initialRequests: 2 } } }))).toEqual([
    'virtual_hosts[0].routes[0].route.hedge_policy.initial_requests: not supported',
  ]);
});

test('how long a stream may last is read in its newer and its older words', () => {
  const newer = { maxStreamDuration: '60s', grpcTimeoutHeaderMax: '0s', grpcTimeoutHeaderOffset: '0.010s' };
  expect(forward({ cluster: 'c', maxStreamDuration: newer }).streamDuration).toEqual({
    maxMs: 60_000,
    grpcMaxMs: 0,
    grpcOffsetMs: 10,
  });
  expect(forward({ cluster: 'c', maxGrpcTimeout: '5s', grpcTimeoutOffset: '0.020s' }).streamDuration).toEqual({
    maxMs: undefined,
    grpcMaxMs: 5_000,
    grpcOffsetMs: 20,
  });
});

test('TR-05: mirrors are those of the route, its virtual host or its table', () => {
  const fraction = { defaultValue: { numerator: 10 } };
  const requestMirrorPolicies = [
    { cluster: 'm', runtimeFraction: fraction },
    { clusterHeader: 'X-To', disableShadowHostSuffixAppend: true },
  ];
  const expected = [
    { cluster: 'm', clusterHeader: undefined, share: 0.1, appendHostSuffix: true },
    { cluster: '', clusterHeader: 'x-to', share: 1, appendHostSuffix: false },
  ];
  expect(forward({ cluster: 'c', requestMirrorPolicies }).mirrors).toEqual(expected);
  expect(forward({ cluster: 'c' }, { requestMirrorPolicies }).mirrors).toEqual(expected);
  const table = decoded({ ...host({ route: { cluster: 'c' } }), requestMirrorPolicies });
  expect(table.virtualHosts[0]?.routes[0]?.action).toMatchObject({ mirrors: expected });
  expect(problems(host({ route: { cluster: 'c', requestMirrorPolicies: [{}] } }))).toEqual([
    'virtual_hosts[0].routes[0].route.request_mirror_policies[0]: one of cluster and cluster_header must be set',
  ]);
});

test('AZ-12: an answer that would send the request elsewhere is the client\u2019s to follow', () => {
  expect(problems(host({ route: { cluster: 'c', internalRedirectPolicy: { maxInternalRedirects: 3 } } }))).toEqual([
    'virtual_hosts[0].routes[0].route.internal_redirect_policy: not supported',
  ]);
  expect(problems(host({ route: { cluster: 'c', internalRedirectAction: 'HANDLE_INTERNAL_REDIRECT' } }))).toEqual([
    'virtual_hosts[0].routes[0].route.internal_redirect_action: not supported',
  ]);
});
