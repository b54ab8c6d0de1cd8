import { createHash } from 'node:crypto';
import http from 'node:http';
import type { Readable, Writable } from 'node:stream';
import { describe, expect, onTestFinished, test } from 'vitest';
import { cluster, TestProxy, until } from '../harness/data-path.ts';
import { connectHttp2, type Handler, pairings, startApp, type Version } from '../harness/versions.ts';

const block = Buffer.alloc(65_536, 'a thread for each heddle, ');
const blocks = 512;
const size = block.length * blocks;
const checksum = createHash('sha256');
for (let i = 0; i < blocks; i++) checksum.update(block);
const expected = checksum.digest('hex');

/** Writes everything as fast as `target` takes it, and counts. */
function pour(target: Writable): { written: () => number } {
  let count = 0;
  const more = () => {
    while (count < blocks) {
      count++;
      if (!target.write(block)) return void target.once('drain', more);
    }
    target.end();
  };
  more();
  return { written: () => count * block.length };
}

async function digest(source: Readable): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of source) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Waits until nothing moves any more. */
async function standstill(amount: () => number): Promise<number> {
  for (;;) {
    const before = amount();
    await new Promise((resolve) => setTimeout(resolve, 50));
    if (before > 0 && amount() === before) return before;
  }
}

async function startPath(upstream: Version, handler: Handler): Promise<number> {
  const app = await startApp(upstream, handler);
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [app.port], { protocol: upstream }));
  return under.listen('app', { action: { timeoutMs: 0 } });
}

/** A request whose two bodies are in the hands of the test. */
async function open(version: Version, port: number): Promise<{ request: Writable; response: Promise<Readable> }> {
  if (version === 'http2') {
    const session = await connectHttp2(port);
    const stream = session.request({ ':path': '/', ':method': 'POST' });
    stream.pause();
    return { request: stream, response: new Promise((resolve) => stream.on('response', () => resolve(stream))) };
  }
  const request = http.request({ host: '127.0.0.1', port, method: 'POST', agent: false });
  onTestFinished(() => void request.destroy());
  return { request, response: new Promise((resolve) => request.on('response', resolve)) };
}

describe.each(pairings)('P-10: %s client, %s application', (client, upstream) => {
  test('a client that does not read stops the application, and gets everything in the end', async () => {
    let poured = { written: () => 0 };
    const port = await startPath(upstream, (request, response) => {
      request.resume();
      poured = pour(response as Writable);
    });
    const { request, response } = await open(client, port);
    request.end();
    const incoming = await response;
    // Both kernels hold a few MiB of a loopback connection; the rest is still with the application.
    expect(await standstill(() => poured.written())).toBeLessThan(size / 2);
    expect(await digest(incoming)).toBe(expected);
  });

  test('an application that does not read stops the client, and gets everything in the end', async () => {
    const seen: string[] = [];
    let release = () => {};
    const port = await startPath(upstream, async (request, response) => {
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      seen.push(await digest(request));
      response.end();
    });
    const { request, response } = await open(client, port);
    const poured = pour(request);
    expect(await standstill(() => poured.written())).toBeLessThan(size / 2);
    release();
    (await response).resume();
    await until(() => seen.length > 0);
    expect(seen).toEqual([expected]);
  });
});
