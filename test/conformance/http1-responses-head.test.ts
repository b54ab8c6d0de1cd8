import { expect, test } from 'vitest';
import { RawClient } from '../harness/raw-http.ts';
import { clusterName } from '../harness/static-proxy.ts';
import { startBench } from './bench.ts';
import { breaks, passes, response } from './hostile-upstream.ts';

// security.md §2.10: heads of responses.

const bench = startBench();
const early = 'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n';
const ok = `${response('Content-Length: 2\r\n')}ok`;

/** What one request brings when the upstream answers so. */
async function ask(answer: string, lines = ''): Promise<string> {
  bench.upstream.answer = (_, socket) => socket.write(answer, 'latin1');
  const client = await RawClient.connect(bench.edge.port);
  client.send(`GET / HTTP/1.1\r\nHost: a.test\r\n${lines}\r\n`);
  for (;;) if ((await client.response()).status >= 200) break;
  await client.close();
  return client.received;
}

test('UP-06: five informational responses pass, the sixth makes it a 502', async () => {
  const received = await ask(early.repeat(5) + ok);
  expect(received.match(/^HTTP\/1\.1 \d+/gm)).toEqual([...Array(5).fill('HTTP/1.1 103'), 'HTTP/1.1 200']);
  for (const line of ['HTTP/1.1 100 Continue\r\n\r\n', early, 'HTTP/1.1 199 X\r\n\r\n']) {
    bench.upstream.answer = (_, socket) => socket.write(line.repeat(200) + ok);
    const count = await bench.edge.refused('h1.too-many-informational', clusterName);
    const client = await RawClient.connect(bench.edge.port);
    client.send('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n');
    let answer = await client.response();
    let informational = 0;
    for (; answer.status < 200; informational++) answer = await client.response();
    expect([answer.status, informational]).toEqual([502, 5]);
    expect(JSON.parse(answer.body).error.message).toContain('h1.too-many-informational');
    expect(await bench.edge.refused('h1.too-many-informational', clusterName)).toBe(count + 1);
    await client.close();
  }
});

test('UP-07: a switch of protocols that nobody asked for, or another one, is 502', async () => {
  const switching = (protocol: string) =>
    response(`Connection: Upgrade\r\nUpgrade: ${protocol}\r\n`, 'HTTP/1.1 101 Switching Protocols');
  await breaks(bench, switching('websocket'), 'h1.unexpected-upgrade');
  await breaks(bench, `${switching('websocket')}HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n`, 'h1.unexpected-upgrade');
  await breaks(bench, switching('h2c'), 'h1.unexpected-upgrade', { lines: 'Connection: Upgrade\r\nUpgrade: h2c\r\n' });
  for (const answer of [
    switching('h2c'),
    response('Upgrade: websocket\r\n', 'HTTP/1.1 101 Switching Protocols'),
    response('', 'HTTP/1.1 101 Switching Protocols'),
  ]) {
    // Whoever asked for a switch and did not get it is asked to come again.
    bench.upstream.answer = (_, socket) => socket.write(answer);
    const client = await RawClient.connect(bench.edge.port);
    client.send('GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    const seen = await client.response();
    expect([seen.status, seen.get('connection'), await client.end()]).toEqual([502, 'close', 'fin']);
    expect(JSON.parse(seen.body).error.message).toContain('h1.unexpected-upgrade');
    await client.close();
  }
});

test('UP-08: a status outside 100 to 599, or not of three digits, is 502', async () => {
  for (const status of ['099', '999', '600', '000', '1000', '2x0', '-20'])
    await breaks(bench, response('Content-Length: 0\r\n', `HTTP/1.1 ${status} X`), 'h1.bad-status');
  for (const status of ['99', '0', '']) {
    bench.upstream.answer = (_, socket) => socket.write(response('Content-Length: 0\r\n', `HTTP/1.1 ${status} X`));
    const client = await RawClient.connect(bench.edge.port);
    client.send('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n');
    const seen = await client.response();
    expect([seen.status, JSON.parse(seen.body).error.reason]).toEqual([502, 'upstream-protocol-error']);
    await client.close();
  }
});

test('UP-10: a head past its limits is 502', async () => {
  const many = Array.from({ length: 10_000 }, (_, i) => `x-${i}: ${i}\r\n`).join('');
  await breaks(bench, `${response(many)}ok`, 'h1.too-many-fields');
  await breaks(bench, response(`A: ${'x'.repeat(1_048_576)}\r\n`), 'h1.headers-too-large');
  await breaks(bench, response(`A: ${'x'.repeat(20_000)}\r\nContent-Length: 0\r\n`), 'h1.field-too-large');
  await breaks(bench, `HTTP/1.1 200 ${'x'.repeat(100_000)}`, 'h1.bad-status-line');
});

test('UP-12: Set-Cookie 1,000 times is 502, 50 times passes', async () => {
  const cookies = (count: number) => Array.from({ length: count }, (_, i) => `Set-Cookie: c${i}=1\r\n`).join('');
  await breaks(bench, `${response(`Content-Length: 2\r\n${cookies(1_000)}`)}ok`, 'h1.too-many-fields');
  expect((await ask(`${response(`Content-Length: 2\r\n${cookies(50)}`)}ok`)).match(/Set-Cookie/g)).toHaveLength(50);
});

test('UP-12: hop-by-hop fields, and those that only the mesh may say, do not reach the client', async () => {
  const lines = [
    'Connection: keep-alive, X-Hop, x-request-id',
    'X-Hop: 1',
    'Keep-Alive: timeout=60',
    'Proxy-Connection: keep-alive',
    'Upgrade: h2c',
    'x-heddle-reason: no-healthy-endpoints',
    'X-Heddle-Peer: spiffe://forged',
    'ETag: "a"',
  ];
  const received = await ask(`${response(`Content-Length: 2\r\n${lines.join('\r\n')}\r\n`)}ok`);
  expect(received).toContain('\r\nETag: "a"\r\n');
  expect(received).not.toMatch(/x-hop|keep-alive|proxy-connection|upgrade|x-heddle|connection:/i);
});

test('UP-12: an informational response does not say what only the mesh may say either', async () => {
  const received = await ask(
    `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nx-heddle-peer: forged\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\n\r\n${ok}`,
  );
  expect(received).toContain('\r\nLink: </a>\r\n');
  expect(received).not.toMatch(/x-heddle|x-hop/i);
});

test('UP-12: trailers carry on what they may, and nothing that is read before the body', async () => {
  const trailers = 'Grpc-Status: 0\r\nx-heddle-reason: forged\r\nSet-Cookie: a=1\r\nLocation: /x\r\n';
  const received = await ask(`${response('Transfer-Encoding: chunked\r\n')}2\r\nok\r\n0\r\n${trailers}\r\n`);
  expect(received).toMatch(/\r\n2\r\nok\r\n0\r\nGrpc-Status: 0\r\n\r\n$/);
});

test('UP-12: a field that would break out of the head is 502', async () => {
  await breaks(bench, response('Content-Length: 0\r\nX: a\rSet-Cookie: b\r\n'), 'h1.bare-cr');
  await breaks(bench, response('Content-Length: 0\r\nX: a\nSet-Cookie: b\r\n'), 'h1.bare-lf');
  await passes(bench, `${response('Content-Length: 2\r\nX: a%0d%0ab\r\nConnection: close\r\n')}ok`);
});
