import { expect, test } from 'vitest';
import {
  closedPort,
  cluster,
  httpServer,
  rawClient,
  request,
  TestProxy,
  tcpServer,
  until,
} from '../../test/harness/data-path.ts';
import { answer, scriptedUpstream } from '../../test/harness/scripted-upstream.ts';
import type { MirrorPolicy } from '../route/route-table.ts';
import { shadowHost } from './mirror.ts';

const to = (name: string, more: Partial<MirrorPolicy> = {}): MirrorPolicy => ({
  cluster: name,
  clusterHeader: undefined,
  share: 1,
  appendHostSuffix: true,
  ...more,
});

/** A proxy before an application that echoes, and `mirrors`. */
async function startProxy(mirrors: readonly MirrorPolicy[]) {
  const { port: app } = await httpServer((incoming, outgoing) => incoming.pipe(outgoing));
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [app]));
  const port = await under.listen('app', { action: { mirrors } });
  const busy = (name: string) => under.proxy.describe().clusters.find((one) => one.name === name)?.activeRequests;
  return { under, port, busy };
}

test('TR-05: a copy goes to each mirror with its host marked, and its answer to nobody', async () => {
  const { under, port, busy } = await startProxy([to('m1'), to('m2', { appendHostSuffix: false })]);
  const seen: string[] = [];
  for (const name of ['m1', 'm2']) {
    const { port: mirror } = await httpServer((incoming, outgoing) => {
      let body = '';
      incoming.on('data', (chunk) => {
        body += chunk;
      });
      incoming.on('end', () => {
        seen.push(`${name} ${incoming.method} ${incoming.url} ${incoming.headers.host} ${body}`);
        outgoing.writeHead(500).end('nobody reads this');
      });
    });
    under.proxy.setCluster(cluster(name, [mirror]));
  }
  const sent = { method: 'POST', headers: { host: 'shop.example:8080' }, body: 'hello' };
  expect(await request(port, '/a?b', sent)).toMatchObject({ status: 200, body: 'hello' });
  await until(() => seen.length === 2 && busy('m1') === 0 && busy('m2') === 0);
  expect(seen.sort()).toEqual(['m1 POST /a?b shop.example-shadow:8080 hello', 'm2 POST /a?b shop.example:8080 hello']);
  expect(under.observer.streams).toMatchObject([{ status: 200, mirroredTo: 'm1,m2', attemptCount: 1 }]);
});

test('TR-05: only the share that is asked for is copied, and only where there is a cluster', async () => {
  const { under, port } = await startProxy([
    to('m', { share: 0.3 }),
    to('none'),
    to('', { clusterHeader: 'x-mirror' }),
  ]);
  const copies = await scriptedUpstream([answer(200)]);
  const named = await scriptedUpstream([answer(200)]);
  under.proxy.setCluster(cluster('m', [copies.port]));
  under.proxy.setCluster(cluster('named', [named.port]));
  for (let i = 0; i < 40; i++) expect((await request(port, '/')).status).toBe(200);
  expect((await request(port, '/', { headers: { 'x-mirror': 'named' } })).status).toBe(200);
  await until(() => named.seen.length === 1);
  expect(copies.seen.length).toBeGreaterThan(4);
  expect(copies.seen.length).toBeLessThan(24);
});

test('TR-05: a mirror that refuses, breaks off or is silent neither slows nor fails the request', async () => {
  const { under, port, busy } = await startProxy([to('gone'), to('broken'), to('silent')]);
  under.proxy.setCluster(cluster('gone', [await closedPort()]));
  under.proxy.setCluster(cluster('broken', [await tcpServer((socket) => socket.destroy())]));
  const silent = await scriptedUpstream(['silence']);
  under.proxy.setCluster(cluster('silent', [silent.port]));
  for (let i = 0; i < 5; i++) {
    expect(await request(port, '/', { method: 'POST', body: 'x' })).toMatchObject({ status: 200, body: 'x' });
  }
  await until(() => silent.seen.length === 5 && busy('gone') === 0 && busy('broken') === 0);
  expect(busy('silent')).toBe(5);
  under.advance(16_000);
  expect(busy('silent')).toBe(0);
  expect(under.observer.streams.every(({ flags, attempts }) => flags === 0 && attempts === undefined)).toBe(true);
});

test('TR-05: a mirror that does not read is given up, and the original is complete', async () => {
  const { under, port, busy } = await startProxy([to('stuck')]);
  under.proxy.setCluster(cluster('stuck', [await tcpServer((socket) => void socket.pause())]));
  const body = Buffer.alloc(16 * 1024 * 1024, 'x');
  expect((await request(port, '/', { method: 'POST', body })).body.length).toBe(body.length);
  await until(() => busy('stuck') === 0);
});

test('TR-05: when the client goes away in the middle of its body, so does the copy', async () => {
  const { under, port, busy } = await startProxy([to('m')]);
  const mirror = await scriptedUpstream(['silence']);
  under.proxy.setCluster(cluster('m', [mirror.port]));
  const client = rawClient(port).send('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc');
  await until(() => mirror.seen.join('').includes('abc'));
  client.socket.destroy();
  await until(() => busy('m') === 0 && mirror.ended === 1);
});

test('the suffix goes before the port', () => {
  expect(['a.example', 'a.example:80', '[::1]:80'].map(shadowHost)).toEqual([
    'a.example-shadow',
    'a.example-shadow:80',
    '[::1]-shadow:80',
  ]);
});
