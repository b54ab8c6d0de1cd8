import { expect, test } from 'vitest';
import { seededRandom } from '../../lib/random.ts';
import { combineHashes, type Hash64 } from '../balance/hash64.ts';
import { xxHash64 } from '../balance/xx-hash.ts';
import type { RequestHead } from '../stream/head.ts';
import { Headers } from '../stream/headers.ts';
import { cookieValue } from './cookie-value.ts';
import { type HashPolicy, hashRequest } from './hash-policy.ts';

function head(fields: readonly (readonly [string, string])[], path = '/'): RequestHead {
  const headers = new Headers();
  for (const [name, value] of fields) headers.append(name, value);
  return {
    method: 'GET',
    scheme: 'http',
    authority: 'cart',
    path,
    version: '1.1',
    headers,
    contentLength: undefined,
    upgrade: undefined,
  } as unknown as RequestHead;
}

const hash = (policies: readonly HashPolicy[], request: RequestHead, address = '10.0.0.1:4711'): Hash64 | undefined =>
  hashRequest(policies, request, address, seededRandom(1)).hash;
const byHeader: HashPolicy = { kind: 'header', name: 'x-user', rewrite: undefined, terminal: false };
const byQuery: HashPolicy = { kind: 'query', name: 'id', terminal: false };

test('LB-03: a header, a query parameter, a cookie and the address of the client are hashed', () => {
  expect(hash([byHeader], head([['X-User', 'ada']]))).toEqual(xxHash64('ada'));
  expect(hash([byHeader], head([]))).toBeUndefined();
  expect(hash([{ ...byHeader, name: ':authority' }], head([]))).toEqual(xxHash64('cart'));
  expect(hash([byQuery], head([], '/a?x=1&id=7&id=8'))).toEqual(xxHash64('7'));
  expect(hash([byQuery], head([], '/a?identity=7'))).toBeUndefined();
  const byCookie: HashPolicy = { kind: 'cookie', name: 'sid', attributes: undefined, terminal: false };
  expect(hash([byCookie], head([['cookie', 'a=1; sid="s1"; b=2']]))).toEqual(xxHash64('s1'));
  expect(hash([byCookie], head([]))).toBeUndefined();
  const bySource: HashPolicy = { kind: 'source-ip', terminal: false };
  expect(hash([bySource], head([]))).toEqual(xxHash64('10.0.0.1'));
  expect(hash([bySource], head([]), '[2001:db8::1]:80')).toEqual(xxHash64('2001:db8::1'));
  expect(hash([bySource], head([]), '')).toBeUndefined();
});

test('several values of a header count alike in any order', () => {
  const forth = hash(
    [byHeader],
    head([
      ['x-user', 'a'],
      ['x-user', 'b'],
    ]),
  );
  expect(
    hash(
      [byHeader],
      head([
        ['x-user', 'b'],
        ['x-user', 'a'],
      ]),
    ),
  ).toEqual(forth);
  expect(forth).not.toEqual(xxHash64('a'));
});

test('a header can be rewritten before it is hashed', () => {
  const rewrite = { kind: 'regex', pattern: /^\/tenant\/([^/]+)\/.*$/, substitution: '\\1' } as const;
  const policy: HashPolicy = { kind: 'header', name: ':path', rewrite, terminal: false };
  expect(hash([policy], head([], '/tenant/t1/a'))).toEqual(hash([policy], head([], '/tenant/t1/b')));
});

test('policies are combined, and a terminal one that finds something ends the search', () => {
  const request = head([['x-user', 'ada']], '/?id=7');
  expect(hash([byHeader, byQuery], request)).toEqual(combineHashes(xxHash64('ada'), xxHash64('7')));
  expect(hash([{ ...byHeader, terminal: true }, byQuery], request)).toEqual(xxHash64('ada'));
  expect(hash([{ ...byHeader, name: 'none', terminal: true }, byQuery], request)).toEqual(xxHash64('7'));
});

test('LB-03: a client without the cookie is given one, which leads to the same endpoint again', () => {
  const attributes = { maxAgeSeconds: 60, path: '/shop', others: [{ name: 'SameSite', value: 'Lax' }] };
  const policy: HashPolicy = { kind: 'cookie', name: 'sid', attributes, terminal: false };
  const first = hashRequest([policy], head([]), '', seededRandom(1));
  expect(first.setCookie).toMatch(/^sid="[0-9a-f]{16}"; Max-Age=60; Path=\/shop; SameSite=Lax; HttpOnly$/);
  const cookie = first.setCookie?.split(';')[0] ?? '';
  expect(hashRequest([policy], head([['cookie', cookie]]), '', seededRandom(2))).toEqual({
    hash: first.hash,
    setCookie: undefined,
  });
});

test('cookies are found by their whole name', () => {
  const value = (...cookies: string[]) =>
    cookieValue(head(cookies.map((one) => ['cookie', one] as const)).headers, 'sid');
  expect(value('xsid=1; sid=2')).toBe('2');
  expect(value('sid2=1;sid=2')).toBe('2');
  expect(value('a=sid=1')).toBe('');
  expect(value('a=1', 'sid=3')).toBe('3');
  expect(value('sid')).toBe('');
  expect(value('sid=')).toBe('');
  expect(value('sid=""')).toBe('');
});
