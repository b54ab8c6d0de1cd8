import { once } from 'node:events';
import tls from 'node:tls';
import { expect, test } from 'vitest';
import { makeServerCertificate } from '../harness/certificates.ts';
import { until } from '../harness/process.ts';
import { ask, exchange, RawClient } from '../harness/raw-http.ts';
import { type Answer, wellFormed } from '../harness/recording-upstream.ts';
import { canary, head, post, startBench } from './bench.ts';
import { refuses } from './refuses.ts';

// security.md §2.1: switches of protocols, tunnels, TLS.

const bench = startBench();
const websocket = 'Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: x\r\n';
const smuggled = 'GET /admin HTTP/1.1\r\nHost: a.test\r\n\r\n';

const switching: Answer = (_, socket, connection) => {
  connection.raw = true;
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
};

test('H1-27: an upgrade to h2c is taken out, and the request served as HTTP/1.1', async () => {
  const lines = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\nContent-Length: 2\r\n';
  for (const proxy of [bench.edge, bench.inbound, bench.outbound]) {
    const client = await RawClient.connect(proxy.port);
    client.send(`${head(lines, post)}ok`);
    const response = await client.response();
    expect([response.status, response.get('upgrade')]).toEqual([200, undefined]);
    const seen = bench.upstream.requests.at(-1);
    expect([seen?.get('upgrade'), seen?.get('http2-settings'), seen?.get('connection'), seen?.body]).toEqual([
      undefined,
      undefined,
      undefined,
      'ok',
    ]);
    client.send(head('', 'GET /next HTTP/1.1'));
    expect((await client.response()).body).toBe('GET /next');
    await client.close();
  }
});

test('H1-27: of h2c and websocket only websocket is offered upstream', async () => {
  await ask(bench.edge.port, head('Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n'));
  expect(bench.upstream.requests.at(-1)?.get('upgrade')).toBe('websocket');
});

test('H1-28: an upgrade with a body is refused', async () => {
  await refuses(bench, `${head(`${websocket}Content-Length: 5\r\n`)}hello`, '400 h1.upgrade-with-body');
  await refuses(bench, `${head(`${websocket}Transfer-Encoding: chunked\r\n`)}0\r\n\r\n`, '400 h1.upgrade-with-body');
  await refuses(
    bench,
    `${head(`${websocket}Content-Length: ${smuggled.length}\r\n`)}${smuggled}`,
    '400 h1.upgrade-with-body',
  );
});

test('H1-28: early data of a refused upgrade reaches no one, and neither connection is used again', async () => {
  for (const status of ['200 OK', '403 Forbidden', '426 Upgrade Required']) {
    bench.upstream.answer = (_, socket) => socket.write(`HTTP/1.1 ${status}\r\nContent-Length: 2\r\n\r\nno`);
    const { text, end } = await exchange(bench.edge.port, [head(websocket) + smuggled, smuggled]);
    expect([text.startsWith(`HTTP/1.1 ${status}`), end]).toEqual([true, 'fin']);
    expect(text.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(text).toContain('\r\nconnection: close\r\n');
    bench.upstream.answer = wellFormed;
    await canary(bench, bench.edge);
    expect(bench.upstream.text).not.toContain('/admin');
  }
});

test('H1-28: early data waits for the 101, and is then data of the new protocol', async () => {
  let accept = () => {};
  bench.upstream.answer = (request, socket, connection) => {
    accept = () => switching(request, socket, connection);
  };
  const client = await RawClient.connect(bench.edge.port);
  client.send(head(websocket) + smuggled);
  await until(() => bench.upstream.requests.length === 1, 'the request');
  expect(bench.upstream.text).not.toContain('/admin');
  accept();
  const response = await client.response();
  expect([response.status, response.get('upgrade'), response.get('connection')]).toEqual([101, 'websocket', 'Upgrade']);
  const connection = bench.upstream.connections.at(-1)!;
  await until(() => connection.text.endsWith(smuggled), 'the early data');
  connection.socket.write('HTTP/1.1 200 OK\r\n\r\nframe');
  await client.until((received) => received.endsWith('frame'));
  connection.socket.end();
  expect(await client.end()).toBe('fin');
  await client.close();
  expect(bench.upstream.requests).toHaveLength(1);
});

test('H1-28: a tunnel that the upstream resets is no clean end for the client, and the other way round', async () => {
  bench.upstream.answer = switching;
  const client = await RawClient.connect(bench.edge.port);
  client.send(head(websocket));
  await client.response();
  bench.upstream.connections.at(-1)?.socket.resetAndDestroy();
  expect(await client.end()).toBe('ECONNRESET');
  await client.close();
  const other = await RawClient.connect(bench.edge.port);
  other.send(head(websocket));
  await other.response();
  const { socket } = bench.upstream.connections.at(-1)!;
  let ended = false;
  let error = '';
  socket.on('end', () => {
    ended = true;
  });
  socket.on('error', ({ code }: NodeJS.ErrnoException) => {
    error = code ?? '';
  });
  const closed = new Promise((resolve) => socket.on('close', resolve));
  other.reset();
  await closed;
  expect([ended, error]).toEqual([false, 'ECONNRESET']);
});

test('H1-28: a half-closed tunnel carries on in the other direction', async () => {
  bench.upstream.answer = switching;
  const client = await RawClient.connect(bench.edge.port, { allowHalfOpen: true });
  client.send(head(websocket));
  await client.response();
  const connection = bench.upstream.connections.at(-1)!;
  connection.socket.removeAllListeners('end');
  const ended = once(connection.socket, 'end');
  client.send('last words').fin();
  await ended;
  expect(connection.text.endsWith('last words')).toBe(true);
  connection.socket.end('and an answer');
  await client.end();
  expect(client.rest).toBe('and an answer');
  await client.close();
});

test('H1-29: CONNECT is 405 where it is not configured', async () => {
  for (const proxy of [bench.edge, bench.inbound]) {
    await refuses(bench, 'CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n', '405 h1.method-not-allowed', {
      proxy,
    });
    const early = `CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n${smuggled}`;
    await refuses(bench, early, '405 h1.method-not-allowed', { proxy });
  }
});

test('H1-29: the forward proxy opens no tunnel to a stranger, and takes no early data for a request', async () => {
  const proxy = await bench.start({ direction: 'outbound', domains: ['a.test'] });
  for (const target of ['a.test', '/x', 'http://a.test/', 'a.test:0', '*'])
    await refuses(bench, `CONNECT ${target} HTTP/1.1\r\nHost: a.test\r\n\r\n`, '400 h1.bad-target', { proxy });
  const bytes = bench.upstream.bytes;
  for (const target of [`127.0.0.1:${bench.upstream.port}`, 'b.test:443', `localhost:${bench.upstream.port}`]) {
    const { text, end } = await exchange(proxy.port, [
      `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n${smuggled}`,
    ]);
    expect([text.slice(0, 12), text.match(/HTTP\/1\.1/g)?.length, end]).toEqual(['HTTP/1.1 404', 1, 'fin']);
  }
  expect(bench.upstream.bytes).toBe(bytes);
});

test('H1-29: requests inside a tunnel to a service are judged as all others, and open no tunnel', async () => {
  const client = await RawClient.connect(bench.outbound.port);
  client.send('CONNECT a.test:80 HTTP/1.1\r\nHost: a.test:80\r\n\r\n');
  expect((await client.response('CONNECT')).status).toBe(200);
  client.send(head('', 'GET /inside HTTP/1.1'));
  expect((await client.response()).body).toBe('GET /inside');
  client.send('CONNECT a.test:80 HTTP/1.1\r\nHost: a.test:80\r\n\r\n');
  expect((await client.response()).get('x-heddle-reason')).toBe('h1.method-not-allowed');
  expect(await client.end()).toBe('fin');
  await client.close();
});

test('H1-42: plaintext on a TLS port is closed without an answer, TLS on it is served', async () => {
  const certificate = await makeServerCertificate('a.test');
  const proxy = await bench.start({
    tls: {
      certificateSecret: 'web',
      validationSecret: undefined,
      requireClientCertificate: false,
      allowedIds: [],
      minVersion: 'TLSv1.2',
    },
    secrets: [{ kind: 'certificate', name: 'web', ...certificate, notAfter: Number.MAX_SAFE_INTEGER }],
  });
  const bytes = bench.upstream.bytes;
  for (const input of [head(), 'SSH-2.0-OpenSSH_9.2p1\r\n', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n']) {
    const before = await proxy.refused('tls.plaintext');
    const { text } = await exchange(proxy.port, [input]);
    expect([text, await proxy.refused('tls.plaintext')]).toEqual(['', before + 1]);
  }
  const garbage = await exchange(proxy.port, [`\x16\x03\x01\x00\x05${'x'.repeat(200)}`]);
  expect(garbage.text).not.toContain('HTTP');
  expect(bench.upstream.bytes).toBe(bytes);
  const socket = tls.connect({ port: proxy.port, host: '127.0.0.1', servername: 'a.test', ca: certificate.chainPem });
  await once(socket, 'secureConnect');
  const client = RawClient.over(socket);
  client.send(head('', 'GET /over-tls HTTP/1.1'));
  expect((await client.response()).body).toBe('GET /over-tls');
  expect(bench.upstream.requests.at(-1)?.get('x-forwarded-proto')).toBe('https');
  client.send(head('', 'GET http://a.test/ HTTP/1.1'));
  expect((await client.response()).get('x-heddle-reason')).toBe('h1.scheme-mismatch');
  await client.close();
  // TLS has an end of its own, which Node does not tell from a bare FIN: a break must be one of TCP.
  bench.upstream.answer = switching;
  const tunnel = tls.connect({ port: proxy.port, host: '127.0.0.1', servername: 'a.test', ca: certificate.chainPem });
  await once(tunnel, 'secureConnect');
  const inside = RawClient.over(tunnel);
  inside.send(head(websocket));
  expect((await inside.response()).status).toBe(101);
  bench.upstream.connections.at(-1)?.socket.resetAndDestroy();
  expect(await inside.end()).toBe('ECONNRESET');
  await inside.close();
});
