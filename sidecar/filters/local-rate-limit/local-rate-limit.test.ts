import http from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { RateLimit } from '../../../proto/gen/envoy/config/route/v3/route_components.ts';
import { LocalRateLimit } from '../../../proto/gen/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit.ts';
import { cluster, httpServer, request, route, TestProxy } from '../../../test/harness/data-path.ts';
import { filterProblems, httpFilter, overrideProblems, overrides, packed } from '../../../test/harness/http-filters.ts';
import { decodeRateLimits } from '../../discovery/decode-rate-limits.ts';
import { Reader } from '../../discovery/reader.ts';
import type { Direction } from '../../observe/stream-info.ts';
import type { Route } from '../../route/route-table.ts';

const all = { defaultValue: { numerator: 100 } };
const bucket = (maxTokens: number, tokensPerFill = maxTokens, fillInterval = '1s') => ({
  maxTokens,
  tokensPerFill,
  fillInterval,
});
const limitOf = (more: object) => ({ statPrefix: 'test', filterEnabled: all, filterEnforced: all, ...more });

interface Setup {
  routes?: (app: Route) => Route[];
  direction?: Direction;
}

async function limited(limit: object, { routes = (app) => [app], direction }: Setup = {}) {
  const headersSeen: http.IncomingHttpHeaders[] = [];
  const { port: upstream } = await httpServer((incoming, outgoing) => {
    headersSeen.push(incoming.headers);
    outgoing.end('served');
  });
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [upstream]));
  const listen = () =>
    under.listen('app', {
      port: 0,
      filters: [httpFilter('limit', packed(LocalRateLimit, limit))],
      routes: routes(route('app')),
      ...(direction === undefined ? {} : { direction }),
    });
  const port = await listen();
  const statuses = async (count: number, headers: Record<string, string> = {}, path = '/') => {
    const found: number[] = [];
    for (let i = 0; i < count; i++) found.push((await request(port, path, { headers })).status);
    return found;
  };
  return { under, port, statuses, listen, headersSeen };
}

/** A route that describes its requests. */
function describing(app: Route, rules: unknown[], path = '/'): Route {
  if (app.action.kind !== 'forward') throw new Error('no forward');
  const reader = new Reader();
  const rateLimits = decodeRateLimits(
    reader,
    '',
    rules.map((rule) => RateLimit.fromJSON(rule)),
  );
  expect(reader.problems).toEqual([]);
  return {
    ...app,
    match: { ...app.match, path: { kind: 'prefix', value: path } },
    action: { ...app.action, rateLimits },
  };
}

test('RS-13: more requests than the bucket has tokens are answered 429, with when to come again', async () => {
  const { port, statuses, under } = await limited(limitOf({ tokenBucket: bucket(2, 1, '10s') }));
  expect(await statuses(2)).toEqual([200, 200]);
  const refused = await request(port, '/');
  expect([refused.status, refused.headers['retry-after'], refused.headers['x-heddle-reason']]).toEqual([
    429,
    '10',
    'rate-limited; limit=2',
  ]);
  expect(under.observer.streams.at(-1)?.flags).toBe(1 << 14);
  under.advance(10_010);
  expect(await statuses(2)).toEqual([200, 429]);
});

test('P-61: 10 clients at once get what the bucket has, within 2 %', async () => {
  const { port, under } = await limited(limitOf({ tokenBucket: bucket(50, 5, '0.050s') }));
  const agents = Array.from({ length: 10 }, () => new http.Agent({ keepAlive: true, maxSockets: 1 }));
  onTestFinished(() => {
    for (const agent of agents) agent.destroy();
  });
  let served = 0;
  for (let round = 0; round < 100; round++) {
    const answers = await Promise.all(
      agents.flatMap((agent) => [request(port, '/', { agent }), request(port, '/', { agent })]),
    );
    served += answers.filter(({ status }) => status === 200).length;
    under.advance(100);
  }
  // 50 at the start, then 10 in each of the 99 tenths of a second between rounds.
  expect(Math.abs(served - 1_040) / 1_040).toBeLessThan(0.02);
});

test('GT-04: answers tell what is left, when asked to', async () => {
  const { port } = await limited(
    limitOf({ tokenBucket: bucket(2, 1, '10s'), enableXRatelimitHeaders: 'DRAFT_VERSION_03' }),
  );
  const told = async () => {
    const { status, headers } = await request(port, '/');
    return [status, headers['x-ratelimit-limit'], headers['x-ratelimit-remaining'], headers['x-ratelimit-reset']];
  };
  expect(await told()).toEqual([200, '2', '1', '10']);
  expect(await told()).toEqual([200, '2', '0', '20']);
  expect(await told()).toEqual([429, '2', '0', '20']);
});

test('RS-13: a push that changes nothing here resets no bucket', async () => {
  const { statuses, listen, under } = await limited(limitOf({ tokenBucket: bucket(1, 1, '100s') }));
  expect(await statuses(2)).toEqual([200, 429]);
  await listen();
  expect(await statuses(1)).toEqual([429]);
  under.advance(100_010);
  expect(await statuses(1)).toEqual([200]);
});

test('RS-13: a route has a bucket of its own, which a new table keeps too', async () => {
  const own = () =>
    overrides({ limit: packed(LocalRateLimit, limitOf({ tokenBucket: bucket(1, 1, '100s') })) }, undefined, 'host/own');
  const routes = (app: Route) => [
    { ...app, match: { ...app.match, path: { kind: 'prefix', value: '/own' } as const }, overrides: own() },
    app,
  ];
  const { statuses, listen } = await limited(limitOf({ tokenBucket: bucket(2, 1, '100s') }), { routes });
  expect(await statuses(2, {}, '/own')).toEqual([200, 429]);
  expect(await statuses(3)).toEqual([200, 200, 429]);
  await listen();
  expect(await statuses(1, {}, '/own')).toEqual([429]);
});

test('GT-01: descriptors have their own buckets: values that are named, and each other value by itself', async () => {
  const limit = limitOf({
    tokenBucket: bucket(100),
    alwaysConsumeDefaultTokenBucket: false,
    descriptors: [
      { entries: [{ key: 'plan', value: 'gold' }], tokenBucket: bucket(3, 1, '100s') },
      { entries: [{ key: 'plan', value: '' }], tokenBucket: bucket(1, 1, '100s') },
    ],
  });
  const rules = [{ actions: [{ requestHeaders: { headerName: 'x-plan', descriptorKey: 'plan' } }] }];
  const { statuses } = await limited(limit, { routes: (app) => [describing(app, rules)] });
  expect(await statuses(4, { 'x-plan': 'gold' })).toEqual([200, 200, 200, 429]);
  expect(await statuses(2, { 'x-plan': 'a' })).toEqual([200, 429]);
  expect(await statuses(2, { 'x-plan': 'b' })).toEqual([200, 429]);
  expect(await statuses(2)).toEqual([200, 200]);
});

test('GT-01: a request must fit every bucket that is meant for it', async () => {
  const limit = limitOf({
    tokenBucket: bucket(2, 1, '100s'),
    descriptors: [{ entries: [{ key: 'destination_cluster', value: 'app' }], tokenBucket: bucket(5, 1, '100s') }],
  });
  const rules = [{ actions: [{ destinationCluster: {} }] }];
  const { statuses } = await limited(limit, { routes: (app) => [describing(app, rules)] });
  expect(await statuses(3)).toEqual([200, 200, 429]);
});

test('GT-01: all actions of a rule make one descriptor, or none', async () => {
  const limit = limitOf({
    tokenBucket: bucket(100),
    descriptors: [
      {
        entries: [
          { key: 'generic_key', value: 'search' },
          { key: 'header_match', value: 'bot' },
          { key: 'masked_remote_address', value: '127.0.0.0/8' },
        ],
        tokenBucket: bucket(1, 1, '100s'),
      },
    ],
  });
  const rules = [
    {
      actions: [
        { genericKey: { descriptorValue: 'search' } },
        {
          headerValueMatch: {
            descriptorValue: 'bot',
            headers: [{ name: 'user-agent', stringMatch: { prefix: 'bot' } }],
          },
        },
        { maskedRemoteAddress: { v4PrefixMaskLen: 8 } },
      ],
    },
  ];
  const { statuses } = await limited(limit, { routes: (app) => [describing(app, rules)] });
  expect(await statuses(2, { 'user-agent': 'bot/1' })).toEqual([200, 429]);
  expect(await statuses(2, { 'user-agent': 'curl' })).toEqual([200, 200]);
});

test('AZ-15: at the edge a client cannot choose the address that it is counted by', async () => {
  const limit = limitOf({
    tokenBucket: bucket(100),
    descriptors: [{ entries: [{ key: 'remote_address', value: '' }], tokenBucket: bucket(1, 1, '100s') }],
  });
  const rules = [{ actions: [{ remoteAddress: {} }] }];
  const routes = (app: Route) => [describing(app, rules)];
  const edge = await limited(limit, { routes, direction: 'gateway' });
  expect(await edge.statuses(1, { 'x-forwarded-for': '1.1.1.1' })).toEqual([200]);
  expect(await edge.statuses(1, { 'x-forwarded-for': '2.2.2.2' })).toEqual([429]);
});

test('a connection may have its own bucket', async () => {
  const { port } = await limited(
    limitOf({ tokenBucket: bucket(1, 1, '100s'), localRateLimitPerDownstreamConnection: true }),
  );
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  expect((await request(port, '/', { agent })).status).toBe(200);
  expect((await request(port, '/', { agent })).status).toBe(429);
  expect((await request(port, '/')).status).toBe(200);
});

test('a limit that is not enforced only tells the upstream', async () => {
  const limit = {
    statPrefix: 'test',
    filterEnabled: all,
    tokenBucket: bucket(1, 1, '100s'),
    requestHeadersToAddWhenNotEnforced: [{ header: { key: 'x-limited', value: 'yes' } }],
  };
  const { statuses, headersSeen } = await limited(limit);
  expect(await statuses(2)).toEqual([200, 200]);
  expect(headersSeen.map((headers) => headers['x-limited'])).toEqual([undefined, 'yes']);
});

test('without a share nothing is limited; status and fields of the refusal can be set', async () => {
  const off = await limited({ statPrefix: 'test', tokenBucket: bucket(1, 1, '100s') });
  expect(await off.statuses(3)).toEqual([200, 200, 200]);
  const { port, statuses } = await limited(
    limitOf({
      tokenBucket: bucket(1, 1, '100s'),
      status: { code: 'ServiceUnavailable' },
      responseHeadersToAdd: [{ header: { key: 'x-why', value: 'limit' } }],
    }),
  );
  expect(await statuses(1)).toEqual([200]);
  const refused = await request(port, '/');
  expect([refused.status, refused.headers['x-why']]).toEqual([503, 'limit']);
});

test('what cannot be done is refused by path', () => {
  const limit = { statPrefix: 'x', tokenBucket: { maxTokens: 0 }, stage: 11, localClusterRateLimit: {} };
  expect(filterProblems(packed(LocalRateLimit, limit))).toEqual([
    'http_filters[0].typed_config.local_cluster_rate_limit: not supported',
    'http_filters[0].typed_config.stage: above 10',
    'http_filters[0].typed_config.token_bucket.max_tokens: must be above 0',
    'http_filters[0].typed_config.token_bucket.fill_interval: missing',
  ]);
  expect(overrideProblems(packed(LocalRateLimit, { statPrefix: 'x' }))).toEqual([
    'typed_per_filter_config["filter"].token_bucket: missing',
  ]);
  const reader = new Reader();
  decodeRateLimits(reader, 'route', [
    RateLimit.fromJSON({ stage: 12, actions: [{ sourceCluster: {} }, {}] }),
    RateLimit.fromJSON({}),
  ]);
  expect(reader.problems).toEqual([
    'route.rate_limits[0].stage: above 10',
    'route.rate_limits[0].actions[0].source_cluster: not supported',
    'route.rate_limits[0].actions[1].action_specifier: missing',
    'route.rate_limits[1].actions: missing',
  ]);
});
