import { expect, test } from 'vitest';
import { FilterConfig as GrpcStats } from '../../proto/gen/envoy/extensions/filters/http/grpc_stats/v3/config.ts';
import {
  HeaderMutation,
  HeaderMutationPerRoute,
} from '../../proto/gen/envoy/extensions/filters/http/header_mutation/v3/header_mutation.ts';
import { HealthCheck } from '../../proto/gen/envoy/extensions/filters/http/health_check/v3/health_check.ts';
import { cluster, httpServer, request, route, TestProxy } from '../../test/harness/data-path.ts';
import { filterProblems, httpFilter, overrides, packed } from '../../test/harness/http-filters.ts';
import type { ConfiguredFilter, FilterOverrides } from '../http-filter-config.ts';

const set = (key: string, value: string) => ({
  append: { header: { key, value }, appendAction: 'OVERWRITE_IF_EXISTS_OR_ADD' },
});

async function through(filters: ConfiguredFilter[], onRoute?: FilterOverrides) {
  let seen: NodeJS.Dict<string | string[]> = {};
  let reached = 0;
  const { port: upstream } = await httpServer((incoming, outgoing) => {
    seen = incoming.headers;
    reached++;
    outgoing.setHeader('x-internal', 'secret');
    outgoing.end();
  });
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [upstream]));
  const port = await under.listen('app', {
    filters,
    routes: [{ ...route('app'), ...(onRoute === undefined ? {} : { overrides: onRoute }) }],
  });
  return { port, seen: () => seen, reached: () => reached };
}

test('fields of requests and answers are changed in the order that is written', async () => {
  const mutations = {
    requestMutations: [set('x-a', '1'), { remove: 'x-a' }, set('x-b', '%REQ(:METHOD)%')],
    responseMutations: [{ remove: 'x-internal' }, set('x-served', 'yes')],
  };
  const { port, seen } = await through([httpFilter('mutate', packed(HeaderMutation, { mutations }))]);
  const { headers } = await request(port, '/', { headers: { 'x-a': '0' } });
  expect([seen()['x-a'], seen()['x-b']]).toEqual([undefined, 'GET']);
  expect([headers['x-internal'], headers['x-served']]).toEqual([undefined, 'yes']);
});

test('all places are heard: the least specific has the last word, or the most', async () => {
  const says = (value: string) =>
    packed(HeaderMutationPerRoute, { mutations: { requestMutations: [set('x-who', value)] } });
  const levels = overrides({ mutate: says('route') }, overrides({ mutate: says('host') }));
  const last = async (mostSpecificHeaderMutationsWins: boolean) => {
    const filter = httpFilter('mutate', packed(HeaderMutation, { mostSpecificHeaderMutationsWins }));
    const { port, seen } = await through([filter], levels);
    await request(port, '/');
    return seen()['x-who'];
  };
  expect(await last(false)).toBe('host');
  expect(await last(true)).toBe('route');
});

test('what would break a message is refused by path', () => {
  const mutations = { requestMutations: [set('content-length', '1'), { remove: 'ho st' }, {}] };
  expect(filterProblems(packed(HeaderMutation, { mutations }))).toEqual(
    [
      '[0].append.header.key: "content-length" may not be changed',
      '[1].remove: "ho st" is not a header name',
      '[2]: one of remove and append must be set',
    ].map((problem) => `http_filters[0].typed_config.mutations.request_mutations${problem}`),
  );
});

test('a health check is answered here, other requests go on', async () => {
  const check = { passThroughMode: false, headers: [{ name: ':path', stringMatch: { exact: '/healthz' } }] };
  const { port, reached } = await through([httpFilter('health', packed(HealthCheck, check))]);
  const answer = await request(port, '/healthz');
  expect([answer.status, answer.body, reached()]).toEqual([200, '', 0]);
  await request(port, '/health');
  expect(reached()).toBe(1);
  expect(filterProblems(packed(HealthCheck, { passThroughMode: true, cacheTime: '1s' }))).toEqual([
    'http_filters[0].typed_config.cache_time: not supported',
    'http_filters[0].typed_config.pass_through_mode: true is not supported',
    'http_filters[0].typed_config.headers: missing',
  ]);
});

test('grpc_stats is taken, and needs no filter', () => {
  expect(filterProblems(packed(GrpcStats, { statsForAllMethods: true }))).toEqual([]);
  expect(filterProblems(packed(GrpcStats, { emitFilterState: true }))).toEqual([
    'http_filters[0].typed_config.emit_filter_state: not supported',
  ]);
});
