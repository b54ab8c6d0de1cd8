import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { type Random, seededRandom } from '../../lib/random.ts';
import { RawClient } from '../harness/raw-http.ts';
import type { Answer, RecordedRequest } from '../harness/recording-upstream.ts';
import { clusterName, retryPolicy } from '../harness/static-proxy.ts';
import { startBench } from './bench.ts';

// security.md P-21: whatever an upstream does, nobody gets a byte that was meant for another.

const bench = startBench();
const clients = 200;
const requestsPerClient = 25;
/** Every request carries one, and every response to it says nothing but it. */
const token = /tok\d+x\d+end/g;

type Misdeed = (own: string, request: RecordedRequest, socket: Socket) => void;

const good = (own: string, lines = '') =>
  `HTTP/1.1 200 OK\r\nX-Token: ${own}\r\n${lines}Content-Length: ${own.length}\r\n\r\n${own}`;
const inChunks = (own: string) =>
  `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${own.length.toString(16)}\r\n${own}\r\n0\r\nX-Token: ${own}\r\n\r\n`;

/** What goes wrong. Each with the token of the request that it is done to, so that a stray byte can be told. */
const misdeeds: readonly Misdeed[] = [
  (_, __, socket) => socket.end(),
  (_, __, socket) => socket.resetAndDestroy(),
  (own, _, socket) => socket.end(good(own).slice(0, -2)),
  (own, _, socket) => socket.end(inChunks(own).slice(0, -3)),
  (own, _, socket) => socket.end(`HTTP/1.1 200 OK\r\nX-Token: ${own}`),
  (own, _, socket) => socket.end(`HTTP/1.1 200 OK\r\n\r\n${own}`),
  (own, _, socket) => socket.write(good(own) + good(own)),
  (own, _, socket) => socket.write(`${good(own)}HTTP/1.1 200 OK\r\nX-To`),
  (own, _, socket) => socket.write(`${good(own)}${own}`),
  (own, _, socket) => socket.write(good(own).replace(`: ${own.length}\r\n`, `: ${own.length - 1}\r\n`)),
  (own, _, socket) => socket.end(good(own, 'Connection: close\r\n')),
  (own, _, socket) => socket.write(good(own, 'Connection: close\r\n')),
  (own, _, socket) => socket.write(`HTTP/1.1 103 Early Hints\r\nX-Token: ${own}\r\n\r\n`.repeat(7) + good(own)),
  (own, _, socket) => socket.write(good(own, 'Content-Length: 3\r\n')),
  (own, _, socket) => socket.write(good(own).replace('200 OK\r\n', '200 OK\n')),
  (own, _, socket) => socket.write(`HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n${good(own)}`),
  (own, _, socket) => socket.write(`HTTP/1.1 204 No Content\r\nX-Token: ${own}\r\n\r\n${own}`),
  (own, _, socket) => {
    socket.write(good(own));
    setTimeout(() => socket.write('\r\n'), 1);
  },
  (own, _, socket) => {
    socket.write(good(own).slice(0, 30));
    setTimeout(() => socket.write(good(own).slice(30)), 250);
  },
  // After the proxy has given up.
  (own, _, socket) => setTimeout(() => socket.write(good(own)), 250),
];

function hostile(random: Random): Answer {
  return (request, socket) => {
    const own = request.target.slice(1);
    const misdeed = random() < 0.3 ? misdeeds[Math.floor(random() * misdeeds.length)] : undefined;
    const act = () => {
      if (misdeed !== undefined) misdeed(own, request, socket);
      else socket.write(random() < 0.5 ? good(own) : inChunks(own));
    };
    // Late enough for a client to be gone, early enough for the next one to want the connection.
    if (random() < 0.5) act();
    else setTimeout(act, random() * 4);
  };
}

/** Runs one client's requests; adds to `outcomes` and tells of every byte that was not its own. */
async function run(id: number, random: Random, port: number, outcomes: Map<string, number>): Promise<string[]> {
  const strays: string[] = [];
  let client = await RawClient.connect(port);
  for (let n = 0; n < requestsPerClient; n++) {
    const own = `tok${id}x${n}end`;
    if (client.ended || client.closed) {
      await client.close();
      client = await RawClient.connect(port);
    }
    const from = client.received.length;
    let outcome: string;
    if (random() < 0.7) client.send(`GET /${own} HTTP/1.1\r\nHost: a.test\r\n\r\n`);
    else {
      client.send(`POST /${own} HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${own.length}\r\n\r\n${own.slice(0, 2)}`);
      setImmediate((to: RawClient) => to.send(own.slice(2)), client);
    }
    if (random() < 0.04) {
      await new Promise((resolve) => setTimeout(resolve, random() * 3));
      if (random() < 0.5) client.reset();
      await client.close();
      outcome = 'left';
    } else {
      try {
        let response = await client.response();
        while (response.status < 200) response = await client.response();
        // A Content-Length that is too short cuts its own answer.
        const mine = own.startsWith(response.body) && [own, undefined].includes(response.get('x-token'));
        outcome = String(response.status);
        if (response.status === 200 && !mine) strays.push(`${own} got ${response.body}`);
      } catch {
        outcome = 'broken off';
        await client.close();
      }
    }
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    for (const [other] of client.received.slice(from).matchAll(token))
      if (other !== own) strays.push(`${own}: ${other}`);
  }
  await client.close();
  return strays;
}

test('P-21: of 5,000 requests of 200 clients to an upstream that does everything wrong, none gets another’s answer', async () => {
  const random = seededRandom(21);
  bench.upstream.answer = hostile(random);
  bench.upstream.onHead = (request, socket, connection) => {
    // Sometimes a whole answer before the body has come.
    if (random() < 0.2) socket.write(good(request.target.slice(1)));
    else connection.early = false;
  };
  const proxy = await bench.start({
    cluster: {
      breakers: {
        maxConnections: 64,
        maxPendingRequests: 1_024,
        maxRequests: 1_024,
        retryBudgetPercent: 20,
        minRetryConcurrency: 3,
      },
    },
    forward: { timeoutMs: 400, retry: { ...retryPolicy, perTryTimeoutMs: 150 } },
  });
  const outcomes = new Map<string, number>();
  const strays = await Promise.all(Array.from({ length: clients }, (_, id) => run(id, random, proxy.port, outcomes)));
  expect(strays.flat()).toEqual([]);
  const total = [...outcomes.values()].reduce((sum, count) => sum + count, 0);
  expect(total).toBe(clients * requestsPerClient);
  // It was worth something even on a slow machine, where the short time-outs end much: some were served, connections were used again, and misdeeds of every kind were met.
  expect(outcomes.get('200')).toBeGreaterThan(total * 0.05);
  expect(outcomes.get('502')).toBeGreaterThan(0);
  expect(outcomes.get('broken off')).toBeGreaterThan(0);
  const reused =
    bench.upstream.requests.length - new Set(bench.upstream.requests.map(({ connection }) => connection)).size;
  expect(reused).toBeGreaterThan(total * 0.05);
  for (const reason of ['h1.unsolicited-bytes', 'h1.truncated-response', 'h1.too-many-informational'])
    expect(await proxy.refused(reason, clusterName)).toBeGreaterThan(0);
});
