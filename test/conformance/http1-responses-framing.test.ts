import { expect, test } from 'vitest';
import { until } from '../harness/process.ts';
import { RawClient } from '../harness/raw-http.ts';
import { wellFormed } from '../harness/recording-upstream.ts';
import { clusterName } from '../harness/static-proxy.ts';
import { startBench } from './bench.ts';
import { breaks, passes, response } from './hostile-upstream.ts';

// security.md §2.10: where a response ends.

const bench = startBench();

test('UP-01: bytes behind a response end the connection, and answer nobody', async () => {
  for (const more of ['HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen', 'x', '\r\n', 'junk'.repeat(1_000)]) {
    const { answer } = await passes(bench, `${response('Content-Length: 2\r\n')}ok${more}`, {
      reason: 'h1.unsolicited-bytes',
    });
    expect(answer.body).toBe('ok');
  }
});

test('UP-01: bytes on an idle connection end it', async () => {
  const client = await RawClient.connect(bench.edge.port);
  client.send('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n');
  await client.response();
  const connection = bench.upstream.connections.at(-1)!;
  const count = await bench.edge.refused('h1.unsolicited-bytes', clusterName);
  connection.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen');
  await until(() => connection.closed, 'the connection to be ended');
  expect(await bench.edge.refused('h1.unsolicited-bytes', clusterName)).toBe(count + 1);
  client.send('GET /second HTTP/1.1\r\nHost: a.test\r\n\r\n');
  expect((await client.response()).body).toBe('GET /second');
  expect(bench.upstream.connections.at(-1)?.index).toBeGreaterThan(connection.index);
  await client.close();
});

test('UP-02: ambiguous framing and loose syntax are 502', async () => {
  for (const [lines, reason] of [
    ['Content-Length: 2\r\nTransfer-Encoding: chunked\r\n', 'content-length-and-transfer-encoding'],
    ['Content-Length: 2\r\nContent-Length: 2\r\n', 'duplicate-content-length'],
    ['Content-Length: 2\r\nContent-Length: 3\r\n', 'duplicate-content-length'],
    ['Content-Length: 2, 2\r\n', 'bad-content-length'],
    ['Content-Length: +2\r\n', 'bad-content-length'],
    ['Content-Length: 02\r\n', 'bad-content-length'],
    ['Content-Length: -1\r\n', 'bad-content-length'],
    ['Content-Length:\r\n', 'bad-content-length'],
    ['Content-Length: 2\nX: y\r\n', 'bare-lf'],
    ['A: b\r\n c\r\n', 'obs-fold'],
    ['A: b\rc\r\n', 'bare-cr'],
    ['A : b\r\n', 'space-before-colon'],
    ['A: \0\r\n', 'bad-field-value'],
    ['nocolon\r\n', 'bad-field-name'],
  ] as const) {
    await breaks(bench, `${response(lines)}ok`, `h1.${reason}`);
  }
  await breaks(bench, 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok', 'h1.bare-lf');
  await breaks(bench, '<html>no HTTP at all</html>\r\n\r\n', 'h1.bad-status-line');
  await breaks(bench, 'HTTP/2 200 OK\r\n\r\n', 'h1.bad-status-line');
  await breaks(bench, '\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80', 'h1.bad-status-line');
});

test('UP-03: a transfer coding other than chunked is 502, never read to the end', async () => {
  for (const value of ['xchunked', 'gzip, chunked', 'identity', 'chunked, chunked', ''])
    await breaks(bench, `${response(`Transfer-Encoding: ${value}\r\n`)}body`, 'h1.bad-transfer-encoding');
  await breaks(
    bench,
    `${response('Transfer-Encoding: chunked\r\n', 'HTTP/1.0 200 OK')}0\r\n\r\n`,
    'h1.transfer-encoding-in-http10',
  );
});

test('UP-04: a body that ends with the connection passes, and the connection is not used again', async () => {
  for (const line of ['HTTP/1.1 200 OK', 'HTTP/1.0 200 OK']) {
    const { answer } = await passes(bench, `${response('', line)}all of it`, { fin: true });
    expect([answer.body, answer.framing]).toEqual(['all of it', 'chunked']);
  }
});

test('UP-04: a response of HTTP/1.0 and one with Connection: close leave no connection behind', async () => {
  const ten = response('Content-Length: 2\r\nConnection: keep-alive\r\n', 'HTTP/1.0 200 OK');
  expect((await passes(bench, `${ten}ok`)).answer.body).toBe('ok');
  expect((await passes(bench, `${response('Content-Length: 2\r\nConnection: close\r\n')}ok`)).answer.body).toBe('ok');
});

test('UP-05: a body that ends too early is broken off, never ended', async () => {
  for (const [start, body] of [
    [response('Content-Length: 10\r\n'), 'half.'],
    [response('Transfer-Encoding: chunked\r\n'), '5\r\nhalf.\r\n'],
    [response('Transfer-Encoding: chunked\r\n'), '5\r\nhalf.\r\n0\r\n'],
    [response('Transfer-Encoding: chunked\r\n'), '5\r\nhalf.'],
  ] as const) {
    for (const end of ['fin', 'reset'] as const) {
      bench.upstream.answer = (_, socket) => {
        socket.write(start + body, () => {
          if (end === 'fin') socket.end();
        });
      };
      const count = await bench.edge.refused('h1.truncated-response', clusterName);
      const client = await RawClient.connect(bench.edge.port);
      client.send('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n');
      await client.until((received) => received.includes('half.'));
      if (end === 'reset') bench.upstream.connections.at(-1)?.socket.resetAndDestroy();
      expect(await client.end()).toBe('ECONNRESET');
      expect(client.received).not.toMatch(/\r\n0\r\n/);
      await client.close();
      if (end === 'fin') expect(await bench.edge.refused('h1.truncated-response', clusterName)).toBe(count + 1);
    }
  }
  expect(await bench.edge.metric('heddle_requests_total', { response_flags: 'UC' })).toBeGreaterThan(0);
});

test('UP-05: a client of HTTP/1.0, to whom the end of the connection is the end of the body, is reset too', async () => {
  bench.upstream.answer = (_, socket) => {
    socket.write(`${response('Transfer-Encoding: chunked\r\n')}5\r\nhalf.\r\n`, () => socket.end());
  };
  const client = await RawClient.connect(bench.inbound.port);
  client.send('GET / HTTP/1.0\r\nHost: a.test\r\n\r\n');
  expect(await client.end()).toBe('ECONNRESET');
  expect(client.received).toContain('half.');
  await client.close();
});

test('UP-05: a head that ends too early is 503, and a chunk that is malformed breaks the response off', async () => {
  bench.upstream.answer = (_, socket) => socket.end('HTTP/1.1 200 OK\r\nContent-');
  const client = await RawClient.connect(bench.edge.port);
  client.send('POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n');
  const answer = await client.response();
  expect([answer.status, answer.get('x-heddle-reason')?.split(';')[0]]).toEqual([503, 'upstream-reset']);
  for (const [chunks, reason] of [
    ['5\r\nfirst\r\n0x5\r\n', 'h1.bad-chunk-size'],
    ['5\r\nfirst!\r\n', 'h1.bad-chunk-end'],
    ['5\r\nfirst\r\n5;a\nfirst\r\n', 'h1.bad-chunk-extension'],
    ['5\r\nfirst\r\n0\r\nContent-Length: 3\r\n\r\n', 'h1.framing-trailer'],
  ] as const) {
    const count = await bench.edge.refused(reason, clusterName);
    bench.upstream.answer = (_, socket) => socket.write(response('Transfer-Encoding: chunked\r\n') + chunks);
    const other = await RawClient.connect(bench.edge.port);
    other.send('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n');
    expect(await other.end()).toBe('ECONNRESET');
    expect(other.received).not.toMatch(/\r\n0\r\n/);
    await other.close();
    expect(await bench.edge.refused(reason, clusterName)).toBe(count + 1);
    await until(() => bench.upstream.connections.at(-1)?.closed === true, 'the connection to be ended');
  }
  bench.upstream.answer = wellFormed;
  client.send('GET /after HTTP/1.1\r\nHost: a.test\r\n\r\n');
  expect((await client.response()).body).toBe('GET /after');
  await client.close();
});

test('UP-09: what follows a response that has no body ends the connection', async () => {
  for (const [line, method] of [
    ['HTTP/1.1 204 No Content', 'GET'],
    ['HTTP/1.1 304 Not Modified', 'GET'],
    ['HTTP/1.1 200 OK', 'HEAD'],
  ] as const) {
    const { answer } = await passes(bench, `${response('Content-Length: 4\r\n', line)}body`, {
      method,
      reason: 'h1.unsolicited-bytes',
    });
    expect(answer.body).toBe('');
  }
  await breaks(
    bench,
    `${response('Transfer-Encoding: chunked\r\n', 'HTTP/1.1 204 No Content')}0\r\n\r\n`,
    'h1.body-not-allowed',
  );
});
