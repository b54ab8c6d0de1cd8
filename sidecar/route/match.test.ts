import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RequestHead } from '../stream/head.ts';
import { Headers } from '../stream/headers.ts';
import { compileRouteTable, type RouteResult } from './compile.ts';
import { matchRoute, pickWeightedCluster } from './match.ts';
import { matchHeaders } from './match-values.ts';
import {
  forwardDefaults,
  noMutation,
  type Route,
  type RouteMatch,
  type ValueMatch,
  type VirtualHost,
} from './route-table.ts';

type Path = RouteMatch['path'];
const anyPath: Path = { kind: 'prefix', value: '/' };
const segments = (value: string): Path => ({ kind: 'path-separated-prefix', value });

function route(name: string, match: Partial<RouteMatch> = {}): Route {
  return {
    name,
    match: { path: anyPath, headers: [], query: [], ...match },
    action: { kind: 'respond', status: 200, body: '' },
    responseHeaders: noMutation,
  };
}

const host = (name: string, domains: string[], routes = [route(name)]): VirtualHost => ({ name, domains, routes });

function request(authority: string, path = '/', headers: Record<string, string> = {}, method = 'GET'): RequestHead {
  return {
    method,
    scheme: 'http',
    authority,
    path,
    headers: Headers.of(headers),
    version: '1.1',
    absoluteForm: false,
    upgrade: undefined,
    expectContinue: false,
    contentLength: undefined,
  };
}

const nameOf = (result: RouteResult) => (result.kind === 'route' ? result.route.name : result.kind);
const table = (virtualHosts: VirtualHost[]) => compileRouteTable({ name: 't', virtualHosts });

describe('virtual hosts are searched exact, longest suffix, longest prefix, any', () => {
  const hosts = table([
    host('any', ['*']),
    host('suffix', ['*.example.com']),
    host('long suffix', ['*.shop.example.com', '*-blue.example.com']),
    host('prefix', ['www.*']),
    host('long prefix', ['www.shop.*']),
    host('exact', ['www.example.com', 'API.example.com']),
    host('with port', ['www.example.com:8443', '*.port.test:99']),
    host('ported', ['cart.shop:80', 'cart.shop']),
    host('v6', ['[::1]']),
  ]);
  test.each([
    ['www.example.com', 'exact'],
    ['www.example.com:8443', 'with port'],
    ['api.example.com', 'exact'],
    ['api.example.com:8080', 'exact'],
    ['a.example.com', 'suffix'],
    ['a.example.com:8080', 'suffix'],
    ['.example.com', 'any'],
    ['a.b.shop.example.com', 'long suffix'],
    ['a-blue.example.com', 'long suffix'],
    ['www.org', 'prefix'],
    ['www.', 'any'],
    ['www.shop.org:1', 'long prefix'],
    ['a.port.test:99', 'with port'],
    ['a.port.test:98', 'any'],
    ['cart.shop', 'ported'],
    ['cart.shop:80', 'ported'],
    ['cart.shop:9999', 'any'],
    ['[::1]', 'v6'],
    ['[::1]:8080', 'v6'],
    ['[::2]', 'any'],
  ])('%s is served by %s', (authority, expected) => {
    expect(nameOf(matchRoute(hosts, request(authority)))).toBe(expected);
  });

  test('a host that is nobody’s is unknown, and one without a fitting route has no route', () => {
    const some = table([host('a', ['a'], [route('x', { path: { kind: 'exact', value: '/x' } })])]);
    expect(matchRoute(some, request('b'))).toEqual({ kind: 'unknown-host' });
    expect(matchRoute(some, request('a', '/y'))).toMatchObject({ kind: 'no-route', virtualHost: { name: 'a' } });
  });

  test('the first of two virtual hosts with one domain has it', () => {
    expect(nameOf(matchRoute(table([host('one', ['a', 'a:1', '*']), host('two', ['a', '*'])]), request('a')))).toBe(
      'one',
    );
  });
});

describe('path matches', () => {
  test.each<[Path, string, boolean]>([
    [{ kind: 'prefix', value: '/a' }, '/ab?x', true],
    [{ kind: 'prefix', value: '/a' }, '/b/a', false],
    [anyPath, '*', true],
    [segments('/a'), '/a', true],
    [segments('/a'), '/a?x=/b', true],
    [segments('/a'), '/a/b', true],
    [segments('/a'), '/ab', false],
    [segments('/a/'), '/a', true],
    [segments('/'), '/whatever', true],
    [{ kind: 'exact', value: '/a' }, '/a?b', true],
    [{ kind: 'exact', value: '/a' }, '/a/', false],
    [{ kind: 'regex', value: /\/v[12]/g }, '/v1?x', true],
    [{ kind: 'regex', value: /\/v[12]/ }, '/v1/x', false],
    [{ kind: 'regex', value: /a|\/b/ }, '/b', true],
  ])('%o against %s is %s', (path, target, expected) => {
    const compiled = table([host('h', ['*'], [route('r', { path })])]);
    // Twice: an expression must keep no state.
    for (const _ of [1, 2])
      expect(nameOf(matchRoute(compiled, request('h', target)))).toBe(expected ? 'r' : 'no-route');
  });
});

describe('header and query matches', () => {
  const exact = (name: string, value: string, invert = false): ValueMatch => ({
    name,
    match: { kind: 'exact', value },
    invert,
  });
  const present = (name: string, invert = false): ValueMatch => ({ name, match: { kind: 'present' }, invert });
  const regex = (name: string, value: RegExp): ValueMatch => ({ name, match: { kind: 'regex', value }, invert: false });
  const headers = { 'X-A': '1', accept: 'x' };

  test.each<[string, ValueMatch[], boolean]>([
    ['exact', [exact('x-a', '1')], true],
    ['all must hold', [exact('x-a', '1'), exact('accept', 'y')], false],
    ['inverted', [exact('x-a', '2', true)], true],
    ['an absent header fails an inverted value match', [exact('x-b', '2', true)], false],
    ['present', [present('x-a')], true],
    ['absent', [present('x-b', true)], true],
    ['anchored expression', [regex('x-a', /[0-9]/)], true],
    ['anchored expression, too short', [regex('accept', /y?/)], false],
    ['method', [exact(':method', 'GET')], true],
    ['authority', [exact(':authority', 'h')], true],
    ['unknown pseudo-header', [present(':nothing')], false],
  ])('header: %s', (_, matchers, expected) => {
    const compiled = table([host('h', ['*'], [route('r', { headers: matchers })])]);
    expect(nameOf(matchRoute(compiled, request('h', '/', headers)))).toBe(expected ? 'r' : 'no-route');
  });

  test('a repeated header is matched as one comma-separated value', () => {
    const compiled = table([host('h', ['*'], [route('r', { headers: [exact('x', 'a,b')] })])]);
    const head = request('h', '/', { x: 'a' });
    head.headers.append('X', 'b');
    expect(nameOf(matchRoute(compiled, head))).toBe('r');
  });

  test.each<[string, ValueMatch[], string, boolean]>([
    ['exact', [exact('a', '1')], '/?a=1', true],
    ['in the middle', [exact('a', '1')], '/?b=2&a=1&c', true],
    ['the first occurrence wins', [exact('a', '1')], '/?a=2&a=1', false],
    ['a longer name is another', [exact('a', '1')], '/?aa=1', false],
    ['without a value', [exact('a', '')], '/?a', true],
    ['present', [present('a')], '/?a=', true],
    ['no query', [present('a')], '/', false],
    ['a value with an equals sign', [exact('a', 'b=c')], '/?a=b=c', true],
  ])('query: %s', (_, query, target, expected) => {
    const compiled = table([host('h', ['*'], [route('r', { query })])]);
    expect(nameOf(matchRoute(compiled, request('h', target)))).toBe(expected ? 'r' : 'no-route');
  });

  test('the first route that matches wins, also before a catch-all', () => {
    const compiled = table([
      host(
        'h',
        ['*'],
        [
          route('a', { path: segments('/a'), headers: [present('x')] }),
          route('b', { path: segments('/a') }),
          route('c'),
        ],
      ),
    ]);
    expect(nameOf(matchRoute(compiled, request('h', '/a', { x: '' })))).toBe('a');
    expect(nameOf(matchRoute(compiled, request('h', '/a')))).toBe('b');
    expect(nameOf(matchRoute(compiled, request('h', '/b')))).toBe('c');
  });
});

test('a compiled table answers as a plain search through the domains does', () => {
  const label = fc.constantFrom('a', 'b', 'ab', 'c');
  const name = fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => labels.join('.'));
  const port = fc.constantFrom('', ':80', ':81');
  const domain = fc.oneof(
    fc.tuple(name, port).map(([host, at]) => host + at),
    fc.tuple(name, port).map(([host, at]) => `*.${host}${at}`),
    name.map((host) => `${host}.*`),
    fc.constant('*'),
  );
  const domains = fc.uniqueArray(domain, { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(domains, name, port, (all, host, at) => {
      const compiled = table(all.map((one) => ({ name: one, domains: [one], routes: [route(one)] })));
      expect(nameOf(matchRoute(compiled, request(host + at)))).toBe(naive(all, host, at) ?? 'unknown-host');
    }),
    { numRuns: 500 },
  );
});

function naive(domains: string[], host: string, port: string): string | undefined {
  const longest = (candidates: string[]) => candidates.sort((a, b) => b.length - a.length)[0];
  const suffixes = domains.filter((domain) => domain.startsWith('*.'));
  const listedWithPort = domains.some((domain) => domain.startsWith(`${host}:`));
  return (
    domains.find((domain) => domain === host + port) ??
    domains.find((domain) => domain === host && !listedWithPort) ??
    longest(suffixes.filter((domain) => port !== '' && (host + port).endsWith(domain.slice(1)))) ??
    longest(suffixes.filter((domain) => host.endsWith(domain.slice(1)))) ??
    longest(domains.filter((domain) => domain.endsWith('.*') && host.startsWith(domain.slice(0, -1)))) ??
    domains.find((domain) => domain === '*')
  );
}

describe('weighted clusters', () => {
  const action = (...weights: number[]) => ({
    ...forwardDefaults,
    clusters: weights.map((weight, i) => ({
      name: `c${i}`,
      weight,
      requestHeaders: noMutation,
      responseHeaders: noMutation,
    })),
  });
  test.each<[number[], number, string]>([
    [[1], 0.99, 'c0'],
    [[80, 20], 0, 'c0'],
    [[80, 20], 0.799, 'c0'],
    [[80, 20], 0.8, 'c1'],
    [[80, 20], 0.999999, 'c1'],
    [[0, 1], 0, 'c1'],
    [[1, 0], 0.999999, 'c0'],
  ])('weights %o at %d pick %s', (weights, random, expected) => {
    expect(pickWeightedCluster(action(...weights), random, request('h')).name).toBe(expected);
  });
  test.each<[string, string]>([
    ['0', 'c0'],
    ['79', 'c0'],
    ['180', 'c1'],
    ['99999', 'c1'],
    ['-1', 'c0'],
    ['garbage', 'c0'],
  ])('the number %s in the header that the route names picks %s', (value, expected) => {
    const chosen = { ...action(80, 20), weightHeader: 'x-pick' };
    expect(pickWeightedCluster(chosen, 0, request('h', '/', { 'x-pick': value })).name).toBe(expected);
  });
});

describe('of many routes the first that matches is found', () => {
  const path = fc
    .array(fc.constantFrom('a', 'ab', 'abc', 'b', 'B', ''), { minLength: 0, maxLength: 4 })
    .map((parts) => `/${parts.join('/')}`);
  const match = fc.record({
    path: fc.oneof(
      fc.record({
        kind: fc.constantFrom('prefix' as const, 'path-separated-prefix' as const, 'exact' as const),
        value: path,
      }),
      fc.constant({ kind: 'regex' as const, value: /\/a.*b/ }),
    ),
    headers: fc.constantFrom<ValueMatch[]>(
      [],
      [{ name: 'x', match: { kind: 'exact', value: '1' }, invert: false }],
      [{ name: 'x', match: { kind: 'exact', value: '1' }, invert: true }],
    ),
    ignoreCase: fc.boolean(),
  });
  test('as one after the other would', () => {
    fc.assert(
      fc.property(
        fc.array(match, { minLength: 9, maxLength: 40 }),
        path,
        fc.constantFrom('1', '2'),
        (matches, at, x) => {
          const routes = matches.map((one, i) => route(String(i), one));
          const asked = request('h', at, { x });
          const slow = routes.find((one) => nameOf(matchRoute(table([host('v', ['*'], [one])]), asked)) === one.name);
          expect(nameOf(matchRoute(table([host('v', ['*'], routes)]), asked))).toBe(slow?.name ?? 'no-route');
        },
      ),
      { numRuns: 500 },
    );
  });
});

test.each<[ValueMatch['match'], boolean, string | undefined, boolean]>([
  [{ kind: 'prefix', value: 'ab' }, false, 'abc', true],
  [{ kind: 'suffix', value: 'bc' }, false, 'abc', true],
  [{ kind: 'suffix', value: 'bc' }, true, 'abc', false],
  [{ kind: 'contains', value: 'b' }, false, 'abc', true],
  [{ kind: 'contains', value: 'x' }, true, 'abc', true],
  [{ kind: 'range', start: -5, end: 10 }, false, '9', true],
  [{ kind: 'range', start: -5, end: 10 }, false, '-5', true],
  [{ kind: 'range', start: -5, end: 10 }, false, '10', false],
  [{ kind: 'range', start: -5, end: 10 }, false, '0x1', false],
  [{ kind: 'exact', value: '' }, false, undefined, false],
  [{ kind: 'exact', value: 'x' }, true, undefined, false],
])('a header matcher %o, inverted %s, of %s holds: %s', (match, invert, value, expected) => {
  const headers: Record<string, string> = value === undefined ? {} : { x: value };
  expect(matchHeaders([{ name: 'x', match, invert }], request('h', '/', headers))).toBe(expected);
});

test('a header that is absent may be taken as empty', () => {
  const absent = (match: ValueMatch['match'], invert = false) =>
    matchHeaders([{ name: 'x', match, invert, absentIsEmpty: true }], request('h'));
  expect(absent({ kind: 'exact', value: '' })).toBe(true);
  expect(absent({ kind: 'exact', value: 'a' }, true)).toBe(true);
  expect(absent({ kind: 'exact', value: 'a' })).toBe(false);
});

test('a route may take a share of what it matches, be blind to case, or be for gRPC alone', () => {
  const routes = [
    route('share', { path: { kind: 'exact', value: '/s' }, share: 0.25 }),
    route('caseless', { path: segments('/Case'), ignoreCase: true }),
    route('grpc', { grpc: true }),
    route('rest'),
  ];
  const compiled = table([host('v', ['*'], routes)]);
  expect(nameOf(matchRoute(compiled, request('h', '/s'), 0.24))).toBe('share');
  expect(nameOf(matchRoute(compiled, request('h', '/s'), 0.25))).toBe('rest');
  expect(nameOf(matchRoute(compiled, request('h', '/cASE/x')))).toBe('caseless');
  expect(nameOf(matchRoute(compiled, request('h', '/cases')))).toBe('rest');
  const call = (type: string) => request('h', '/p.S/M', { 'content-type': type }, 'POST');
  expect(nameOf(matchRoute(compiled, call('application/grpc+proto')))).toBe('grpc');
  expect(nameOf(matchRoute(compiled, call('application/grpc')))).toBe('grpc');
  expect(nameOf(matchRoute(compiled, call('application/grpc-web')))).toBe('rest');
});
