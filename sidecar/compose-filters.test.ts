import { expect, test } from 'vitest';
import { systemClock } from '../lib/clock.ts';
import { seededRandom } from '../lib/random.ts';
import { TimerWheel } from '../lib/timer-wheel.ts';
import {
  Buffer as BufferMessage,
  BufferPerRoute,
} from '../proto/gen/envoy/extensions/filters/http/buffer/v3/buffer.ts';
import { cluster, httpServer, request, route, TestProxy } from '../test/harness/data-path.ts';
import { disabledHere, httpFilter, overrides, packed, wrapped } from '../test/harness/http-filters.ts';
import { composeFilters } from './compose-filters.ts';
import type { ConfiguredFilter } from './http-filter-config.ts';
import type { Route } from './route/route-table.ts';

const deps = { clock: systemClock, random: seededRandom(1), wheel: new TimerWheel() };
const limit = (name: string, maxRequestBytes: number) => httpFilter(name, packed(BufferMessage, { maxRequestBytes }));
const perRoute = (maxRequestBytes: number) => packed(BufferPerRoute, { buffer: { maxRequestBytes } });

async function proxyWith(filters: readonly ConfiguredFilter[], routes: (route: Route) => Route[]) {
  const { port: upstream } = await httpServer((_, outgoing) => outgoing.end());
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [upstream]));
  const port = await under.listen('app', { filters, routes: routes(route('app')) });
  const post = async (path: string, bytes: number) =>
    (await request(port, path, { method: 'POST', body: 'x'.repeat(bytes) })).status;
  return { under, port, post };
}

test('a chain without configured filters has those of its direction only', () => {
  const { factories, shared } = composeFilters('inbound', [], deps, undefined);
  expect([factories.length, shared.size]).toEqual([1, 0]);
});

test('a filter is kept with its state while its name and configuration stay', () => {
  const first = composeFilters('inbound', [limit('a', 1), limit('b', 2)], deps, undefined);
  const second = composeFilters('inbound', [limit('b', 2), limit('a', 3), limit('c', 1)], deps, first);
  expect(second.shared.get('b')).toBe(first.shared.get('b'));
  expect(second.shared.get('a')).not.toBe(first.shared.get('a'));
  expect(second.factories.length).toBe(4);
});

test('the most specific place that has something to say is heard', async () => {
  const table = overrides({ limit: perRoute(30) });
  const virtualHost = overrides({ limit: perRoute(20) }, table);
  const own = overrides({ limit: perRoute(10) }, virtualHost);
  const { post } = await proxyWith([limit('limit', 1)], (app) => [
    { ...app, match: { ...app.match, path: { kind: 'prefix', value: '/own' } }, overrides: own },
    { ...app, match: { ...app.match, path: { kind: 'prefix', value: '/host' } }, overrides: virtualHost },
    { ...app, match: { ...app.match, path: { kind: 'prefix', value: '/table' } }, overrides: table },
    app,
  ]);
  const answers = [];
  for (const path of ['/own', '/host', '/table', '/']) answers.push([await post(path, 15), await post(path, 25)]);
  expect(answers).toEqual([
    [413, 413],
    [200, 413],
    [200, 200],
    [413, 413],
  ]);
});

test('a weighted cluster has its own say, and the choice is made once', async () => {
  const own = overrides({ limit: perRoute(10) });
  const { post, under } = await proxyWith([limit('limit', 1_000)], (app) => {
    if (app.action.kind !== 'forward') throw new Error('no forward');
    const [one] = app.action.clusters;
    if (one === undefined) throw new Error('no cluster');
    const clusters = [
      { ...one, weight: 1, overrides: own },
      { ...one, name: 'other', weight: 1 },
    ];
    return [{ ...app, action: { ...app.action, clusters } }];
  });
  under.proxy.setCluster({ ...cluster('other', []), name: 'other' });
  const statuses = new Set<number>();
  for (let i = 0; i < 40; i++) statuses.add(await post('/', 15));
  // Refused where the limit is small; let on to the other, which has no endpoint; never served by the first.
  expect([...statuses].sort()).toEqual([413, 503]);
});

test('a filter may be off in a place, or off until a place turns it on', async () => {
  const off = { ...limit('limit', 1), disabled: true };
  const on = wrapped({ config: perRoute(2) });
  const { post } = await proxyWith([off, limit('other', 1)], (app) => [
    {
      ...app,
      match: { ...app.match, path: { kind: 'prefix', value: '/on' } },
      overrides: overrides({ limit: on, other: disabledHere }),
    },
    { ...app, overrides: overrides({ other: disabledHere }) },
  ]);
  expect([await post('/on', 5), await post('/', 5)]).toEqual([413, 200]);
});
