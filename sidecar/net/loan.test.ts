import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { StaticProxy } from '../../test/harness/static-proxy.ts';
import { ReadSink } from './read-sink.ts';
import { writeLent } from './write-lent.ts';

const body = randomBytes(16_777_216);
const digest = (chunks: readonly Buffer[]) => createHash('sha256').update(Buffer.concat(chunks)).digest('hex');

/** A server that sends `body` and one that answers with the digest of what it was sent, behind a proxy. */
async function start(): Promise<number> {
  const server = http.createServer(async (request, response) => {
    if (request.method === 'GET') return void response.end(body);
    const chunks: Buffer[] = [];
    // Now and then it takes its time, so that writes are cut in two.
    for await (const chunk of request) {
      chunks.push(chunk as Buffer);
      if (chunks.length % 16 === 0) await turn();
    }
    response.end(digest(chunks));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const proxy = await StaticProxy.start({ upstreams: [(server.address() as AddressInfo).port] });
  onTestFinished(async () => {
    await proxy.close();
    server.close();
    server.closeAllConnections();
  });
  return proxy.port;
}

async function download(port: number): Promise<string> {
  const request = http.get({ port, host: '127.0.0.1', agent: false });
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) {
    chunks.push(chunk as Buffer);
    if (chunks.length % 16 === 0) await turn();
  }
  return digest(chunks);
}

async function upload(port: number): Promise<string> {
  const request = http.request({ port, host: '127.0.0.1', agent: false, method: 'POST' });
  request.end(body);
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  let text = '';
  for await (const chunk of response) text += chunk;
  return text;
}

test('bulk arrives as it was sent, in both directions, on several connections at once, at readers of any pace', async () => {
  const port = await start();
  const sent = digest([body]);
  const seen = await Promise.all([download(port), upload(port), download(port), upload(port), download(port)]);
  expect(seen).toEqual(seen.map(() => sent));
});

/** Reads what a server sends, in the way of a proxy. `receive` is called with each chunk. */
async function read(bytes: Buffer, receive: (chunk: Buffer, socket: net.Socket) => void): Promise<void> {
  const server = net.createServer((peer) => {
    peer.on('error', () => {});
    peer.end(bytes);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const sink = new ReadSink();
  const { port } = server.address() as AddressInfo;
  const socket = net.connect({ port, host: '127.0.0.1', onread: sink.options });
  sink.attach((chunk) => receive(chunk, socket));
  await once(socket, 'close');
  server.close();
}

test('a chunk that its receiver keeps stays as it is', async () => {
  const kept: Buffer[] = [];
  await read(body, (chunk) => kept.push(chunk));
  expect(digest(kept)).toBe(digest([body]));
});

test('bulk that is written out is read into a few places only', async () => {
  const target = net.createServer((peer) => peer.resume());
  await once(target.listen(0, '127.0.0.1'), 'listening');
  const out = net.connect((target.address() as AddressInfo).port, '127.0.0.1');
  await once(out, 'connect');
  const places = new Set<ArrayBufferLike>();
  let bulk = 0;
  await read(body, (chunk, socket) => {
    if (chunk.length === 65_536) {
      bulk++;
      places.add(chunk.buffer);
    }
    socket.pause();
    writeLent(out, chunk, () => socket.resume());
  });
  out.destroy();
  target.close();
  expect(bulk).toBeGreaterThan(20);
  expect(places.size).toBeLessThan(bulk / 2);
});
