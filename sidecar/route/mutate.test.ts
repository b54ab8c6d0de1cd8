import { describe, expect, test } from 'vitest';
import { StreamInfo } from '../observe/stream-info.ts';
import type { RequestHead } from '../stream/head.ts';
import { Headers } from '../stream/headers.ts';
import { compileHeaderTemplate } from './header-template.ts';
import { applyHeaderMutation, redirectLocation, rewritePath } from './mutate.ts';
import {
  type ForwardAction,
  forwardDefaults,
  type HeaderMutation,
  noMutation,
  type RedirectAction,
  type RouteMatch,
} from './route-table.ts';

const matching = (kind: 'prefix' | 'path-separated-prefix' | 'exact', value: string): RouteMatch => ({
  path: { kind, value },
  headers: [],
  query: [],
});

function forward(pathRewrite: ForwardAction['pathRewrite']): ForwardAction {
  return {
    ...forwardDefaults,
    clusters: [{ name: 'c', weight: 1, requestHeaders: noMutation, responseHeaders: noMutation }],
    pathRewrite,
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
    [{ scheme: 'https' }, 'h:8080', '/a?b', 'https://h:8080/a?b'],
    [{ scheme: 'https' }, 'h:80', '/a?b', 'https://h/a?b'],
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

const info = Object.assign(new StreamInfo('gateway', 'l', 0, Date.UTC(2026, 1, 3, 4, 5, 6, 7)), {
  downstreamAddress: '[::1]:1234',
  route: 'the route',
  requestId: 'abc',
});
const asked: RequestHead = {
  method: 'PUT',
  scheme: 'https',
  authority: 'shop.example',
  path: '/a?b',
  headers: Headers.of({ 'X-One': '1' }),
  version: '2',
  absoluteForm: false,
  upgrade: undefined,
  expectContinue: false,
  contentLength: undefined,
};
const fields = (headers: Headers) => headers.names.map((name, i) => `${name}: ${headers.values[i]}`);

test('the steps of a mutation are taken in order, and framing fields are left alone', () => {
  const headers = Headers.of({ A: '1', B: '2', C: '3', 'Content-Length': '5' });
  const step = (action: 'set' | 'append' | 'add-if-absent' | 'set-if-exists', name: string, value: string) => ({
    action,
    name,
    value,
    keepEmpty: false,
  });
  const steps: HeaderMutation = [
    { action: 'remove', name: 'a' },
    { action: 'remove', name: 'content-length' },
    step('set', 'b', 'x'),
    step('set', 'host', 'evil'),
    step('set', ':path', '/evil'),
    step('append', 'c', 'y'),
    step('append', 'a', 'back'),
    step('append', 'transfer-encoding', 'chunked'),
    step('add-if-absent', 'b', 'no'),
    step('add-if-absent', 'd', 'new'),
    step('set-if-exists', 'd', 'newer'),
    step('set-if-exists', 'e', 'no'),
    step('append', 'empty', ''),
    { ...step('append', 'kept', ''), keepEmpty: true },
  ];
  applyHeaderMutation(headers, steps, info, asked, undefined);
  expect(fields(headers)).toEqual(['b: x', 'c: 3', 'content-length: 5', 'c: y', 'a: back', 'd: newer', 'kept: ']);
});

test.each<[string, string]>([
  ['plain', 'plain'],
  ['100%%', '100%'],
  ['%REQ(x-one)%-%REQ(X-TWO?:METHOD)%-%REQ(none)%', '1-PUT-'],
  ['%REQ(:authority):4%', 'shop'],
  ['%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_REMOTE_PORT%', '[::1] 1234'],
  ['%PROTOCOL%', 'HTTP/1.1'],
  ['%ROUTE_NAME% %STREAM_ID%', 'the route abc'],
  ['%START_TIME%', '2026-02-03T04:05:06.007Z'],
  ['%START_TIME(%Y/%m/%d %H:%M:%S.%3f)%', '2026/02/03 04:05:06.007'],
  ['%START_TIME(%s)%', '1770091506'],
  ['%RESPONSE_CODE% %RESP(x-a?x-b)%', '418 b'],
])('the header value %s becomes %s', (text, expected) => {
  const compiled = compileHeaderTemplate(text);
  if (!compiled.ok) throw new Error(compiled.problem);
  const headers = new Headers();
  const step = { action: 'set' as const, name: 'x', value: compiled.value, keepEmpty: true };
  applyHeaderMutation(headers, [step], info, asked, {
    status: 418,
    reason: '',
    headers: Headers.of({ 'x-b': 'b' }),
    contentLength: undefined,
    upgrade: undefined,
  });
  expect(headers.get('x')).toBe(expected);
});

test.each([
  '%',
  '50%',
  '%NONE%',
  '%REQ()%',
  '%REQ(a?b?c)%',
  '%ROUTE_NAME(x)%',
  '%START_TIME(%Q)%',
  '%DYNAMIC_METADATA(a:b)%',
])('the header value %s is refused', (text) => expect(compileHeaderTemplate(text).ok).toBe(false));
