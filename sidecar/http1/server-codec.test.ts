import { expect, test } from 'vitest';
import { ok, ServerDriver } from '../../test/fuzz/http1/drive-server.ts';
import { drive, head, post, refuses } from '../../test/fuzz/http1/judge-request.ts';

import { Headers } from '../stream/headers.ts';

// The rows of security.md §2.1 that concern a connection over time.

const websocket = 'Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: x\r\n';

test('H1-26: a final response before 100 Continue ends the connection, and the body is not read as a request', () => {
  const input = head('Expect: 100-continue\r\nContent-Length: 37\r\n', post);
  const driver = new ServerDriver({}, 'at-head').send(input);
  expect(driver.transport.written).toContain('\r\nconnection: close\r\n');
  expect(driver.transport.ended).toBe(true);
  driver.send('GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n');
  expect(driver.requests).toHaveLength(1);
  driver.codec.onEnd();
  driver.finish();
});

test('H1-28: an upgrade with a body is refused; early data waits for the 101 and is never read as a request', () => {
  refuses(`${head(`${websocket}Content-Length: 5\r\n`)}hello`, '400 h1.upgrade-with-body');
  refuses(`${head(`${websocket}Transfer-Encoding: chunked\r\n`)}0\r\n\r\n`, '400 h1.upgrade-with-body');
  const early = 'GET /admin HTTP/1.1\r\nHost: a.test\r\n\r\n';
  const refusing = new ServerDriver({}, 'never').send(head(websocket) + early);
  expect(refusing.transport.paused).toBe(true);
  refusing.writers[0]?.head(
    { status: 403, reason: '', headers: new Headers(), contentLength: 0, upgrade: undefined },
    true,
  );
  expect(refusing.requests).toHaveLength(1);
  expect(refusing.transport.ended).toBe(true);
  refusing.finish();
  const accepting = new ServerDriver({}, 'never').send(head(websocket) + early);
  const [writer, request] = [accepting.writers[0]!, accepting.requests[0]!];
  expect(request).toMatchObject({ body: '', end: false, head: { upgrade: 'websocket' } });
  writer.head(
    {
      status: 101,
      reason: '',
      headers: new Headers(),
      contentLength: undefined,
      upgrade: 'websocket',
    },
    false,
  );
  expect(accepting.transport.take()).toBe(
    'HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n',
  );
  expect(request.body).toBe(early);
  writer.data(Buffer.from('frame'), false);
  expect(accepting.transport.take()).toBe('frame');
  accepting.codec.onEnd();
  expect(request.ended).toBe(true);
  expect(accepting.closed).toBe(0);
  writer.data(Buffer.alloc(0), true);
  expect([accepting.transport.ended, accepting.closed]).toEqual([true, 1]);
  accepting.finish();
});

test('H1-29: CONNECT is 405 where it is not configured, and a tunnel where it is', () => {
  refuses('CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n', '405 h1.method-not-allowed');
  const allowConnect = { allowConnect: true };
  for (const target of ['a.test', '/x', 'http://a.test/', 'a.test:0', '*']) {
    refuses(`CONNECT ${target} HTTP/1.1\r\nHost: a.test\r\n\r\n`, '400 h1.bad-target', allowConnect);
  }
  refuses(
    'CONNECT a.test:1 HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1\r\n\r\nx',
    '400 h1.connect-with-body',
    allowConnect,
  );
  const driver = new ServerDriver(allowConnect, 'never').send(
    'CONNECT A.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n\x16\x03',
  );
  const [writer, request] = [driver.writers[0]!, driver.requests[0]!];
  expect(request).toMatchObject({ end: false, head: { method: 'CONNECT', authority: 'a.test:443', path: '' } });
  writer.head({ status: 200, reason: '', headers: new Headers(), contentLength: undefined, upgrade: undefined }, false);
  expect(driver.transport.take()).toBe('HTTP/1.1 200 OK\r\n\r\n');
  expect(request.body).toBe('\x16\x03');
  driver.finish();
});

test('H1-36: what follows a request with Connection: close is ignored', () => {
  const driver = drive(head('Connection: close\r\n') + head('', 'GET /second HTTP/1.1'));
  expect(driver.requests.map((request) => request.head.path)).toEqual(['/']);
  expect(driver.transport.written).toContain('\r\nconnection: close\r\n');
});

test('H1-37: pipelined requests are served one at a time, in order, and reading stops meanwhile', () => {
  const one = (i: number) => `GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`;
  const count = 9_999;
  const driver = new ServerDriver({}, 'never').send(Array.from({ length: count }, (_, i) => one(i)).join(''));
  expect([driver.requests.length, driver.codec.activeStreams, driver.transport.paused]).toEqual([1, 1, true]);
  for (let i = 0; i < count; i++) {
    expect(driver.requests).toHaveLength(i + 1);
    driver.writers[i]!.head(ok, true);
  }
  expect(driver.requests.map((request) => request.head.path)).toEqual(Array.from({ length: count }, (_, i) => `/${i}`));
  expect([driver.codec.activeStreams, driver.transport.paused]).toEqual([0, false]);
  driver.finish();
  const synchronous = drive(Array.from({ length: 20 }, (_, i) => one(i)).join(''));
  expect(synchronous.requests).toHaveLength(20);
});

test('H1-38: a slow head is 408 after 10 s, and so is a body below its rate', () => {
  const slow = new ServerDriver();
  for (let second = 0; second < 9; second++) slow.send('GET / HTTP'[second] as string).wait(1_000);
  expect(slow.refused).toEqual([]);
  slow.wait(1_100);
  expect(slow.refused).toEqual(['408 h1.headers-timeout']);
  slow.wait(1_100);
  expect([slow.transport.destroyed, slow.closed]).toEqual([true, 1]);
  const body = new ServerDriver({}, 'never').send(head('Content-Length: 100000\r\n', post));
  for (let second = 0; second < 9; second++) body.send('x').wait(1_000);
  expect(body.refused).toEqual([]);
  body.wait(1_100);
  expect(body.refused).toEqual(['408 h1.slow-body']);
  expect(body.requests[0]!.reset).toBe('protocol-error h1.slow-body');
  const fast = new ServerDriver({}, 'never').send(head('Content-Length: 100000\r\n', post));
  for (let second = 0; second < 40; second++) fast.send('x'.repeat(300)).wait(1_000);
  expect(fast.refused).toEqual([]);
  fast.writers[0]!.pauseReading();
  fast.wait(60_000);
  expect(fast.refused).toEqual([]);
  for (const driver of [slow, body, fast]) driver.finish();
});

test('H1-39: a client that half-closes is served, then the connection ends', () => {
  const driver = new ServerDriver({}, 'never').send(head('') + head('', 'GET /2 HTTP/1.1'));
  driver.codec.onEnd();
  for (const writer of [0, 1]) {
    driver.writers[writer]!.head(ok, true);
  }
  expect(driver.transport.written.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2);
  expect(driver.transport.written.match(/connection: close/g)).toHaveLength(1);
  expect([driver.transport.ended, driver.closed]).toEqual([true, 1]);
  driver.finish();
});

test('H1-40: a client that goes away in the middle of a body resets the request', () => {
  for (const leave of ['onEnd', 'onClose'] as const) {
    const driver = new ServerDriver({}, 'never').send(`${head('Content-Length: 10\r\n', post)}12345`);
    driver.codec[leave]();
    expect(driver.requests[0]!.reset).toMatch(/^remote-reset /);
    driver.writers[0]!.head(ok, true);
    expect([driver.transport.written, driver.codec.activeStreams]).toEqual(['', 0]);
    driver.finish();
  }
});

test('H1-42: TLS, SSH and HTTP/2 on a plain port are ended at once', () => {
  refuses('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', '0 h1.tls-on-plaintext');
  refuses('SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n', '400 h1.malformed-request-line');
  refuses('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', '505 h1.http2-preface');
});

test('back-pressure: a writer says stop above the high watermark, and onWritable comes with the drain', () => {
  const driver = new ServerDriver({}, 'never').send(head(''));
  const writer = driver.writers[0]!;
  writer.head({ ...ok, contentLength: undefined }, false);
  driver.transport.bufferedBytes = 32 * 1024;
  expect(writer.data(Buffer.from('x'), false)).toBe(true);
  driver.transport.bufferedBytes++;
  expect(writer.data(Buffer.from('x'), false)).toBe(false);
  driver.codec.onDrain();
  driver.codec.onDrain();
  expect(driver.requests[0]!.writable).toBe(1);
  driver.finish();
});

test('L-13: a peer that reads nothing for 30 s is given up', () => {
  const driver = new ServerDriver({}, 'never').send(`${head('Content-Length: 9\r\n', post)}123`);
  driver.writers[0]!.head({ ...ok, contentLength: undefined }, false);
  driver.transport.bufferedBytes = 40_000;
  driver.writers[0]!.data(Buffer.from('x'), false);
  driver.wait(29_000);
  expect(driver.closed).toBe(0);
  driver.wait(1_500);
  expect([driver.closed, driver.transport.destroyed, driver.requests[0]!.reset]).toEqual([
    1,
    true,
    'local-reset h1.flush-timeout',
  ]);
  driver.finish();
});

test('L-15: the delayed close waits for unsent bytes, and no longer than they move', () => {
  const driver = new ServerDriver().send(head('Connection: close\r\n'));
  driver.wait(1_100);
  expect([driver.closed, driver.transport.destroyed]).toEqual([1, true]);
  const slow = new ServerDriver({}, 'never').send(head('Connection: close\r\n'));
  slow.transport.bufferedBytes = 10_000;
  slow.writers[0]!.head(ok, true);
  for (let second = 0; second < 40; second++) {
    slow.transport.bufferedBytes -= 100;
    slow.wait(1_000);
  }
  expect(slow.closed).toBe(0);
  slow.wait(31_000);
  expect([slow.closed, slow.transport.destroyed]).toEqual([1, true]);
  for (const each of [driver, slow]) each.finish();
});

test('L-10, L-12: an idle connection ends, and so does one that has served its requests', () => {
  const idle = new ServerDriver();
  idle.wait(59_900);
  expect(idle.transport.ended).toBe(false);
  idle.wait(200);
  expect([idle.transport.ended, idle.transport.written]).toEqual([true, '']);
  const busy = new ServerDriver({ limits: { maxRequests: 2 } }).send(head('')).send(head(''));
  expect(busy.transport.written.match(/connection: close/g)).toHaveLength(1);
  expect(busy.transport.ended).toBe(true);
  for (const driver of [idle, busy]) driver.finish();
});

test('drain ends an idle connection at once and a busy one after its answer', () => {
  const idle = new ServerDriver();
  idle.codec.drain();
  expect(idle.transport.ended).toBe(true);
  const busy = new ServerDriver({}, 'never').send(head(''));
  busy.codec.drain();
  expect(busy.transport.ended).toBe(false);
  busy.writers[0]!.head(ok, true);
  expect(busy.transport.written).toContain('connection: close');
  expect(busy.transport.ended).toBe(true);
  for (const driver of [idle, busy]) driver.finish();
});

test('an early answer drops the rest of the body up to a limit, then the connection goes on or ends', () => {
  const driver = new ServerDriver({}, 'at-head').send(head('Content-Length: 60000\r\n', post));
  driver.send('x'.repeat(60_000)).send(head('', 'GET /next HTTP/1.1'));
  expect(driver.requests.map((request) => [request.head.path, request.body])).toEqual([
    ['/', ''],
    ['/next', ''],
  ]);
  const long = new ServerDriver({}, 'at-head').send(head('Content-Length: 100000\r\n', post));
  long.send('x'.repeat(70_000));
  expect([long.transport.ended, long.requests.length]).toEqual([true, 1]);
  for (const each of [driver, long]) each.finish();
});

test('a response that belies its length ends the connection instead of running into the next one', () => {
  for (const body of ['toolong', 'tiny']) {
    const driver = new ServerDriver({}, 'never').send(head(''));
    driver.writers[0]!.head({ ...ok, contentLength: 5 }, false);
    driver.writers[0]!.data(Buffer.from(body), true);
    expect([driver.transport.destroyed, driver.closed]).toEqual([true, 1]);
    expect(driver.transport.written).not.toContain('toolong');
    driver.finish();
  }
});

test('a writer of an exchange that is over writes nothing', () => {
  const driver = new ServerDriver().send(head(''));
  driver.transport.take();
  const stale = driver.writers[0]!;
  stale.head(ok, true);
  stale.data(Buffer.from('x'), true);
  stale.trailers(new Headers());
  stale.informational({ ...ok, status: 103 });
  stale.pauseReading();
  stale.reset('local-reset');
  expect([driver.transport.written, driver.transport.paused, driver.transport.destroyed]).toEqual(['', false, false]);
  driver.finish();
});

test('a response is framed by what is known of it', () => {
  const answer = (response: Partial<typeof ok>, body: string | undefined, request = head('')) => {
    const driver = new ServerDriver({ edge: false }, 'never').send(request);
    driver.writers[0]!.head({ ...ok, contentLength: undefined, ...response }, body === undefined);
    if (body !== undefined) driver.writers[0]!.data(Buffer.from(body), true);
    driver.finish();
    return driver.transport.written;
  };
  expect(answer({}, undefined)).toBe('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
  expect(answer({ contentLength: 2 }, 'ok')).toBe('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
  expect(answer({}, 'ok')).toBe('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n');
  expect(answer({}, 'ok', 'GET / HTTP/1.0\r\n\r\n')).toBe('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nok');
  expect(answer({ status: 204 }, undefined)).toBe('HTTP/1.1 204 No Content\r\n\r\n');
  expect(answer({ status: 304, contentLength: 7 }, undefined)).toBe(
    'HTTP/1.1 304 Not Modified\r\ncontent-length: 7\r\n\r\n',
  );
  const toHead = answer({ contentLength: 7 }, 'ignored', head('', 'HEAD / HTTP/1.1'));
  expect(toHead).toBe('HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n');
  expect(answer({ status: 299, reason: 'Fine' }, undefined)).toMatch(/^HTTP\/1\.1 299 Fine\r\n/);
});

test('what a filter sets cannot break out of the head or change its framing', () => {
  const headers = Headers.of({
    Good: 'kept',
    Bad: 'a\r\nX-Injected: 1',
    Wide: 'a\u010aX: 1',
    'Bad Name': 'x',
    Nul: 'a\0',
  });
  headers.append('Content-Length', '9');
  headers.append('Transfer-Encoding', 'chunked');
  headers.append('Connection', 'Good');
  const driver = new ServerDriver({}, 'never').send(head(''));
  driver.writers[0]!.head({ ...ok, reason: 'a\r\nb', headers }, true);
  expect(driver.transport.written).toBe('HTTP/1.1 200 OK\r\nGood: kept\r\ncontent-length: 0\r\n\r\n');
  expect(driver.dropped).toHaveLength(7);
  driver.finish();
});

test('server and date are added to responses that have none', () => {
  const options = { serverName: 'heddle', dateHeader: true, clock: { now: () => 0, wallTime: () => 0 } };
  const driver = new ServerDriver(options).send(head(''));
  const both = 'server: heddle\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\n';
  expect(driver.transport.take()).toBe(`HTTP/1.1 200 OK\r\n${both}content-length: 0\r\n\r\n`);
  driver.answer = (_, writer) => writer.head({ ...ok, headers: Headers.of({ Server: 'app', Date: 'now' }) }, true);
  driver.send(head(''));
  expect(driver.transport.take()).toBe('HTTP/1.1 200 OK\r\nServer: app\r\nDate: now\r\ncontent-length: 0\r\n\r\n');
  driver.finish();
});

test('the owner may pause a body in its middle, and gets the rest after it resumes', () => {
  const driver = new ServerDriver({}, 'never').send(head('Transfer-Encoding: chunked\r\n', post));
  driver.writers[0]!.pauseReading();
  driver.send('3\r\nabc\r\n').send('3\r\ndef\r\n0\r\n\r\n');
  expect([driver.requests[0]!.body, driver.transport.paused]).toEqual(['', true]);
  driver.writers[0]!.resumeReading();
  expect([driver.requests[0]!.body, driver.requests[0]!.ended, driver.transport.paused]).toEqual([
    'abcdef',
    true,
    false,
  ]);
  driver.finish();
});
