import { expect, test } from 'vitest';
import { accepts, drive, head, mesh, post, refuses } from '../../test/fuzz/http1/judge-request.ts';

// The rows of security.md §2.1 that a codec decides alone. Every input is cut in all the ways bytes can arrive,
// and each way must say the same.

test('H1-01: Content-Length beside Transfer-Encoding is refused', () => {
  for (const lines of [
    'Content-Length: 5\r\nTransfer-Encoding: chunked',
    'Transfer-Encoding: chunked\r\nContent-Length: 5',
  ]) {
    refuses(`${head(`${lines}\r\n`, post)}0\r\n\r\n`, '400 h1.content-length-and-transfer-encoding');
  }
});

test('H1-02, H1-03: more than one Content-Length is refused, equal or not', () => {
  refuses(head('Content-Length: 5\r\nContent-Length: 6\r\n', post), '400 h1.duplicate-content-length');
  refuses(head('Content-Length: 5\r\ncontent-length: 5\r\n', post), '400 h1.duplicate-content-length');
  refuses(head('Content-Length: 5, 5\r\n', post), '400 h1.bad-content-length');
});

test('H1-04, H1-05: a Content-Length that is not a plain number is refused', () => {
  const values = [
    '+5',
    '0x5',
    '-1',
    '5 5',
    '1e3',
    '18446744073709551616',
    '9007199254740993',
    '005',
    '00',
    '',
    '5;',
    '٥',
  ];
  for (const value of values) refuses(head(`Content-Length: ${value}\r\n`, post), '400 h1.bad-content-length');
});

test('H1-06: a Transfer-Encoding other than chunked, once, is refused', () => {
  for (const value of [
    'xchunked',
    'chunked, identity',
    'chunked, chunked',
    'chunked;q=1',
    '"chunked"',
    '',
    'identity',
  ]) {
    refuses(head(`Transfer-Encoding: ${value}\r\n`, post), '400 h1.bad-transfer-encoding');
  }
  refuses(head('Transfer-Encoding: \x0bchunked\r\n', post), '400 h1.bad-field-value');
  refuses(head('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', post), '400 h1.bad-transfer-encoding');
  refuses(head('Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n', post), '400 h1.bad-transfer-encoding');
});

test('H1-07: a transfer coding that is not decoded here is 501', () => {
  refuses(head('Transfer-Encoding: gzip, chunked\r\n', post), '501 h1.unsupported-transfer-coding');
});

test('H1-08: Transfer-Encoding in HTTP/1.0 is refused', () => {
  refuses(head('Transfer-Encoding: chunked\r\n', 'POST / HTTP/1.0'), '400 h1.transfer-encoding-in-http10', mesh);
});

test('H1-09: space before the colon, empty names and line folding are refused', () => {
  refuses(head('Transfer-Encoding : chunked\r\n', post), '400 h1.space-before-colon');
  refuses(head('A\t: b\r\n'), '400 h1.space-before-colon');
  refuses(head(': b\r\n'), '400 h1.empty-field-name');
  refuses(head('A: b\r\n c\r\n'), '400 h1.obs-fold');
  refuses(head('Transfer-Encoding:\r\n\tchunked\r\n', post), '400 h1.obs-fold');
  refuses('GET / HTTP/1.1\r\n Host: a\r\n\r\n', '400 h1.obs-fold');
  refuses(head('no colon\r\n'), '400 h1.space-before-colon');
  refuses(head('nocolon\r\n'), '400 h1.bad-field-name');
  for (const byte of ['(', '"', '/', '@', '\xe9']) refuses(head(`a${byte}b: c\r\n`), '400 h1.bad-field-name');
});

test('H1-10: line ends other than CRLF are refused', () => {
  refuses('GET / HTTP/1.1\nHost: a\n\n', '400 h1.bare-lf');
  refuses('GET / HTTP/1.1\r\nHost: a\n\n', '400 h1.bare-lf');
  refuses('GET / HTTP/1.1\r\nHost: a\r\n\n', '400 h1.bare-lf');
  refuses('GET / HTTP/1.1\r\nHost: a\r\n\r\r\n', '400 h1.bare-cr');
  refuses('GET / HTTP/1.1\r\nHost: a\r\n\rX', '400 h1.bare-cr');
  refuses(head('A: b\rc\r\n'), '400 h1.bare-cr');
});

test('H1-11: control bytes in a value are refused; tab and bytes above 0x7f are data', () => {
  for (const byte of ['\0', '\x01', '\x0b', '\x1f', '\x7f'])
    refuses(head(`A: b${byte}c\r\n`), '400 h1.bad-field-value');
  expect(accepts(head('A: \t b\tc\xe9 \t\r\n')).head.headers.get('a')).toBe('b\tc\xe9');
});

const chunked = (body: string) => `${head('Transfer-Encoding: chunked\r\n', post)}${body}`;

test('H1-12: chunk extensions past 4 KiB in total are refused', () => {
  const extension = `;a=${'x'.repeat(1_000)}`;
  refuses(chunked(`1${extension}\r\na\r\n`.repeat(5)), '413 h1.chunk-extensions-too-large');
  expect(accepts(chunked(`1;a="b c"\r\nx\r\n2;d\r\nyz\r\n0;e\r\n\r\n`)).body).toBe('xyz');
});

test('H1-13: malformed chunks are refused', () => {
  for (const size of ['0x5', '', ' 5', '5 ', '-5', '+5', '5\n', 'g', '11111111111111111', 'fffffffffffffff', ';x']) {
    refuses(chunked(`${size}\r\nhello\r\n0\r\n\r\n`), '400 h1.bad-chunk-size');
  }
  refuses(chunked('5;a\nhello\r\n0\r\n\r\n'), '400 h1.bad-chunk-extension');
  refuses(chunked('5;\r\nhello\r\n0\r\n\r\n'), '400 h1.bad-chunk-extension');
  refuses(chunked('5;a\0\r\nhello\r\n0\r\n\r\n'), '400 h1.bad-chunk-extension');
  refuses(chunked('5\rhello\r\n0\r\n\r\n'), '400 h1.bad-chunk-size');
  refuses(chunked('5\r\nhello0\r\n\r\n'), '400 h1.bad-chunk-end');
  refuses(chunked('5\r\nhello!\r\n0\r\n\r\n'), '400 h1.bad-chunk-end');
  refuses(chunked('5\r\nhello\r!0\r\n\r\n'), '400 h1.bad-chunk-end');
  refuses(chunked('5\r\nhello\n0\r\n\r\n'), '400 h1.bad-chunk-end');
});

test('H1-14: framing names in trailers are refused, others that come too late are dropped', () => {
  for (const trailer of ['Content-Length: 5', 'Host: b', 'Transfer-Encoding: chunked', 'transfer-encoding: x']) {
    refuses(chunked(`1\r\na\r\n0\r\n${trailer}\r\n\r\n`), '400 h1.framing-trailer');
  }
  refuses(chunked('0\r\nA : b\r\n\r\n'), '400 h1.space-before-colon');
  refuses(chunked('0\r\nA: b\n\r\n'), '400 h1.bare-lf');
  refuses(chunked(`0\r\nA: ${'x'.repeat(9_000)}\r\n\r\n`), '431 h1.trailers-too-large');
  const lines =
    'Authorization: Basic eA==\r\nX-Forwarded-For: 1.2.3.4\r\nx-heddle-id: me\r\ncookie: a\r\nGrpc-Status: 0\r\n';
  const seen = accepts(chunked(`1\r\na\r\n0\r\n${lines}\r\n`));
  expect(seen.trailers?.rawNames).toEqual(['Grpc-Status']);
  expect(seen.dropped).toEqual(
    ['authorization', 'x-forwarded-for', 'x-heddle-id', 'cookie'].map((name) => `h1.forbidden-trailer ${name}`),
  );
});

test('H1-15, H1-16: a request has exactly one Host', () => {
  refuses('GET / HTTP/1.1\r\n\r\n', '400 h1.missing-host');
  refuses('GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', '400 h1.duplicate-host');
  refuses('GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n', '400 h1.duplicate-host');
});

test('H1-17: a host that is none is refused, a good one is brought to one form', () => {
  const bad = [
    'a/b@c',
    'a,b',
    '',
    'a:99999',
    'a:0',
    'a:',
    'a:080',
    'a:-1',
    'a:8 0',
    'u@a',
    '[fe80::1%25eth0]',
    '[fe80::1%eth0]',
    '[::1',
    '::1',
    '[zz]',
    'a b',
    'a..b',
    '.a',
    'a#',
    'a?b',
    '%61',
    'a\xe9',
    `${'a'.repeat(256)}`,
    '.',
    '[]',
    'a:b:1',
  ];
  for (const host of bad) refuses(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`, '400 h1.bad-host');
  refuses('GET / HTTP/1.1\r\nHost: a\0\r\n\r\n', '400 h1.bad-field-value');
  for (const [host, authority] of [
    ['Shop.Example.COM', 'shop.example.com'],
    ['shop.example.com.', 'shop.example.com'],
    ['shop.example.com.:8443', 'shop.example.com:8443'],
    ['a_b:80', 'a_b:80'],
    ['127.0.0.1:1', '127.0.0.1:1'],
    ['[2001:DB8::1]:65535', '[2001:db8::1]:65535'],
    ['[::1]', '[::1]'],
  ] as const) {
    expect(accepts(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`).head.authority).toBe(authority);
  }
});

test('H1-18: in absolute form the authority of the target wins; at the edge a mismatch is refused', () => {
  const request = (target: string, host = 'a.test') => `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
  refuses(request('http://b.test/x'), '400 h1.host-mismatch');
  refuses(request('https://a.test/x'), '400 h1.scheme-mismatch');
  for (const target of ['http://u@a.test/', 'http://', 'http:///x', 'http://a.test:x/'])
    refuses(request(target), '400 h1.bad-host');
  for (const target of ['ftp://a.test/', 'a.test:80', 'x', '?a', '*']) refuses(request(target), '400 h1.bad-target');
  expect(accepts(request('http://A.test/x?y')).head).toMatchObject({
    authority: 'a.test',
    path: '/x?y',
    absoluteForm: true,
  });
  expect(accepts(request('http://b.test'), mesh).head).toMatchObject({ authority: 'b.test', path: '/' });
  const forward = { edge: false, allowAbsoluteForm: true };
  expect(accepts(request('https://b.test?q'), forward).head).toMatchObject({
    scheme: 'https',
    authority: 'b.test',
    path: '/?q',
  });
  expect(accepts('OPTIONS http://b.test HTTP/1.1\r\nHost: b.test\r\n\r\n', forward).head.path).toBe('*');
  expect(accepts(head('', 'OPTIONS * HTTP/1.1')).head.path).toBe('*');
});

test('H1-19, H1-20, H1-21: fragments, backslashes, control and non-ASCII bytes in the target are refused', () => {
  for (const options of [{}, mesh]) {
    for (const byte of ['#', '\xe9', '\x7f', '\x01', '\0']) {
      refuses(head('', `GET /a${byte}b HTTP/1.1`), '400 h1.bad-target-byte', options);
    }
    refuses(head('', 'GET /\\admin HTTP/1.1'), '400 h1.backslash-in-path', options);
    refuses(head('', 'GET /a?b#c HTTP/1.1'), '400 h1.bad-target-byte', options);
  }
});

test('L-21: the edge refuses paths that servers read apart and resolves dot segments; the mesh forwards as sent', () => {
  for (const [path, reason] of [
    ['/a%2Fb', 'encoded-slash'],
    ['/a%2f', 'encoded-slash'],
    ['/%5Cb', 'encoded-slash'],
    ['/%00', 'encoded-nul'],
    ['//a', 'empty-path-segment'],
    ['/a//b', 'empty-path-segment'],
    ['/a;x=1/b', 'semicolon-in-path'],
    ['/%zz', 'bad-percent-encoding'],
    ['/%', 'bad-percent-encoding'],
    ['/%2', 'bad-percent-encoding'],
    ['/..', 'path-above-root'],
    ['/a/../../b', 'path-above-root'],
    ['/%2e%2E/b', 'path-above-root'],
  ] as const) {
    refuses(head('', `GET ${path} HTTP/1.1`), `400 h1.${reason}`);
    expect(accepts(head('', `GET ${path} HTTP/1.1`), mesh).head.path).toBe(path);
  }
  for (const [path, canonical] of [
    ['/a/./b/../c', '/a/c'],
    ['/a/%2E/b/.%2e/c?x=/../%2f;#'.replace('#', ''), '/a/c?x=/../%2f;'],
    ['/a/.', '/a/'],
    ['/a/..', '/'],
    ['/a/b/..', '/a/'],
    ['/.well-known/x', '/.well-known/x'],
    ['/a/...', '/a/...'],
    ['/a%20b/%C3%A9', '/a%20b/%C3%A9'],
    ['/a?b//c', '/a?b//c'],
    ['/', '/'],
  ] as const) {
    expect(accepts(head('', `GET ${path} HTTP/1.1`)).head.path).toBe(canonical);
    expect(accepts(head('', `GET ${path} HTTP/1.1`), mesh).head.path).toBe(path);
  }
});

test('H1-22: parts of the request line stand one space apart', () => {
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
  ]) {
    refuses(head('', line), '400 h1.malformed-request-line');
  }
});

test('H1-23: versions other than 1.1 and 1.0 are 505', () => {
  for (const version of ['2.0', '0.9', '1.9', '1.2', '3.0', '11.1']) {
    refuses(head('', `GET / HTTP/${version}`), '505 h1.version-not-supported');
  }
  refuses('GET /\r\n', '505 h1.version-not-supported');
});

test('H1-24: HTTP/1.0 is refused at the edge with 426, and served inside the mesh with the connection closed', () => {
  refuses('GET / HTTP/1.0\r\n\r\n', '426 h1.http10');
  const seen = accepts('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n', mesh);
  expect(seen.head).toMatchObject({ version: '1.0', authority: '' });
  expect(seen.written).toContain('\r\nconnection: close\r\n');
});

test('H1-25: an Expect other than 100-continue, once, is 417', () => {
  for (const value of ['y 100-continue', '100-continue, 100-continue', '', 'x']) {
    refuses(head(`Expect: ${value}\r\nContent-Length: 1\r\n`, post), '417 h1.bad-expect');
  }
  refuses(head('Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 1\r\n', post), '417 h1.bad-expect');
  const seen = accepts(`${head('Expect: 100-Continue\r\nContent-Length: 1\r\n', post)}x`);
  expect(seen.head.expectContinue).toBe(true);
  expect(seen.head.headers.size).toBe(0);
  expect(accepts(head('Expect: 100-continue\r\n')).head.expectContinue).toBe(false);
});

test('H1-27: an upgrade to h2c is taken out and the request served as HTTP/1.1', () => {
  const seen = accepts(
    `${head('Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\nContent-Length: 2\r\n', post)}ok`,
  );
  expect(seen.head.upgrade).toBeUndefined();
  expect(seen.head.headers.size).toBe(0);
  expect(seen.body).toBe('ok');
  expect(accepts(head('Upgrade: websocket\r\n')).head.upgrade).toBeUndefined();
});

test('H1-30: a GET, HEAD or DELETE with a body is framed, and the body is never the next request', () => {
  const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n';
  for (const method of ['GET', 'HEAD', 'DELETE']) {
    const seen = accepts(`${head(`Content-Length: ${smuggled.length}\r\n`, `${method} / HTTP/1.1`)}${smuggled}`);
    expect(seen.body).toBe(smuggled);
    expect(seen.head.contentLength).toBe(smuggled.length);
  }
});

test('H1-31, L-02: too many fields are refused and none is ever lost', () => {
  const fields = (count: number) => Array.from({ length: count }, (_, i) => `x-${i}: ${i}\r\n`).join('');
  refuses(head(`${fields(3_000)}Authorization: x\r\n`), '431 h1.too-many-fields');
  refuses(head(fields(100)), '431 h1.too-many-fields');
  expect(accepts(head(fields(99))).head.headers.size).toBe(99);
  const cookies = Array.from({ length: 400 }, (_, i) => `Cookie: c${i}=1\r\n`).join('');
  expect(accepts(head(cookies)).head.headers.size).toBe(400);
});

test('H1-32, H1-45: a head past its limits is refused with 431 or 414', () => {
  refuses(head(`A: ${'x'.repeat(17 * 1_024)}\r\n`), '431 h1.field-too-large');
  refuses(head(`A: ${'x'.repeat(9 * 1_024)}\r\n`), '431 h1.field-too-large');
  refuses(head(`${`A: ${'x'.repeat(6 * 1_024)}\r\n`.repeat(3)}`), '431 h1.headers-too-large');
  refuses(head(`Cookie: ${'x'.repeat(30 * 1_024)}\r\n`), '431 h1.headers-too-large');
  refuses(head('', `GET /${'x'.repeat(9 * 1_024)} HTTP/1.1`), '414 h1.request-line-too-long');
  refuses(`GET /?${'a=1&'.repeat(20_000)}`, '414 h1.request-line-too-long');
  const longest = `GET /${'x'.repeat(8_192 - 14)} HTTP/1.1`;
  expect(longest.length).toBe(8_192);
  accepts(head('', longest));
  refuses(head('', longest.replace('/', '/y')), '414 h1.request-line-too-long');
});

test('H1-33: names of object properties are ordinary names', () => {
  const seen = accepts(head('__proto__: a\r\nconstructor: b\r\ntoString: c\r\n'), { aliasNames: 'allow' });
  expect(seen.head.headers.names).toEqual(['__proto__', 'constructor', 'tostring']);
  expect(seen.head.headers.rawNames[2]).toBe('toString');
});

test('H1-34: names with underscore or dot are refused at the edge and dropped inside the mesh', () => {
  for (const name of ['x_user', 'x.user']) {
    refuses(head(`x-user: a\r\n${name}: b\r\n`), '400 h1.alias-field-name');
    const seen = accepts(head(`x-user: a\r\n${name}: b\r\n`), mesh);
    expect(seen.head.headers.names).toEqual(['x-user']);
    expect(seen.dropped).toEqual([`h1.alias-field-name ${name}`]);
  }
});

test('H1-35: hop-by-hop fields and those that Connection names do not go on', () => {
  const lines =
    'Connection: X-Forwarded-For, authorization, close, x-heddle-id\r\nx-forwarded-for: 1\r\nAuthorization: x\r\nx-heddle-id: y\r\nKeep-Alive: timeout=5\r\nProxy-Connection: close\r\nTE: gzip\r\nAccept: */*\r\n';
  expect(accepts(head(lines)).head.headers.names).toEqual(['accept']);
  expect(accepts(head('Connection: te\r\nTE: gzip, trailers\r\n')).head.headers.getAll('te')).toEqual(['trailers']);
  refuses(head('Connection: a b\r\n'), '400 h1.bad-connection');
  refuses(head(`Connection: ${'a,'.repeat(40)}\r\n`), '400 h1.bad-connection');
});

test('H1-41: one empty line before the request line is forgiven, a second is not', () => {
  accepts(`\r\n${head('')}`);
  refuses(`\r\n\r\n${head('')}`, '400 h1.leading-crlf');
  expect(drive(`${head('')}\r\n`).requests).toHaveLength(1);
});

test('H1-44: methods that echo are 405, unknown ones 501 at the edge', () => {
  for (const method of ['TRACE', 'TRACK']) refuses(head('', `${method} / HTTP/1.1`), '405 h1.method-not-allowed');
  for (const method of ['BREW', 'get', 'Get']) refuses(head('', `${method} / HTTP/1.1`), '501 h1.unknown-method');
  expect(accepts(head('', 'BREW / HTTP/1.1'), mesh).head.method).toBe('BREW');
  refuses(head('', 'get / HTTP/1.1'), '501 h1.unknown-method', mesh);
});
