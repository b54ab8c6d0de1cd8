import { expect, test } from 'vitest';
import {
  StatefulSession,
  StatefulSessionPerRoute,
} from '../../proto/gen/envoy/extensions/filters/http/stateful_session/v3/stateful_session.ts';
import { CookieBasedSessionState } from '../../proto/gen/envoy/extensions/http/stateful_session/cookie/v3/cookie.ts';
import { HeaderBasedSessionState } from '../../proto/gen/envoy/extensions/http/stateful_session/header/v3/header.ts';
import { cluster, endpoint, httpServer, request, route, TestProxy } from '../../test/harness/data-path.ts';
import { filterProblems, httpFilter, overrides, packed } from '../../test/harness/http-filters.ts';
import { decodeSession, encodeSession } from '../route/session-value.ts';

const state = (type: { $type: string }, json: object) => ({
  sessionState: { name: 'state', typedConfig: { '@type': `type.googleapis.com/${type.$type}`, ...json } },
});
const byCookie = (cookie: object, strict = false) =>
  packed(StatefulSession, { ...state(CookieBasedSessionState, { cookie }), strict });
const byHeader = (name: string) => packed(StatefulSession, state(HeaderBasedSessionState, { name }));

async function withSessions(config: ReturnType<typeof packed>, perRoute?: ReturnType<typeof packed>) {
  const ports: number[] = [];
  for (let i = 0; i < 5; i++) ports.push((await httpServer((_incoming, outgoing) => void outgoing.end(`s${i}`))).port);
  const under = new TestProxy();
  const eds = { discovery: { kind: 'eds' as const, endpointsName: 'app' } };
  under.proxy.setCluster(cluster('app', [], eds));
  const set = (unhealthy: readonly number[]) =>
    under.proxy.setEndpoints(
      'app',
      ports.map((port, i) => endpoint(port, { healthy: !unhealthy.includes(i) })),
    );
  set([]);
  const port = await under.listen('app', {
    filters: [httpFilter('session', config)],
    routes: [{ ...route('app'), ...(perRoute === undefined ? {} : { overrides: overrides({ session: perRoute }) }) }],
  });
  const ask = async (headers: Record<string, string> = {}, path = '/') => {
    const response = await request(port, path, { headers });
    const [cookie] = response.headers['set-cookie'] ?? [];
    return { ...response, setCookie: cookie, cookie: cookie?.split(';')[0] ?? '' };
  };
  return { under, ports, set, ask, host: (name: string) => Number(name.slice(1)) };
}

test('LB-07: a client comes back to the endpoint that served it first, by its cookie', async () => {
  const { ask } = await withSessions(byCookie({ name: 'sid', path: '/shop', ttl: '60s' }));
  const first = await ask({}, '/shop/cart');
  expect(first.setCookie).toMatch(/^sid="[^"]+"; Max-Age=60; Path=\/shop; HttpOnly$/);
  for (let i = 0; i < 10; i++) {
    const again = await ask({ cookie: first.cookie }, '/shop');
    expect([again.body, again.setCookie]).toEqual([first.body, undefined]);
  }
  const elsewhere = new Set<string>();
  for (let i = 0; i < 10; i++) elsewhere.add((await ask({ cookie: first.cookie }, '/shopping')).body);
  expect(elsewhere.size).toBe(5);
});

test('LB-07: when the endpoint is out of service another serves, and is the one from then on', async () => {
  const { ask, set, host } = await withSessions(byCookie({ name: 'sid' }));
  const first = await ask();
  set([host(first.body)]);
  const second = await ask({ cookie: first.cookie });
  expect(second.body).not.toBe(first.body);
  expect((await ask({ cookie: second.cookie })).body).toBe(second.body);
});

test('LB-07: strict, nobody else serves', async () => {
  const { ask, set, host } = await withSessions(byCookie({ name: 'sid' }, true));
  const first = await ask();
  set([host(first.body)]);
  const refused = await ask({ cookie: first.cookie });
  expect([refused.status, refused.setCookie]).toEqual([503, undefined]);
  expect(refused.headers['x-heddle-reason']).toMatch(/^no-healthy-endpoints/);
  expect((await ask()).status).toBe(200);
});

test('LB-07: a header can carry the session', async () => {
  const { ask, ports } = await withSessions(byHeader('X-Session'));
  const first = await ask();
  const session = String(first.headers['x-session']);
  expect(Buffer.from(session, 'base64').toString()).toMatch(/^127\.0\.0\.1:\d+$/);
  for (let i = 0; i < 6; i++) expect((await ask({ 'x-session': session })).body).toBe(first.body);
  const chosen = Buffer.from(`127.0.0.1:${ports[3]}`).toString('base64');
  expect((await ask({ 'x-session': chosen })).body).toBe('s3');
});

test('a session that is over, or of an endpoint that nobody knows, or no session at all, binds to nothing', async () => {
  const { under, ports, ask } = await withSessions(byCookie({ name: 'sid', ttl: '60s' }));
  const now = Math.floor(under.clock.wallTime() / 1_000);
  const values = [
    encodeSession({ address: `127.0.0.1:${ports[0]}`, expires: now - 1 }),
    encodeSession({ address: '10.9.9.9:80', expires: 0 }),
    'garbage!',
    'A'.repeat(2_000),
  ];
  for (const value of values) {
    const seen = new Set<string>();
    for (let i = 0; i < 5; i++) seen.add((await ask({ cookie: `sid="${value}"` })).body);
    expect(seen.size).toBe(5);
  }
});

test('a route can switch it off, or say otherwise', async () => {
  const off = await withSessions(byCookie({ name: 'sid' }), packed(StatefulSessionPerRoute, { disabled: true }));
  expect((await off.ask()).setCookie).toBeUndefined();
  const own = { statefulSession: state(CookieBasedSessionState, { cookie: { name: 'own' } }) };
  const other = await withSessions(byCookie({ name: 'sid' }), packed(StatefulSessionPerRoute, own));
  expect((await other.ask()).setCookie).toMatch(/^own=/);
});

test('what is remembered is Envoy’s message, and anything else is nothing', () => {
  expect(encodeSession({ address: '1.2.3.4:80', expires: 300 })).toBe(
    Buffer.from([0x0a, 10, ...Buffer.from('1.2.3.4:80'), 0x10, 0xac, 0x02]).toString('base64'),
  );
  for (const session of [
    { address: '[2001:db8::1]:8080', expires: 1_900_000_000 },
    { address: '1.2.3.4:80', expires: 0 },
  ]) {
    expect(decodeSession(encodeSession(session))).toEqual(session);
  }
  for (const bad of ['', 'AA==', 'CgA=', Buffer.from([0x0a, 50, 1]).toString('base64')]) {
    expect(decodeSession(bad)).toBeUndefined();
  }
});

test('a cookie that would break the header is refused, and so is an unknown state', () => {
  const path = 'http_filters[0].typed_config.session_state.typed_config';
  expect(filterProblems(byCookie({ name: 'a;b', path: '/ x' }))).toEqual([
    `${path}.cookie.name: only printable ASCII without spaces and semicolons`,
    `${path}.cookie.path: only printable ASCII without spaces and semicolons`,
  ]);
  expect(filterProblems(packed(StatefulSession, {}))).toEqual([`${path}: missing`]);
  expect(filterProblems(byHeader(''))).toEqual([`${path}.name: missing`]);
});
