import { expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { until } from '../harness/process.ts';
import { ask, exchange, nextTurn, RawClient } from '../harness/raw-http.ts';
import { type RecordedRequest, wellFormed } from '../harness/recording-upstream.ts';
import { canary, head, post, startBench } from './bench.ts';
import { refuses } from './refuses.ts';

// security.md §2.1: a connection over time.

const bench = startBench();

test('H1-25: an Expect other than 100-continue, once, is 417', async () => {
  for (const value of ['y 100-continue', '100-continue, 100-continue', '', 'x', '100-continue;q=1'])
    await refuses(bench, head(`Expect: ${value}\r\nContent-Length: 1\r\n`, post), '417 h1.bad-expect');
  const twice = 'Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 1\r\n';
  await refuses(bench, head(twice, post), '417 h1.bad-expect');
});

test('H1-25: 100 Continue is the upstream’s to say, and the body follows it', async () => {
  bench.upstream.onHead = (request, socket) => {
    expect(request.get('expect')).toBe('100-continue');
    socket.write('HTTP/1.1 100 Continue\r\n\r\n');
  };
  // The body is answered once it is whole.
  bench.upstream.answer = wellFormed;
  const client = await RawClient.connect(bench.edge.port);
  client.send(head('Expect: 100-continue\r\nContent-Length: 5\r\n', post));
  expect((await client.response()).status).toBe(100);
  client.send('hello');
  await until(() => bench.upstream.requests.at(-1)?.body === 'hello', 'the body');
  bench.upstream.connections.at(-1)?.socket.write('HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n');
  expect((await client.response()).status).toBe(201);
  await client.close();
});

test('H1-26: a final response before 100 Continue is passed on, and neither connection is used again', async () => {
  const smuggled = 'GET /admin HTTP/1.1\r\nHost: a.test\r\n\r\n';
  for (const withBody of [false, true]) {
    bench.upstream.onHead = (_, socket) => socket.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno');
    bench.upstream.clear();
    const [before, bodies] = [bench.upstream.requests.length, withBody ? smuggled : ''];
    const client = await RawClient.connect(bench.edge.port);
    client.send(head(`Expect: 100-continue\r\nContent-Length: ${smuggled.length}\r\n`, post));
    if (withBody) client.send(bodies.slice(0, 10));
    const response = await client.response();
    expect([response.status, response.body, response.get('connection')]).toEqual([403, 'no', 'close']);
    client.send(smuggled);
    expect(await client.end()).toBe('fin');
    expect(client.rest).toBe('');
    await client.close();
    await until(() => bench.upstream.connections.at(-1)?.closed === true, 'the upstream connection to close');
    expect(bench.upstream.requests.length).toBe(before);
    bench.upstream.onHead = undefined;
    await canary(bench, bench.edge);
  }
});

test('H1-26: an answer of ours before the body has come never makes a request of the body', async () => {
  const proxy = await bench.start({ domains: ['a.test'] });
  const smuggled = 'GET /admin HTTP/1.1\r\nHost: a.test\r\n\r\n';
  for (const lines of [`Content-Length: ${smuggled.length}\r\n`, 'Transfer-Encoding: chunked\r\n']) {
    for (const expectation of ['', 'Expect: 100-continue\r\n']) {
      const client = await RawClient.connect(proxy.port);
      client.send(`POST / HTTP/1.1\r\nHost: nobody.test\r\n${expectation}${lines}\r\n`);
      const response = await client.response();
      expect([response.status, response.get('x-heddle-reason')?.split(';')[0]]).toEqual([404, 'unknown-host']);
      expect(response.get('connection')).toBe(expectation === '' ? undefined : 'close');
      client.send(smuggled);
      if (expectation !== '') expect(await client.end()).toBe('fin');
      await nextTurn();
      await client.close();
    }
  }
  await canary(bench, proxy);
  expect(bench.upstream.text).not.toContain('/admin');
});

test('H1-26: a large upload gets the upstream’s early answer whole, and neither connection is used again', async () => {
  bench.upstream.onHead = (_, socket) =>
    socket.write('HTTP/1.1 413 Content Too Large\r\nContent-Length: 9\r\n\r\ntoo large');
  const client = await RawClient.connect(bench.edge.port);
  client.send(head(`Content-Length: ${16 * 1_048_576}\r\n`, post));
  for (let i = 0; i < 16; i++) client.send('x'.repeat(1_048_576));
  const answer = await client.response();
  expect([answer.status, answer.body]).toEqual([413, 'too large']);
  await client.end();
  expect(client.rest).toBe('');
  await client.close();
  await until(() => bench.upstream.connections.at(-1)?.closed === true, 'the upstream connection to close');
});

test('H1-36: what follows a request with Connection: close is ignored', async () => {
  for (const option of ['close', 'keep-alive, Close', 'foo,close']) {
    const second = 'GET /second HTTP/1.1\r\nHost: a.test\r\n\r\n';
    const { text, end } = await exchange(bench.edge.port, [head(`Connection: ${option}\r\n`) + second]);
    expect([text.match(/HTTP\/1\.1 200/g)?.length, text.includes('\r\nconnection: close\r\n'), end]).toEqual([
      1,
      true,
      'fin',
    ]);
  }
  await canary(bench, bench.edge);
  expect(bench.upstream.requests.filter(({ target }) => target === '/second')).toEqual([]);
});

test('H1-37: 10,000 pipelined requests are served in order, one at a time', async () => {
  const count = 10_000;
  let running = 0;
  let most = 0;
  bench.upstream.answer = (request, socket) => {
    most = Math.max(most, ++running);
    setImmediate(() => {
      running--;
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${request.target.length}\r\n\r\n${request.target}`);
    });
  };
  const client = await RawClient.connect(bench.edge.port);
  client.send(Array.from({ length: count }, (_, i) => `GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''));
  // The last one that a connection may carry (L-12) is answered with its end.
  expect(await client.end()).toBe('fin');
  await client.close();
  expect(most).toBe(1);
  expect(bench.upstream.requests.map(({ target }) => target)).toEqual(Array.from({ length: count }, (_, i) => `/${i}`));
  expect(client.received.match(/\r\n\r\n\/\d+/g)?.map((text) => text.slice(4))).toEqual(
    Array.from({ length: count }, (_, i) => `/${i}`),
  );
  expect(client.received.match(/connection: close/g)).toHaveLength(1);
});

test('H1-37: reading stops while a request runs, however much is pipelined behind it', async () => {
  const waiting: (() => void)[] = [];
  bench.upstream.answer = (request, socket, connection) => waiting.push(() => wellFormed(request, socket, connection));
  const client = await RawClient.connect(bench.edge.port);
  const megabyte = head().repeat(Math.ceil(1_048_576 / head().length));
  for (let i = 0; i < 32; i++) client.send(megabyte);
  await until(() => waiting.length === 1, 'the first request');
  let left = Number.POSITIVE_INFINITY;
  await until(() => {
    const settled = client.socket.writableLength === left;
    left = client.socket.writableLength;
    return settled;
  }, 'the kernel’s buffers to fill');
  // What left this process stands in the kernel's buffers; more than half of it is still here.
  expect(left).toBeGreaterThan(16 * 1_048_576);
  expect(bench.upstream.requests).toHaveLength(1);
  client.reset();
  bench.upstream.answer = wellFormed;
  for (const answer of waiting) answer();
  // A request that was pipelined may still be sent before the reset is noticed.
  await until(() => bench.edge.quiet, 'the proxy to let go of the client');
});

test('H1-38: a slow head, body or chunk is 408 after its time', async () => {
  const clock = new FakeClock();
  const proxy = await bench.start({ clock });
  for (const [start, drip, reason] of [
    ['', 'GET / HTTP/1.1\r\nHost: a', 'h1.headers-timeout'],
    [head('Content-Length: 1000\r\n', post), 'x'.repeat(20), 'h1.slow-body'],
    [head('Transfer-Encoding: chunked\r\n', post), '1\r\nx\r\n'.repeat(4), 'h1.slow-body'],
    [head('Transfer-Encoding: chunked\r\n', post), `1;${'x'.repeat(20)}`, 'h1.slow-body'],
  ] as const) {
    const [requests, bytes] = [bench.upstream.requests.length, bench.upstream.bytes];
    const client = await RawClient.connect(proxy.port);
    await client.sendApart([start]);
    for (let second = 0; second < 9; second++) {
      await client.sendApart([drip[second] as string]);
      proxy.advance(1_000);
    }
    await nextTurn();
    expect([client.received, client.ended]).toEqual(['', false]);
    proxy.advance(1_100);
    const answer = await client.response();
    expect([answer.status, answer.get('x-heddle-reason'), answer.get('connection')]).toEqual([408, reason, 'close']);
    expect(await client.end()).toBe('fin');
    await client.close();
    expect(await proxy.refused(reason)).toBeGreaterThan(0);
    expect(bench.upstream.requests).toHaveLength(requests);
    if (start === '') expect(bench.upstream.bytes).toBe(bytes);
    await until(() => bench.upstream.connections.every(({ pending, closed }) => pending === '' || closed), 'aborts');
    await canary(bench, proxy);
  }
});

test('H1-38: an upload at the least rate is served to its end', async () => {
  const clock = new FakeClock();
  const proxy = await bench.start({ clock });
  const client = await RawClient.connect(proxy.port);
  await client.sendApart([head(`Content-Length: ${300 * 30}\r\n`, post)]);
  for (let second = 0; second < 30; second++) {
    await client.sendApart(['x'.repeat(300)]);
    proxy.advance(1_000);
  }
  expect((await client.response()).status).toBe(200);
  await client.close();
});

test('L-10: a connection without a request ends after its idle time', async () => {
  const proxy = await bench.start({ clock: new FakeClock() });
  const [silent, served] = [await RawClient.connect(proxy.port), await RawClient.connect(proxy.port)];
  served.send(head());
  await served.response();
  await nextTurn();
  proxy.advance(59_000);
  await nextTurn();
  expect([silent.ended, served.ended]).toEqual([false, false]);
  proxy.advance(1_200);
  expect([await silent.end(), await served.end(), silent.received, served.rest]).toEqual(['fin', 'fin', '', '']);
  for (const client of [silent, served]) await client.close();
});

test('H1-39: a client that half-closes after its request is served, then the connection ends', async () => {
  for (const input of [head(), `${head('Content-Length: 5\r\n', post)}hello`, head() + head('', 'GET /2 HTTP/1.1')]) {
    const client = await RawClient.connect(bench.edge.port, { allowHalfOpen: true });
    client.send(input).fin();
    expect(await client.end()).toBe('fin');
    const answers = client.received.match(/HTTP\/1\.1 200 OK/g)?.length;
    expect(answers).toBe(input.match(/HTTP\/1\.1/g)?.length);
    await client.close();
  }
});

test('H1-39: a client that half-closes inside a request has asked nothing', async () => {
  const bytes = bench.upstream.bytes;
  const client = await RawClient.connect(bench.edge.port, { allowHalfOpen: true });
  client.send('GET / HTTP/1.1\r\nHost: a.t').fin();
  await client.end();
  await client.close();
  expect([client.received, bench.upstream.bytes, await bench.edge.refused('h1.truncated-head')]).toEqual([
    '',
    bytes,
    1,
  ]);
  const upload = await RawClient.connect(bench.edge.port, { allowHalfOpen: true });
  upload.send(`${head('Content-Length: 10\r\n', post)}hello`).fin();
  await upload.end();
  await upload.close();
  expect(upload.received).toBe('');
  await until(() => bench.upstream.connections.every(({ pending, closed }) => pending === '' || closed), 'the abort');
  await canary(bench, bench.edge);
});

test('H1-40: 1,000 clients that reset in the middle of an upload leave nothing behind', async () => {
  const upload = `${head('Content-Length: 100000\r\n', post)}${'x'.repeat(1_000)}`;
  for (let batch = 0; batch < 20; batch++) {
    const clients = await Promise.all(Array.from({ length: 50 }, () => RawClient.connect(bench.edge.port)));
    for (const client of clients) client.send(upload);
    await until(
      () => bench.upstream.connections.filter(({ pending, closed }) => pending.length > 500 && !closed).length === 50,
      'the uploads to arrive',
    );
    for (const client of clients) client.reset();
    await until(() => bench.edge.quiet, 'the requests to end');
    await until(() => bench.upstream.connections.every(({ pending, closed }) => pending === '' || closed), 'aborts');
    bench.upstream.clear();
  }
  expect(bench.upstream.requests).toEqual([]);
  const [cluster] = bench.edge.describe().clusters;
  expect([cluster?.activeRequests, cluster?.pendingRequests, cluster?.connections]).toEqual([
    0,
    0,
    bench.upstream.open,
  ]);
  await canary(bench, bench.edge);
});

test('H1-42: TLS and SSH on a plain port, and HTTP/2 on one that takes HTTP/1 alone, are ended at once', async () => {
  const hello = `\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03${'\0'.repeat(40)}`;
  await refuses(bench, hello, '0 h1.tls-on-plaintext');
  await refuses(bench, 'SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n', '400 h1.malformed-request-line');
  const http1 = await bench.start({ codec: 'http1' });
  const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0';
  await refuses(bench, preface, '505 h1.http2-preface', { proxy: http1 });
  await refuses(bench, '\0\0\0\0', '400 h1.malformed-request-line');
});

test('P-09, L-20: a client that reads nothing stops the upstream, and is given up', async () => {
  const clock = new FakeClock();
  const proxy = await bench.start({ clock });
  let room = true;
  bench.upstream.answer = (_: RecordedRequest, socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${64 * 1_048_576}\r\n\r\n`);
    for (let i = 0; i < 64; i++) room = socket.write(Buffer.alloc(1_048_576));
  };
  const client = await RawClient.connect(proxy.port);
  client.socket.pause();
  client.send(head());
  await until(() => bench.upstream.requests.length === 1, 'the request');
  const { socket } = bench.upstream.connections.at(-1)!;
  let left = -1;
  await until(() => {
    const settled = socket.writableLength === left;
    left = socket.writableLength;
    return settled;
  }, 'the buffers to fill');
  expect([room, left > 32 * 1_048_576]).toEqual([false, true]);
  proxy.advance(31_000);
  await until(
    () => socket.destroyed || bench.upstream.connections.at(-1)?.closed === true,
    'the upstream to be let go',
  );
  await client.close();
  await until(() => proxy.quiet, 'the request to end');
  bench.upstream.answer = wellFormed;
  expect((await ask(proxy.port, head())).status).toBe(200);
});
