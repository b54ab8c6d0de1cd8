import { expect, test } from 'vitest';
import { ask, RawClient } from '../harness/raw-http.ts';
import { chunked, head, post, startBench } from './bench.ts';
import { refuses } from './refuses.ts';

// security.md §2.1: where a request ends.

const bench = startBench();

test('H1-01: Content-Length beside Transfer-Encoding is refused', async () => {
  for (const lines of [
    'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n',
    'Transfer-Encoding: chunked\r\nContent-Length: 5\r\n',
    'Content-Length: 0\r\nTransfer-Encoding: chunked\r\n',
  ]) {
    await refuses(bench, `${head(lines, post)}0\r\n\r\n`, '400 h1.content-length-and-transfer-encoding');
  }
});

test('H1-02: two different Content-Length fields are refused', async () => {
  await refuses(
    bench,
    `${head('Content-Length: 5\r\nContent-Length: 6\r\n', post)}hello`,
    '400 h1.duplicate-content-length',
  );
});

test('H1-03: two equal Content-Length fields, and a list in one, are refused', async () => {
  await refuses(
    bench,
    `${head('Content-Length: 5\r\ncontent-length: 5\r\n', post)}hello`,
    '400 h1.duplicate-content-length',
  );
  await refuses(bench, `${head('Content-Length: 5, 5\r\n', post)}hello`, '400 h1.bad-content-length');
});

test('H1-04: a Content-Length that is no plain number is refused', async () => {
  for (const value of ['+5', '0x5', '-1', '5 5', '1e3', '18446744073709551616', '9007199254740993', '', '5;']) {
    await refuses(bench, `${head(`Content-Length: ${value}\r\n`, post)}hello`, '400 h1.bad-content-length');
  }
});

test('H1-05: a Content-Length with leading zeros is refused', async () => {
  for (const value of ['005', '00', '0000000000000000005'])
    await refuses(bench, `${head(`Content-Length: ${value}\r\n`, post)}hello`, '400 h1.bad-content-length');
});

test('H1-06: a Transfer-Encoding other than chunked, once, is refused', async () => {
  for (const value of ['xchunked', 'chunked, identity', 'chunked, chunked', 'identity', 'chunked;q=1', '"chunked"', ''])
    await refuses(bench, `${head(`Transfer-Encoding: ${value}\r\n`, post)}0\r\n\r\n`, '400 h1.bad-transfer-encoding');
  await refuses(bench, `${head('Transfer-Encoding: \x0bchunked\r\n', post)}0\r\n\r\n`, '400 h1.bad-field-value');
  const twice = 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n';
  await refuses(bench, `${head(twice, post)}0\r\n\r\n`, '400 h1.bad-transfer-encoding');
});

test('H1-07: a coding that is not decoded here is 501', async () => {
  await refuses(
    bench,
    `${head('Transfer-Encoding: gzip, chunked\r\n', post)}0\r\n\r\n`,
    '501 h1.unsupported-transfer-coding',
  );
});

test('H1-08: Transfer-Encoding in HTTP/1.0 is refused, also where HTTP/1.0 is served', async () => {
  const input = `${head('Transfer-Encoding: chunked\r\n', 'POST / HTTP/1.0')}0\r\n\r\n`;
  await refuses(bench, input, '400 h1.transfer-encoding-in-http10', { proxy: bench.inbound });
  await refuses(bench, input, '426 h1.http10');
});

test('H1-12: chunk extensions past 4 KiB in total are 413', async () => {
  const extension = `;a=${'x'.repeat(1_000)}`;
  await refuses(bench, chunked(`1${extension}\r\na\r\n`.repeat(5)), '413 h1.chunk-extensions-too-large', {
    inBody: true,
  });
  const answer = await ask(bench.edge.port, chunked('3;a="b c"\r\nxyz\r\n0;e\r\n\r\n'));
  expect([answer.status, bench.upstream.requests.at(-1)?.body]).toEqual([200, 'xyz']);
});

test('H1-13: malformed chunks are refused', async () => {
  const bad: [string, string][] = [
    ['5;a\nhello\r\n0\r\n\r\n', '400 h1.bad-chunk-extension'],
    ['5;a\0\r\nhello\r\n0\r\n\r\n', '400 h1.bad-chunk-extension'],
    ['5\nhello\r\n0\r\n\r\n', '400 h1.bad-chunk-size'],
    ['0x5\r\nhello\r\n0\r\n\r\n', '400 h1.bad-chunk-size'],
    ['ffffffffffffffff5\r\nhello\r\n0\r\n\r\n', '400 h1.bad-chunk-size'],
    ['11111111111111111\r\nhello\r\n0\r\n\r\n', '400 h1.bad-chunk-size'],
    ['-5\r\nhello\r\n0\r\n\r\n', '400 h1.bad-chunk-size'],
    [' 5\r\nhello\r\n0\r\n\r\n', '400 h1.bad-chunk-size'],
    ['5 \r\nhello\r\n0\r\n\r\n', '400 h1.bad-chunk-size'],
    ['\r\nhello\r\n0\r\n\r\n', '400 h1.bad-chunk-size'],
    ['5\r\nhello0\r\n\r\n', '400 h1.bad-chunk-end'],
    ['5\r\nhello!!0\r\n\r\n', '400 h1.bad-chunk-end'],
    ['5\r\nhello\n0\r\n\r\n', '400 h1.bad-chunk-end'],
  ];
  for (const [body, expected] of bad) await refuses(bench, chunked(body), expected, { inBody: true });
});

test('H1-14: framing names in trailers are refused', async () => {
  for (const trailer of ['Content-Length: 5', 'Host: b.test', 'Transfer-Encoding: chunked']) {
    await refuses(bench, chunked(`1\r\na\r\n0\r\n${trailer}\r\n\r\n`), '400 h1.framing-trailer', { inBody: true });
  }
  await refuses(bench, chunked('0\r\nA : b\r\n\r\n'), '400 h1.space-before-colon', { inBody: true });
  await refuses(bench, chunked(`0\r\nA: ${'x'.repeat(9_000)}\r\n\r\n`), '431 h1.trailers-too-large', { inBody: true });
});

test('H1-14: trailers that would change the meaning of the head do not go on, others do', async () => {
  const trailers =
    'Authorization: Basic eA==\r\nX-Forwarded-For: 1.2.3.4\r\nx-heddle-id: me\r\nCookie: a=1\r\nX-Checksum: 7\r\n';
  const answer = await ask(bench.edge.port, chunked(`1\r\na\r\n0\r\n${trailers}\r\n`, 'Trailer: X-Checksum\r\n'));
  expect(answer.status).toBe(200);
  expect(bench.upstream.requests.at(-1)).toMatchObject({ body: 'a', trailers: ['X-Checksum: 7'] });
});

test('H1-30: a body of a GET, HEAD or DELETE is framed, and is never the next request', async () => {
  const smuggled = 'GET /admin HTTP/1.1\r\nHost: a.test\r\n\r\n';
  for (const method of ['GET', 'HEAD', 'DELETE']) {
    for (const framed of [
      `${head(`Content-Length: ${smuggled.length}\r\n`, `${method} /x HTTP/1.1`)}${smuggled}`,
      `${head('Transfer-Encoding: chunked\r\n', `${method} /x HTTP/1.1`)}${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`,
    ]) {
      const client = await RawClient.connect(bench.edge.port);
      client.send(framed + head('', 'GET /next HTTP/1.1'));
      expect((await client.response(method)).status).toBe(200);
      expect((await client.response()).body).toBe('GET /next');
      await client.close();
      const [first, second] = bench.upstream.requests.slice(-2);
      expect([first?.method, first?.target, first?.body]).toEqual([method, '/x', smuggled]);
      expect([second?.target, second?.body]).toEqual(['/next', '']);
    }
  }
});
