import { expect, test } from 'vitest';
import { ask, exchange } from '../harness/raw-http.ts';
import { canary, head, startBench } from './bench.ts';
import { refuses } from './refuses.ts';

// security.md §2.1: the request line.

const bench = startBench();
const absolute = (target: string, host = 'a.test') => `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;

test('H1-18: an absolute target that says another host than Host is refused at the edge', async () => {
  await refuses(bench, absolute('http://b.test/x'), '400 h1.host-mismatch');
  await refuses(bench, absolute('https://a.test/x'), '400 h1.scheme-mismatch');
  await refuses(bench, absolute('http://a.test:81/x'), '400 h1.host-mismatch');
  for (const target of ['http://u@a.test/', 'http://', 'http:///x', 'http://a.test:x/', 'http://a.test\\@b.test/'])
    await refuses(bench, absolute(target), '400 h1.bad-host');
  for (const target of ['ftp://a.test/', 'a.test:80', 'x', '?a', '*'])
    await refuses(bench, absolute(target), '400 h1.bad-target');
});

test('H1-18: the upstream sees the origin form, and the authority of the target as its Host', async () => {
  await ask(bench.edge.port, absolute('http://A.test/x?y'));
  let seen = bench.upstream.requests.at(-1);
  expect([seen?.target, seen?.get('host')]).toEqual(['/x?y', 'a.test']);
  for (const proxy of [bench.inbound, bench.outbound]) {
    await ask(proxy.port, absolute('http://b.test?q'));
    seen = bench.upstream.requests.at(-1);
    expect([seen?.target, seen?.get('host')]).toEqual(['/?q', 'b.test']);
  }
});

test('H1-19: a fragment in the target is refused', async () => {
  for (const proxy of [bench.edge, bench.inbound, bench.outbound]) {
    for (const target of ['/a#b', '/#', '/a?b#/../admin'])
      await refuses(bench, absolute(target), '400 h1.bad-target-byte', { proxy });
  }
});

test('H1-20: a backslash in the path is refused', async () => {
  for (const proxy of [bench.edge, bench.inbound, bench.outbound])
    for (const target of ['/\\admin', '/a\\..\\b', '/a\\'])
      await refuses(bench, absolute(target), '400 h1.backslash-in-path', { proxy });
});

test('H1-21: bytes above 0x7f, control bytes and DEL in the target are refused', async () => {
  for (const byte of ['\xe9', '\x7f', '\x01', '\0', '\x0b'])
    await refuses(bench, absolute(`/a${byte}b`), '400 h1.bad-target-byte');
  await refuses(bench, absolute('/a\tb'), '400 h1.malformed-request-line');
});

test('L-21: paths that servers read apart are refused at the edge', async () => {
  for (const [path, reason] of [
    ['/a%2Fb', 'encoded-slash'],
    ['/%5cb', 'encoded-slash'],
    ['/%00', 'encoded-nul'],
    ['//admin', 'empty-path-segment'],
    ['/a;x=1/b', 'semicolon-in-path'],
    ['/%zz', 'bad-percent-encoding'],
    ['/a/%2', 'bad-percent-encoding'],
    ['/a/../../admin', 'path-above-root'],
    ['/%2e%2E/b', 'path-above-root'],
  ] as const) {
    await refuses(bench, absolute(path), `400 h1.${reason}`);
  }
});

test('L-21: other dot segments are resolved at the edge, and the mesh forwards as sent', async () => {
  for (const [sent, canonical] of [
    ['/a/./b/../c', '/a/c'],
    ['/a/%2E/b/.%2e/c?x=/../%2f;', '/a/c?x=/../%2f;'],
    ['/.well-known/x', '/.well-known/x'],
  ] as const) {
    await ask(bench.edge.port, absolute(sent));
    expect(bench.upstream.requests.at(-1)?.target).toBe(canonical);
    await ask(bench.inbound.port, absolute(sent));
    expect(bench.upstream.requests.at(-1)?.target).toBe(sent);
  }
});

test('H1-22: parts of the request line stand one space apart', async () => {
  for (const line of [
    'GET  / HTTP/1.1',
    'GET /  HTTP/1.1',
    'GET\t/ HTTP/1.1',
    'GET /\tHTTP/1.1',
    ' GET / HTTP/1.1',
    'GET / HTTP/1.1 ',
    'GET',
    'GET /x y HTTP/1.1',
    'GET / http/1.1',
    'G(T / HTTP/1.1',
  ])
    await refuses(bench, head('', line), '400 h1.malformed-request-line');
});

test('H1-23: other versions are 505', async () => {
  for (const version of ['2.0', '0.9', '1.9', '1.2', '3.0'])
    await refuses(bench, head('', `GET / HTTP/${version}`), '505 h1.version-not-supported');
  await refuses(bench, 'GET /\r\n', '505 h1.version-not-supported');
});

test('H1-24: HTTP/1.0 is 426 at the edge', async () => {
  for (const input of ['GET / HTTP/1.0\r\n\r\n', 'GET / HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\n\r\n'])
    await refuses(bench, input, '426 h1.http10');
});

test('H1-24: HTTP/1.0 is served inside the mesh, as HTTP/1.1 upstream, and the connection ends', async () => {
  const input = 'GET /old HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\n\r\n';
  const { text, end } = await exchange(bench.inbound.port, [input]);
  expect([text.slice(0, 17), text.includes('\r\nconnection: close\r\n'), end]).toEqual([
    'HTTP/1.1 200 OK\r\n',
    true,
    'fin',
  ]);
  expect(bench.upstream.requests.at(-1)).toMatchObject({ target: '/old' });
});

test('H1-24: a request of HTTP/1.0 without Host goes on with an empty one, as RFC 9112 §3.2 says', async () => {
  const { text, end } = await exchange(bench.inbound.port, ['GET /old HTTP/1.0\r\n\r\n']);
  expect([text.startsWith('HTTP/1.1 200 OK\r\n'), end]).toEqual([true, 'fin']);
  expect(bench.upstream.requests.at(-1)?.get('host')).toBe('');
});

test('H1-44: methods that echo are 405', async () => {
  for (const proxy of [bench.edge, bench.inbound, bench.outbound])
    for (const method of ['TRACE', 'TRACK'])
      await refuses(bench, head('', `${method} / HTTP/1.1`), '405 h1.method-not-allowed', { proxy });
});

test('H1-44: unknown methods are 501 at the edge; inside the mesh only those in lower case', async () => {
  for (const method of ['BREW', 'get', 'Get', 'GETS'])
    await refuses(bench, head('', `${method} / HTTP/1.1`), '501 h1.unknown-method');
  await refuses(bench, head('', 'get / HTTP/1.1'), '501 h1.unknown-method', { proxy: bench.inbound });
  expect((await ask(bench.inbound.port, head('', 'BREW /tea HTTP/1.1'))).body).toBe('BREW /tea');
});

test('H1-45: a query of 1 MiB or of 10,000 parameters is 414', async () => {
  await refuses(bench, absolute(`/?q=${'x'.repeat(1_024 * 1_024)}`), '414 h1.request-line-too-long');
  await refuses(bench, absolute(`/?${'a=1&'.repeat(10_000)}`), '414 h1.request-line-too-long');
  const fits = `/?${'a=1&'.repeat(2_000)}`;
  await ask(bench.edge.port, absolute(fits));
  expect(bench.upstream.requests.at(-1)?.target).toBe(fits);
});

test('H1-43: a Range with 1,000 overlapping ranges is the upstream’s to judge, and goes on as it is', async () => {
  const ranges = `bytes=${Array.from({ length: 1_000 }, (_, i) => `0-${i}`).join(',')}`;
  expect((await ask(bench.edge.port, head(`Range: ${ranges}\r\n`))).status).toBe(200);
  expect(bench.upstream.requests.at(-1)?.get('range')).toBe(ranges);
  await canary(bench, bench.edge);
});

test('H1-46: a query of names that collide or belong to objects goes on as it is, and is not indexed', async () => {
  const names = ['__proto__', 'constructor', 'toString', ...Array.from({ length: 1_500 }, () => '0')];
  const target = `/?${names.join('&')}`;
  expect((await ask(bench.edge.port, head('', `GET ${target} HTTP/1.1`))).status).toBe(200);
  expect(bench.upstream.requests.at(-1)?.target).toBe(target);
  await canary(bench, bench.edge);
});
