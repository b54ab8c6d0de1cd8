import http2 from 'node:http2';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { httpServer, until } from '../harness/data-path.ts';
import { StaticProxy } from '../harness/static-proxy.ts';

/** An upload over HTTP/2 at the edge: so many bytes every ten seconds. */
async function upload(bytesEach: number, rounds: number, headers: Record<string, string> = {}) {
  const { port: upstream } = await httpServer((incoming, outgoing) => {
    incoming.resume().on('end', () => outgoing.end('whole'));
  });
  const proxy = await StaticProxy.start({ upstreams: [upstream], clock: new FakeClock(Date.now()) });
  const session = http2.connect(`http://127.0.0.1:${proxy.port}`);
  onTestFinished(async () => {
    session.destroy();
    await proxy.close();
  });
  const stream = session.request({ ':method': 'POST', ':path': '/', ...headers });
  const seen = { status: 0, reason: '' };
  let over = false;
  stream.on('response', (head) => {
    seen.status = Number(head[':status']);
    seen.reason = String(head['x-heddle-reason'] ?? '');
  });
  stream.on('error', () => {});
  stream.on('close', () => {
    over = true;
  });
  stream.resume();
  for (let i = 0; i < rounds && seen.status === 0; i++) {
    stream.write('x'.repeat(bytesEach));
    await until(() => seen.status !== 0 || proxy.describe().clusters[0]?.activeRequests === 1);
    await new Promise((resolve) => setTimeout(resolve, 10));
    proxy.advance(10_000);
  }
  if (!stream.destroyed) stream.end();
  await until(() => over || seen.status !== 0);
  return seen;
}

test('L-08: at the edge an HTTP/2 body that drips in is refused after a minute', async () => {
  expect(await upload(100, 20)).toMatchObject({ status: 408, reason: expect.stringMatching(/^slow-upload/) });
});

test('L-08: one that comes fast enough takes its time', async () => {
  expect(await upload(3_000, 20)).toMatchObject({ status: 200, reason: '' });
});

test('L-08: a gRPC stream may be as slow as it likes', async () => {
  expect((await upload(10, 20, { 'content-type': 'application/grpc' })).reason).not.toMatch(/^slow-upload/);
});
