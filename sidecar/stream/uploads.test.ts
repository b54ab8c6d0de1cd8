import { expect, test } from 'vitest';
import {
  cluster,
  httpListener,
  httpServer,
  rawClient,
  TestProxy,
  tcpServer,
  until,
} from '../../test/harness/data-path.ts';
import type { HttpChainConfig } from '../net/listener-config.ts';
import type { Direction } from '../observe/stream-info.ts';
import type { ForwardAction } from '../route/route-table.ts';

async function startProxy(
  direction: Direction,
  action: Partial<ForwardAction> = {},
  chain: Partial<HttpChainConfig> = {},
) {
  const { port: upstream } = await httpServer((incoming, outgoing) => {
    incoming.resume().on('end', () => outgoing.end('whole'));
  });
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [upstream]));
  const config = httpListener('app', { direction, action });
  const chains = config.chains.map((one) => ({ ...one, protocol: { ...one.protocol, ...chain } as HttpChainConfig }));
  const port = await under.proxy.setListener({ ...config, chains });
  /** Sends a body of `size` bytes, of which so many come every ten seconds. */
  const upload = async (bytesEach: number, rounds: number, lines = '') => {
    const client = rawClient(port);
    client.send(`POST / HTTP/1.1\r\nhost: a\r\n${lines}content-length: ${bytesEach * rounds}\r\n\r\n`);
    await until(() => under.observer.started > 0);
    let sent = 0;
    for (let i = 0; i < rounds && client.received === ''; i++) {
      client.send('x'.repeat(bytesEach));
      sent += bytesEach;
      await until(() => client.received !== '' || (under.proxy.describe().clusters[0]?.activeRequests ?? 0) > 0);
      await new Promise((resolve) => setTimeout(resolve, 5));
      under.advance(10_000);
    }
    return { text: await client.see(/\r\n\r\n/), sent };
  };
  return { under, upload };
}

test('inside the mesh an upload is bounded by idle time alone, unless request_timeout is set', async () => {
  expect((await (await startProxy('outbound')).upload(100, 20)).text).toMatch(/^HTTP\/1.1 200 /);
  const limited = await startProxy('outbound', {}, { requestTimeoutMs: 60_000 });
  expect((await limited.upload(3_000, 20)).text).toMatch(/^HTTP\/1.1 408 [\s\S]*request-incomplete/);
});

test('L-08: an upload that we hold back ourselves is not the client\u2019s fault', async () => {
  const upstream = await tcpServer((socket) => void socket.pause());
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [upstream]));
  const port = await under.listen('app', { direction: 'gateway', action: { idleTimeoutMs: 600_000 } });
  const client = rawClient(port);
  client.send(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000000\r\n\r\n`);
  const chunk = 'x'.repeat(1_000_000);
  for (let i = 0; i < 30; i++) client.send(chunk);
  // Until nothing more is taken from it.
  for (let taken = -1; taken !== client.socket.bytesWritten - client.socket.writableLength; ) {
    taken = client.socket.bytesWritten - client.socket.writableLength;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  under.advance(200_000);
  expect(client.received).toBe('');
  expect(under.observer.streams).toEqual([]);
});
