import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RequestHead } from '../stream/head.ts';
import { Headers } from '../stream/headers.ts';
import { compileRouteTable, type RouteResult } from './compile.ts';
import { matchRoute, pickWeightedCluster } from './match.ts';
import { noMutation, type Route, type RouteMatch, type ValueMatch, type VirtualHost } from './route-table.ts';

type Path = RouteMatch['path'];
const anyPath: Path = { kind: 'prefix', value: '/' };
const segments = (value: string): Path => ({ kind: 'path-separated-prefix', value });

function route(name: string, match: Partial<RouteMatch> = {}): Route {
  return {
    name,
    match: { path: anyPath, headers: [], query: [], ...match },
    action: { kind: 'respond', status: 200, body: '' },
    requestHeaders: noMutation,
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
    kind: 'forward' as const,
    clusters: weights.map((weight, i) => ({
      name: `c${i}`,
      weight,
      requestHeaders: noMutation,
      responseHeaders: noMutation,
    })),
    timeoutMs: 0,
    idleTimeoutMs: 0,
    retry: {
      attempts: 0,
      perTryTimeoutMs: 0,
      on: new Set<never>(),
      statuses: [],
      backoffBaseMs: 25,
      backoffMaxMs: 250,
    },
    pathRewrite: undefined,
    hostRewrite: undefined,
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
    expect(pickWeightedCluster(action(...weights), random).name).toBe(expected);
  });
});
