import { describe, expect, test } from 'vitest';
import type { RequestHead } from '../stream/head.ts';
import { Headers } from '../stream/headers.ts';
import { applyHeaderMutation, redirectLocation, rewritePath } from './mutate.ts';
import { type ForwardAction, noMutation, type RedirectAction, type RouteMatch } from './route-table.ts';

const matching = (kind: 'prefix' | 'path-separated-prefix' | 'exact', value: string): RouteMatch => ({
  path: { kind, value },
  headers: [],
  query: [],
});

function forward(pathRewrite: ForwardAction['pathRewrite']): ForwardAction {
  return {
    kind: 'forward',
    clusters: [{ name: 'c', weight: 1, requestHeaders: noMutation, responseHeaders: noMutation }],
    timeoutMs: 0,
    idleTimeoutMs: 0,
    retry: { attempts: 0, perTryTimeoutMs: 0, on: new Set(), statuses: [], backoffBaseMs: 25, backoffMaxMs: 250 },
    pathRewrite,
    hostRewrite: undefined,
  };
}

// The table of the Gateway API's HTTPPathModifier, and Envoy's plain prefixes.
describe('a prefix rewrite', () => {
  test.each<[RouteMatch, string, string, string]>([
    [matching('path-separated-prefix', '/foo'), '/xyz', '/foo/bar', '/xyz/bar'],
    [matching('path-separated-prefix', '/foo'), '/xyz/', '/foo/bar', '/xyz/bar'],
    [matching('path-separated-prefix', '/foo/'), '/xyz', '/foo/bar', '/xyz/bar'],
    [matching('path-separated-prefix', '/foo/'), '/xyz/', '/foo/bar', '/xyz/bar'],
    [matching('path-separated-prefix', '/foo'), '/xyz', '/foo', '/xyz'],
    [matching('path-separated-prefix', '/foo'), '/xyz', '/foo/', '/xyz/'],
    [matching('path-separated-prefix', '/foo'), '', '/foo/bar', '/bar'],
    [matching('path-separated-prefix', '/foo'), '', '/foo/', '/'],
    [matching('path-separated-prefix', '/foo'), '', '/foo', '/'],
    [matching('path-separated-prefix', '/foo'), '/', '/foo/', '/'],
    [matching('path-separated-prefix', '/foo'), '/', '/foo', '/'],
    [matching('path-separated-prefix', '/foo'), '/', '/foo/bar?q=/foo', '/bar?q=/foo'],
    [matching('prefix', '/'), '/v1', '/foo?x', '/v1/foo?x'],
    [matching('prefix', '/'), '/v1', '/', '/v1/'],
    [matching('prefix', '/a'), '/x', '/ab', '/xb'],
    [matching('exact', '/a'), '/x', '/a?q', '/x?q'],
    [matching('prefix', '/'), '/v1', '*', '*'],
  ])('%o to %s turns %s into %s', (match, value, path, expected) => {
    expect(rewritePath(path, match, forward({ kind: 'prefix', value }))).toBe(expected);
  });
});

test.each<[ForwardAction['pathRewrite'], string, string]>([
  [undefined, '/a?b', '/a?b'],
  [{ kind: 'full', value: '/x' }, '/a/b?c', '/x?c'],
  [{ kind: 'regex', pattern: /^\/user\/(\d+)/, substitution: '/u/\\1/$1' }, '/user/42/x?y', '/u/42/$1/x?y'],
  [{ kind: 'regex', pattern: /o/, substitution: '\\0\\0' }, '/foo', '/foooo'],
])('rewrite %o turns %s into %s', (rewrite, path, expected) => {
  expect(rewritePath(path, matching('prefix', '/'), forward(rewrite))).toBe(expected);
});

describe('a redirect', () => {
  const none: RedirectAction = {
    kind: 'redirect',
    status: 302,
    scheme: undefined,
    host: undefined,
    port: undefined,
    path: undefined,
    stripQuery: false,
  };
  const match = matching('path-separated-prefix', '/a');
  test.each<[Partial<RedirectAction>, string, string, string]>([
    [{ scheme: 'https' }, 'h:8080', '/a?b', 'https://h/a?b'],
    [{ host: 'other' }, 'h:8080', '/a', 'http://other:8080/a'],
    [{ host: 'other' }, 'h:80', '/a', 'http://other/a'],
    [{ scheme: 'https', port: 443 }, 'h', '/a', 'https://h/a'],
    [{ scheme: 'https', port: 8443 }, 'h', '/a', 'https://h:8443/a'],
    [{ port: 80 }, 'h:8080', '/a', 'http://h/a'],
    [{ path: { kind: 'prefix', value: '/x' } }, 'h', '/a/b?c', 'http://h/x/b?c'],
    [{ path: { kind: 'full', value: '/x' }, stripQuery: true }, 'h', '/a/b?c', 'http://h/x'],
    [{ path: { kind: 'full', value: '/x?y' } }, 'h', '/a?c', 'http://h/x?y'],
    [{ scheme: 'https' }, '[::1]:80', '//evil', 'https://[::1]//evil'],
  ])('%o of %s%s goes to %s', (action, authority, path, expected) => {
    const head: RequestHead = {
      method: 'GET',
      scheme: 'http',
      authority,
      path,
      headers: new Headers(),
      version: '1.1',
      absoluteForm: false,
      upgrade: undefined,
      expectContinue: false,
      contentLength: undefined,
    };
    expect(redirectLocation(head, match, { ...none, ...action })).toBe(expected);
  });
});

test('headers are removed, then set, then added, and framing fields are left alone', () => {
  const headers = Headers.of({ A: '1', B: '2', C: '3', 'Content-Length': '5' });
  applyHeaderMutation(headers, {
    remove: ['a', 'content-length'],
    set: [
      { name: 'b', value: 'x' },
      { name: 'Host', value: 'evil' },
      { name: ':path', value: '/evil' },
    ],
    add: [
      { name: 'C', value: 'y' },
      { name: 'A', value: 'back' },
      { name: 'Transfer-Encoding', value: 'chunked' },
    ],
  });
  expect(headers.names.map((name, i) => `${name}: ${headers.values[i]}`)).toEqual([
    'b: x',
    'c: 3',
    'content-length: 5',
    'c: y',
    'a: back',
  ]);
});
