import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import tls, { type TLSSocket } from 'node:tls';
import { expect, onTestFinished, test, vi } from 'vitest';
import { makeSvid, makeTestAuthority } from '../../test/harness/certificates.ts';
import { readPastStream } from './read-past-stream.ts';

const generous = { timeout: 20_000 };

async function connectedPair(): Promise<[TLSSocket, TLSSocket]> {
  const authority = await makeTestAuthority();
  const svid = await makeSvid(authority, 'spiffe://test.local/ns/a/sa/b');
  const server = tls.createServer({ cert: svid.chainPem, key: svid.privateKeyPem });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = tls.connect({ port: (server.address() as AddressInfo).port, rejectUnauthorized: false });
  const [far] = (await once(server, 'secureConnection')) as [TLSSocket];
  onTestFinished(() => {
    client.destroy();
    far.destroy();
    server.close();
  });
  return [client, far];
}

test('bytes of a TLS socket come without events of its stream while it flows', async () => {
  const [client, far] = await connectedPair();
  let text = '';
  let events = 0;
  readPastStream(far, (chunk) => {
    text += chunk.toString('latin1');
  });
  far.on('data', () => events++);
  far.resume();
  for (const piece of ['one', 'two', 'three']) {
    const before = text.length;
    client.write(piece);
    await vi.waitFor(() => expect(text.length).toBe(before + piece.length), generous);
  }
  expect(text).toBe('onetwothree');
  expect(events).toBe(0);
  client.end();
  await once(far, 'end');
});

test('a TLS socket that is paused stops its peer, and what waits comes first', async () => {
  const [client, far] = await connectedPair();
  const sent = Buffer.alloc(8 * 1_024 * 1_024, '0123456789abcdefghijklmnopqrstuvwxyz-');
  const pieces: Buffer[] = [];
  let bytes = 0;
  readPastStream(far, (chunk) => {
    pieces.push(Buffer.from(chunk));
    bytes += chunk.length;
    far.pause();
    setImmediate(() => far.resume());
  });
  far.pause();
  client.write(sent);
  await vi.waitFor(() => expect(far.readableLength).toBeGreaterThan(0), generous);
  expect(bytes).toBe(0);
  expect(client.writableLength).toBeGreaterThan(0);
  far.resume();
  await vi.waitFor(() => expect(bytes).toBe(sent.length), generous);
  expect(Buffer.concat(pieces).equals(sent)).toBe(true);
});
