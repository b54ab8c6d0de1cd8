import { expect, test } from 'vitest';
import { cuts, seeded } from '../../test/fuzz/http1/cuts.ts';
import { ClientDriver, requestHead } from '../../test/fuzz/http1/drive-client.ts';
import type { RequestHead } from '../stream/head.ts';
import { Headers } from '../stream/headers.ts';

// The rows of security.md §2.10 that concern HTTP/1, and what a pool must know of a connection.

const head = (lines: string, line = 'HTTP/1.1 200 OK') => `${line}\r\n${lines}\r\n`;

/** Answers a request with every cut of the input; each must say the same. `fin` ends the connection after it. */
function drive(input: string, request: Partial<RequestHead> = {}, fin = false): ClientDriver {
  const bytes = Buffer.from(input, 'latin1');
  let first: ClientDriver | undefined;
  for (const chunks of cuts(bytes, seeded(bytes.length))) {
    const driver = new ClientDriver();
    driver.open(request);
    driver.send(chunks);
    if (fin) driver.codec.onEnd();
    first ??= driver;
    if (JSON.stringify(driver.finish()) !== JSON.stringify(first.finish()))
      expect(driver.finish()).toEqual(first.finish());
  }
  const driver = first as ClientDriver;
  expect(driver.violations).toEqual([]);
  return driver;
}

/** The response is one that a proxy must answer with 502, and the connection is destroyed. */
function breaks(input: string, reason: string, request: Partial<RequestHead> = {}): void {
  const driver = drive(input, request);
  expect(driver.last.reset, JSON.stringify(input.slice(0, 100))).toBe(`protocol-error ${reason}`);
  expect(driver.last.ended).toBe(false);
  expect([driver.closed, driver.streamEnds, driver.transport.destroyed]).toEqual([[reason], 1, true]);
}

/** The response is good; says whether the connection can be used again. */
function passes(input: string, request: Partial<RequestHead> = {}, fin = false) {
  const driver = drive(input, request, fin);
  expect(driver.last.reset).toBeUndefined();
  expect([driver.last.ended, driver.streamEnds]).toEqual([true, 1]);
  return { ...driver.last, reusable: driver.codec.capacity === 1, closed: driver.closed, driver };
}

test('UP-01: bytes behind a response or on an idle connection end the connection', () => {
  const seen = passes(`${head('Content-Length: 2\r\n')}okHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`);
  expect([seen.body, seen.reusable, seen.closed]).toEqual(['ok', false, ['h1.unsolicited-bytes']]);
  const idle = new ClientDriver();
  idle.open();
  idle.send(head('Content-Length: 0\r\n')).send('x');
  expect([idle.closed, idle.transport.destroyed]).toEqual([['h1.unsolicited-bytes'], true]);
  idle.open();
  expect(idle.last.reset).toBe('refused h1.no-capacity');
});

test('UP-02: ambiguous framing and loose syntax in a response are refused', () => {
  breaks(head('Content-Length: 2\r\nTransfer-Encoding: chunked\r\n'), 'h1.content-length-and-transfer-encoding');
  breaks(head('Content-Length: 2\r\nContent-Length: 2\r\n'), 'h1.duplicate-content-length');
  for (const value of ['2, 2', '+2', '02', '-1', ''])
    breaks(head(`Content-Length: ${value}\r\n`), 'h1.bad-content-length');
  breaks('HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\n', 'h1.bare-lf');
  breaks('HTTP/1.1 200 OK\r\nContent-Length: 2\n\r\n', 'h1.bare-lf');
  breaks(head('A: b\r\n c\r\n'), 'h1.obs-fold');
  breaks(head('A : b\r\n'), 'h1.space-before-colon');
  breaks(head('A: \0\r\n'), 'h1.bad-field-value');
});

test('UP-03: a transfer coding other than chunked is refused, never read to the end', () => {
  for (const value of ['xchunked', 'gzip, chunked', 'identity', 'chunked, chunked']) {
    breaks(head(`Transfer-Encoding: ${value}\r\n`), 'h1.bad-transfer-encoding');
  }
  breaks(head('Transfer-Encoding: chunked\r\n', 'HTTP/1.0 200 OK'), 'h1.transfer-encoding-in-http10');
});

test('UP-04: a body that ends with the connection passes, and the connection is not used again', () => {
  const seen = passes(`${head('')}all of it`, {}, true);
  expect([seen.body, seen.reusable, seen.closed]).toEqual(['all of it', false, ['h1.connection-close']]);
  const old = passes(head('Content-Length: 0\r\nConnection: keep-alive\r\n', 'HTTP/1.0 200 OK'));
  expect(old.reusable).toBe(false);
});

test('UP-05: an end before the announced one is a reset, never a clean end', () => {
  for (const part of [
    `${head('Content-Length: 5\r\n')}123`,
    `${head('Transfer-Encoding: chunked\r\n')}5\r\n12345\r\n`,
    'HTTP/1.1 200',
  ]) {
    const driver = drive(part, {}, true);
    expect([driver.last.ended, driver.last.reset]).toEqual([false, 'remote-reset h1.truncated-response']);
  }
  const cut = new ClientDriver();
  cut.open();
  cut.send(`${head('')}until close`).codec.onClose();
  expect(cut.last.reset).toBe('remote-reset h1.truncated-response');
});

test('UP-06: five informational responses pass, the sixth is refused', () => {
  const early = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n';
  expect(passes(early.repeat(5) + head('Content-Length: 0\r\n')).informational).toHaveLength(5);
  breaks(early.repeat(6), 'h1.too-many-informational');
});

test('UP-07: 101 without a request for it, or to another protocol, is refused', () => {
  const switching = (protocol: string) =>
    head(`Connection: Upgrade\r\nUpgrade: ${protocol}\r\n`, 'HTTP/1.1 101 Switching Protocols');
  breaks(switching('websocket'), 'h1.unexpected-upgrade');
  breaks(switching('h2c'), 'h1.unexpected-upgrade', { upgrade: 'websocket' });
  breaks(head('', 'HTTP/1.1 101 Switching Protocols'), 'h1.unexpected-upgrade', { upgrade: 'websocket' });
  const driver = drive(`${switching('WebSocket')}frames`, { upgrade: 'websocket' });
  expect(driver.last).toMatchObject({ head: { status: 101, upgrade: 'websocket' }, body: 'frames', ended: false });
  expect(driver.transport.written).toBe(
    'GET / HTTP/1.1\r\nhost: app.test\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n',
  );
});

test('UP-08: a status outside 100-599 or not of three digits is refused', () => {
  for (const status of ['99', '099', '999', '600', '0', '1000', '2x0', '-20', '']) {
    const driver = drive(head('Content-Length: 0\r\n', `HTTP/1.1 ${status} X`));
    expect(driver.last.reset).toMatch(/^protocol-error h1\.bad-status/);
  }
  for (const line of ['HTTP/2.0 200 OK', 'HTTP/1.1  200 OK', 'http/1.1 200 OK', 'SSH-2.0-x', 'HTTP/1.2 200 OK']) {
    expect(drive(head('', line)).last.reset).toMatch(/^protocol-error h1\.bad-status/);
  }
  expect(passes(head('Content-Length: 0\r\n', 'HTTP/1.1 200')).head).toMatchObject({ status: 200, reason: '' });
  expect(passes(head('Content-Length: 0\r\n', 'HTTP/1.1 599 Odd one')).head?.reason).toBe('Odd one');
});

test('UP-09: what follows a response that has no body ends the connection', () => {
  for (const [line, method] of [
    ['HTTP/1.1 204 No Content', 'GET'],
    ['HTTP/1.1 304 Not Modified', 'GET'],
    ['HTTP/1.1 200 OK', 'HEAD'],
  ] as const) {
    const seen = passes(`${head('Content-Length: 4\r\n', line)}body`, { method });
    expect([seen.body, seen.closed]).toEqual(['', ['h1.unsolicited-bytes']]);
    expect(passes(head('Content-Length: 4\r\n', line), { method }).reusable).toBe(true);
  }
  breaks(head('Transfer-Encoding: chunked\r\n', 'HTTP/1.1 204 No Content'), 'h1.body-not-allowed');
});

test('UP-10, UP-12: heads past the limits are refused', () => {
  breaks(head(`A: ${'x'.repeat(1 << 20)}\r\n`), 'h1.headers-too-large');
  breaks(head('A: b\r\n'.repeat(10_000)), 'h1.too-many-fields');
  breaks(head('A: b\r\n'.repeat(101)), 'h1.too-many-fields');
  breaks(head('Set-Cookie: a=b\r\n'.repeat(1_000)), 'h1.too-many-fields');
  expect(passes(head(`Content-Length: 0\r\n${'Set-Cookie: a=b\r\n'.repeat(60)}`)).head?.headers.size).toBe(60);
  breaks(`HTTP/1.1 200 ${'x'.repeat(9_000)}`, 'h1.bad-status-line');
});

test('UP-11: endless trailers are refused', () => {
  breaks(
    `${head('Transfer-Encoding: chunked\r\n')}0\r\n${`A: ${'x'.repeat(100)}\r\n`.repeat(100)}`,
    'h1.trailers-too-large',
  );
});

test('UP-12: hop-by-hop fields of a response do not go on', () => {
  const seen = passes(
    head(
      'Content-Length: 0\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=7, max=3\r\nUpgrade: h2c\r\nETag: "a"\r\n',
    ),
  );
  expect(seen.head?.headers.rawNames).toEqual(['ETag']);
  expect(seen.driver.codec.keepAliveTimeoutMs).toBe(7_000);
});

test('a chunked response is delivered with its trailers', () => {
  const seen = passes(
    `${head('Transfer-Encoding: Chunked\r\n')}3\r\nabc\r\n2;x\r\nde\r\n0\r\nGrpc-Status: 0\r\nTrailer: x\r\n\r\n`,
  );
  expect([seen.body, seen.trailers?.rawNames, seen.reusable]).toEqual(['abcde', ['Grpc-Status'], true]);
});

test('H1-26: a response that is complete before its request ends the connection', () => {
  const driver = new ClientDriver();
  const writer = driver.open({ method: 'POST', contentLength: 10 }, false);
  writer.data(Buffer.from('123'), false);
  driver.send(head('Content-Length: 0\r\n', 'HTTP/1.1 413 Content Too Large'));
  expect([driver.last.ended, driver.closed, driver.transport.destroyed]).toEqual([true, ['h1.early-response'], true]);
  driver.transport.take();
  writer.data(Buffer.from('4567890'), true);
  expect(driver.transport.written).toBe('');
});

test('an end before any byte of the response says whether the connection had been used before', () => {
  const fresh = new ClientDriver();
  fresh.open();
  fresh.codec.onEnd();
  expect(fresh.last.reset).toBe('remote-reset no-response');
  const reused = new ClientDriver();
  reused.open();
  reused.send(head('Content-Length: 0\r\n'));
  expect(reused.codec.capacity).toBe(1);
  reused.open();
  reused.codec.onClose();
  expect([reused.last.reset, reused.codec.activeStreams, reused.streamEnds]).toEqual([
    'remote-reset reused-connection',
    0,
    2,
  ]);
});

test('Connection: close and drain leave no capacity', () => {
  const closing = passes(head('Content-Length: 0\r\nConnection: close\r\n'));
  expect([closing.reusable, closing.closed]).toEqual([false, ['h1.connection-close']]);
  const driver = new ClientDriver();
  driver.open();
  driver.codec.drain();
  driver.send(head('Content-Length: 0\r\n'));
  expect([driver.codec.capacity, driver.closed]).toEqual([0, ['h1.drained']]);
});

test('a reset by the owner ends the connection and is not reported back', () => {
  const driver = new ClientDriver();
  const writer = driver.open();
  writer.reset('local-reset');
  writer.reset('local-reset');
  expect([driver.last.reset, driver.closed, driver.streamEnds, driver.transport.destroyed]).toEqual([
    undefined,
    ['h1.local-reset'],
    1,
    true,
  ]);
});

test('a request is framed by what is known of it, with the case of its names kept', () => {
  const written = (request: Partial<RequestHead>, body: string | undefined) => {
    const driver = new ClientDriver();
    const writer = driver.open({ method: 'POST', ...request }, body === undefined);
    if (body !== undefined) writer.data(Buffer.from(body), true);
    return driver.transport.written.slice(driver.transport.written.indexOf('app.test\r\n') + 10);
  };
  expect(written({}, undefined)).toBe('content-length: 0\r\n\r\n');
  expect(written({ method: 'GET' }, undefined)).toBe('\r\n');
  expect(written({ contentLength: 2, headers: Headers.of({ 'X-A': 'b' }) }, 'ok')).toBe(
    'X-A: b\r\ncontent-length: 2\r\n\r\nok',
  );
  expect(written({}, 'ok')).toBe('transfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n');
  expect(written({ headers: Headers.of({ te: 'trailers' }) }, undefined)).toBe(
    'te: trailers\r\nconnection: te\r\ncontent-length: 0\r\n\r\n',
  );
  expect(written({ expectContinue: true, contentLength: 1 }, 'x')).toBe(
    'expect: 100-continue\r\ncontent-length: 1\r\n\r\nx',
  );
});

test('nothing that a filter sets can break out of the request head', () => {
  const driver = new ClientDriver();
  driver.open({
    path: '/a b\r\nX: 1\u010a',
    authority: 'a\r\nb',
    method: 'GET\r\n',
    headers: Headers.of({ A: 'b\nc', 'content-length': '1' }),
  });
  expect(driver.transport.written).toBe('GET /a%20b%0D%0AX:%201%C4%8A HTTP/1.1\r\nhost: a%0D%0Ab\r\n\r\n');
  expect(driver.dropped.map((line) => line.split(' ')[0])).toEqual([
    'h1.unwritable-target',
    'h1.unwritable-target',
    'h1.unwritable-field',
    'h1.unwritable-field',
  ]);
});

test('a request body that belies its length destroys the connection', () => {
  const driver = new ClientDriver();
  driver.open({ method: 'POST', contentLength: 2 }, false).data(Buffer.from('three'), true);
  expect([driver.last.reset, driver.closed]).toEqual([
    'local-reset h1.request-length-mismatch',
    ['h1.request-length-mismatch'],
  ]);
  expect(driver.transport.written).not.toContain('three');
});

test('CONNECT opens a tunnel with 2xx and stays HTTP otherwise', () => {
  const tunnel = drive(`${head('')}raw`, { method: 'CONNECT', authority: 'app.test:443', path: '' });
  expect(tunnel.transport.written).toBe('CONNECT app.test:443 HTTP/1.1\r\nhost: app.test:443\r\n\r\n');
  expect(tunnel.last).toMatchObject({ body: 'raw', ended: false });
  expect(passes(head('Content-Length: 0\r\n', 'HTTP/1.1 403 Forbidden'), { method: 'CONNECT' }).reusable).toBe(true);
});

test('a raw connection ends when both sides have ended, in either order', () => {
  for (const first of ['peer', 'owner']) {
    const driver = new ClientDriver();
    const writer = driver.open({ method: 'CONNECT', path: '' }, false);
    driver.send(head(''));
    const ends = [() => driver.codec.onEnd(), () => writer.data(Buffer.from('bye'), true)];
    if (first === 'owner') ends.reverse();
    ends[0]?.();
    expect(driver.closed).toEqual([]);
    ends[1]?.();
    expect([driver.last.ended, driver.closed, driver.streamEnds]).toEqual([true, ['h1.tunnel-ended'], 1]);
    expect(driver.transport.written.endsWith('bye')).toBe(true);
  }
});

test('back-pressure: reading stops and restarts with the receiver', () => {
  const driver = new ClientDriver();
  const writer = driver.open(requestHead());
  driver.send(`${head('Content-Length: 6\r\n')}abc`);
  writer.pauseReading();
  expect(driver.transport.paused).toBe(true);
  driver.send('def');
  expect(driver.last.body).toBe('abc');
  writer.resumeReading();
  expect([driver.last.body, driver.last.ended, driver.transport.paused]).toEqual(['abcdef', true, false]);
});
