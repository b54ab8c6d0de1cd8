import { expect, test } from 'vitest';
import { ask, exchange, RawClient } from '../harness/raw-http.ts';
import { canary, head, post, startBench } from './bench.ts';
import { refuses } from './refuses.ts';

// security.md §2.1: field lines, Host, and what a head may cost.

const bench = startBench();

test('H1-09: space before the colon, empty names and line folding are refused', async () => {
  for (const [lines, reason] of [
    ['Transfer-Encoding : chunked\r\n', 'space-before-colon'],
    ['A\t: b\r\n', 'space-before-colon'],
    ['no colon\r\n', 'space-before-colon'],
    [': b\r\n', 'empty-field-name'],
    ['A: b\r\n c\r\n', 'obs-fold'],
    ['Transfer-Encoding:\r\n\tchunked\r\n', 'obs-fold'],
    ['nocolon\r\n', 'bad-field-name'],
    ['a(b: c\r\n', 'bad-field-name'],
    ['a\xe9b: c\r\n', 'bad-field-name'],
  ] as const) {
    await refuses(bench, head(lines, post), `400 h1.${reason}`);
  }
  await refuses(bench, 'GET / HTTP/1.1\r\n Host: a.test\r\n\r\n', '400 h1.obs-fold');
});

test('H1-10: line ends other than CRLF are refused', async () => {
  for (const [input, reason] of [
    ['GET / HTTP/1.1\nHost: a.test\n\n', 'bare-lf'],
    ['GET / HTTP/1.1\r\nHost: a.test\nX: y\r\n\r\n', 'bare-lf'],
    ['GET / HTTP/1.1\r\nHost: a.test\r\n\n', 'bare-lf'],
    ['GET / HTTP/1.1\r\nHost: a.test\r\n\rX', 'bare-cr'],
    ['GET / HTTP/1.1\r\nHost: a.test\r\n\r\r\n', 'bare-cr'],
    [head('A: b\rc\r\n'), 'bare-cr'],
    [head('A: b\r\rc\r\n'), 'bare-cr'],
  ] as const) {
    await refuses(bench, input, `400 h1.${reason}`);
  }
});

test('H1-11: control bytes in a value are refused; tab and bytes above 0x7f are data', async () => {
  for (const byte of ['\0', '\x01', '\x0b', '\x1f', '\x7f'])
    await refuses(bench, head(`A: b${byte}c\r\n`), '400 h1.bad-field-value');
  await ask(bench.edge.port, head('A: \t b\tc\xe9 \t\r\n'));
  expect(bench.upstream.requests.at(-1)?.get('a')).toBe('b\tc\xe9');
});

test('H1-15: a request without Host is refused', async () => {
  await refuses(bench, 'GET / HTTP/1.1\r\n\r\n', '400 h1.missing-host');
  await refuses(bench, 'GET http://a.test/ HTTP/1.1\r\n\r\n', '400 h1.missing-host');
});

test('H1-16: two Host fields are refused, equal or not', async () => {
  for (const second of ['host: b.test', 'Host: a.test', 'HOST: a.test'])
    await refuses(bench, head(`${second}\r\n`), '400 h1.duplicate-host');
});

test('H1-17: a Host that is none is refused', async () => {
  const bad =
    'a/b@c a,b a:99999 a:0 a: a:080 a:-1 u@a [fe80::1%25eth0] [fe80::1%eth0] [::1 ::1 [zz] a..b .a a#b a?b %61 . [] a:b:1';
  for (const host of [...bad.split(' '), '', 'a b', 'a\xe9'])
    await refuses(bench, `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`, '400 h1.bad-host');
  await refuses(bench, 'GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n', '400 h1.bad-field-value');
});

test('H1-17: a good Host reaches the upstream in one form', async () => {
  for (const [host, canonical] of [
    ['Shop.Example.COM.', 'shop.example.com'],
    ['shop.example.com.:8443', 'shop.example.com:8443'],
    ['[2001:DB8::1]:65535', '[2001:db8::1]:65535'],
  ]) {
    await ask(bench.edge.port, `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    expect(bench.upstream.requests.at(-1)?.get('host')).toBe(canonical);
  }
});

test('H1-31: 3,000 fields are refused, none is lost on the way to the limit', async () => {
  const fields = (count: number) => Array.from({ length: count }, (_, i) => `x-${i}: ${i}\r\n`).join('');
  await refuses(bench, head(`${fields(3_000)}Authorization: x\r\n`), '431 h1.too-many-fields');
  await refuses(bench, head(fields(100)), '431 h1.too-many-fields');
  await ask(bench.edge.port, head(`${fields(98)}Authorization: last\r\n`));
  const seen = bench.upstream.requests.at(-1);
  expect(seen?.fields.filter(([name]) => /^x-\d/.test(name))).toHaveLength(98);
  expect(seen?.get('authorization')).toBe('last');
});

test('H1-31: a client with 400 cookie crumbs is served', async () => {
  const crumbs = Array.from({ length: 400 }, (_, i) => `Cookie: c${i}=1\r\n`).join('');
  expect((await ask(bench.edge.port, head(crumbs))).status).toBe(200);
  expect(bench.upstream.requests.at(-1)?.fields.filter(([name]) => name === 'Cookie')).toHaveLength(400);
});

test('H1-32: a field or a head past its limit is 431, a request line 414', async () => {
  await refuses(bench, head(`A: ${'x'.repeat(17 * 1_024)}\r\n`), '431 h1.field-too-large');
  await refuses(bench, head(`A: ${'x'.repeat(9 * 1_024)}\r\n`), '431 h1.field-too-large');
  await refuses(bench, head(`A: ${'x'.repeat(6 * 1_024)}\r\n`.repeat(3)), '431 h1.headers-too-large');
  await refuses(bench, head(`A: ${'x'.repeat(100 * 1_024)}`), '431 h1.headers-too-large');
  await refuses(bench, head('', `GET /${'x'.repeat(9 * 1_024)} HTTP/1.1`), '414 h1.request-line-too-long');
  await refuses(bench, head(`A: ${'x'.repeat(6 * 1_024)}\r\n`.repeat(6)), '431 h1.headers-too-large', {
    proxy: bench.inbound,
  });
});

test('H1-33: names of object properties are ordinary names', async () => {
  await refuses(bench, head('__proto__: a\r\n'), '400 h1.alias-field-name');
  const answer = await ask(
    bench.edge.port,
    head('constructor: b\r\ntoString: c\r\nhasOwnProperty: d\r\nvalueOf: e\r\n'),
  );
  expect(answer.status).toBe(200);
  const seen = bench.upstream.requests.at(-1)?.fields;
  expect(seen).toEqual(
    expect.arrayContaining([
      ['constructor', 'b'],
      ['toString', 'c'],
      ['hasOwnProperty', 'd'],
    ]),
  );
});

test('H1-34: names with underscore or dot are refused at the edge, and dropped inside the mesh', async () => {
  for (const name of ['x_user', 'x.user', 'X_Forwarded_For']) {
    await refuses(bench, head(`x-user: a\r\n${name}: b\r\n`), '400 h1.alias-field-name');
    for (const proxy of [bench.inbound, bench.outbound]) {
      const dropped = await proxy.metric('heddle_dropped_fields_total', { reason: 'h1.alias-field-name' });
      expect((await ask(proxy.port, head(`x-user: a\r\n${name}: b\r\n`))).status).toBe(200);
      const seen = bench.upstream.requests.at(-1);
      expect(seen?.fields.some(([other]) => other === name)).toBe(false);
      expect(seen?.get('x-user')).toBe('a');
      expect(await proxy.metric('heddle_dropped_fields_total', { reason: 'h1.alias-field-name' })).toBe(dropped + 1);
    }
  }
});

test('H1-35: what Connection names is taken out before ours is added, and never takes ours out', async () => {
  const lines = [
    'Connection: x-forwarded-for, Authorization, x-heddle-id, x-request-id, traceparent, X-Forwarded-Proto, keep-alive',
    'X-Forwarded-For: 6.6.6.6',
    'X-Forwarded-Proto: https',
    'Authorization: Bearer t',
    'x-heddle-id: me',
    'Keep-Alive: timeout=5',
    'Proxy-Connection: close',
    'TE: gzip',
    'Accept: */*',
  ];
  await ask(bench.edge.port, head(`${lines.join('\r\n')}\r\n`));
  const seen = bench.upstream.requests.at(-1)!;
  expect(seen.fields.map(([name]) => name.toLowerCase())).not.toEqual(
    expect.arrayContaining([expect.stringMatching(/^(authorization|x-heddle-id|keep-alive|proxy-connection|te)$/)]),
  );
  expect(seen.get('x-forwarded-for')).toBe('127.0.0.1');
  expect(seen.get('x-forwarded-proto')).toBe('http');
  expect(seen.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  expect(seen.get('traceparent')).toMatch(/^00-/);
  await refuses(bench, head('Connection: a b\r\n'), '400 h1.bad-connection');
  await refuses(bench, head(`Connection: ${'a,'.repeat(40)}\r\n`), '400 h1.bad-connection');
});

test('P-20: a stranger cannot write what only the mesh may say', async () => {
  const names =
    'X-Forwarded-For X-Forwarded-Host X-Forwarded-Client-Cert x-heddle-peer X-Envoy-Original-Path Forwarded X-Real-IP X-Original-URL X-Rewrite-URL X-HTTP-Method-Override';
  await ask(
    bench.edge.port,
    head(
      names
        .split(' ')
        .map((name) => `${name}: forged\r\n`)
        .join(''),
    ),
  );
  expect(bench.upstream.requests.at(-1)?.fields.filter(([, value]) => value.includes('forged'))).toEqual([]);
  await ask(bench.inbound.port, head('X-Forwarded-Client-Cert: URI=spiffe://forged\r\nx-heddle-peer: forged\r\n'));
  expect(bench.upstream.requests.at(-1)?.fields.filter(([, value]) => value.includes('forged'))).toEqual([]);
});

test('I6: a flood of refusals is logged ten times a second at most, and without secrets', async () => {
  const proxy = await bench.start();
  for (let i = 0; i < 60; i++) {
    await exchange(proxy.port, [head('Authorization: Bearer s3cret\r\nCookie: session=s3cret\r\nA : b\r\n')]);
  }
  expect(await proxy.refused('h1.space-before-colon')).toBe(60);
  const lines = proxy.logged.filter((line) => line.includes('h1.space-before-colon'));
  expect(lines.length).toBeGreaterThanOrEqual(10);
  expect(lines.length).toBeLessThan(60);
  expect(proxy.logged.join('')).not.toContain('s3cret');
});

test('H1-41: one empty line before the request line is forgiven, more are refused', async () => {
  for (const input of ['\r\n\r\n', '\r\n\n', '\r\n\r\n\r\n'])
    await refuses(bench, input + head(), '400 h1.leading-crlf');
  await refuses(bench, `\r\r\n${head()}`, '400 h1.bare-cr');
  await refuses(bench, `\n${head()}`, '400 h1.bare-lf');
  expect((await ask(bench.edge.port, `\r\n${head()}`)).status).toBe(200);
  const client = await RawClient.connect(bench.edge.port);
  client.send(`${head()}\r\n`);
  await client.response();
  client.send(head('', 'GET /second HTTP/1.1'));
  expect((await client.response()).body).toBe('GET /second');
  await client.close();
  await canary(bench, bench.edge);
});

test('a refused HEAD request is answered without a body', async () => {
  for (const [lines, reason] of [
    ['A : b\r\n', 'h1.space-before-colon'],
    ['Host: b\r\n', 'h1.duplicate-host'],
    ['Transfer-Encoding: chunked\r\n\r\nx', 'h1.bad-chunk-size'],
  ]) {
    const { text, end } = await exchange(bench.edge.port, [head(lines, 'HEAD / HTTP/1.1')]);
    expect([text.includes(`\r\nx-heddle-reason: ${reason}\r\n`), text.endsWith('\r\n\r\n'), end]).toEqual([
      true,
      true,
      'fin',
    ]);
    expect(text.match(/\r\n\r\n/g)).toHaveLength(1);
    expect(text).toMatch(/\r\ncontent-length: [1-9]/);
  }
});
