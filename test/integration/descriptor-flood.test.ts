import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { get, startTcp } from '../harness/app.ts';
import { Program, root, until } from '../harness/process.ts';

const tcpProxy = 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy';

function bootstrap(upstreamPort: number, more: object = {}): string {
  const address = (portValue: number) => ({ socketAddress: { address: '127.0.0.1', portValue } });
  return JSON.stringify({
    ...more,
    node: { id: 'flood', cluster: 'flood' },
    admin: { address: address(0) },
    staticResources: {
      listeners: [
        {
          name: 'relay',
          address: address(0),
          filterChains: [
            { filters: [{ name: 'tcp', typedConfig: { '@type': tcpProxy, statPrefix: 'tcp', cluster: 'app' } }] },
          ],
        },
      ],
      clusters: [
        {
          name: 'app',
          type: 'STATIC',
          connectTimeout: '1s',
          loadAssignment: {
            clusterName: 'app',
            endpoints: [{ lbEndpoints: [{ endpoint: { address: address(upstreamPort) } }] }],
          },
        },
      ],
    },
  });
}

/** What a connection to `port` says first, or that it was closed. */
function firstWord(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('data', (chunk) => {
      resolve(String(chunk));
      socket.destroy();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.on('close', () => resolve('closed'));
  });
}

/** A proxy that relays to an application, which greets whoever comes. */
async function startRelay(more: object, before: readonly string[] = []) {
  const app = await startTcp((socket) => socket.write('hello'));
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'heddle-flood-'));
  const file = path.join(folder, 'envoy.json');
  fs.writeFileSync(file, bootstrap(app.port, more));
  const main = path.join(root, 'sidecar/main.ts');
  const [command = '', ...args] = [...before, process.execPath, main, '-c', file];
  const proxy = new Program('proxy', command, args);
  const clients: net.Socket[] = [];
  onTestFinished(async () => {
    for (const client of clients) client.destroy();
    await proxy.stop();
    await app.close();
    fs.rmSync(folder, { recursive: true });
  });
  const { ports } = await proxy.ready<{ ports: { admin: number; listeners: Record<string, number> } }>();
  return { proxy, clients, admin: ports.admin, port: ports.listeners.relay as number };
}

test('L-17: a bootstrap says how many connections all listeners take', { timeout: 30_000 }, async () => {
  const limit =
    'type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig';
  const name = 'envoy.resource_monitors.global_downstream_max_connections';
  const typedConfig = { '@type': limit, maxActiveDownstreamConnections: 2 };
  const { port, clients, admin } = await startRelay({
    overloadManager: { resourceMonitors: [{ name, typedConfig }] },
  });
  for (let i = 0; i < 2; i++) {
    const client = net.connect(port, '127.0.0.1');
    clients.push(client);
    await once(client, 'data');
  }
  expect(await firstWord(port)).toBe('closed');
  const { body } = await get(`http://127.0.0.1:${admin}/stats/prometheus`);
  expect(body).toMatch(/heddle_refused_total\{[^}]*listener\.too-many-connections[^}]*\} 1\n/);
  // What holds without a configuration still does.
  expect(body).toContain('heddle_overload_pressure{resource="memory"}');
  clients.pop()?.resetAndDestroy();
  await until(async () => (await firstWord(port)) === 'hello', 'the place that became free to be given');
});

test('P-08: with 256 descriptors and 1,000 connections accepting goes on, upstreams are reached, and the admin port answers', {
  timeout: 60_000,
}, async () => {
  const { proxy, port, clients, admin } = await startRelay({}, ['prlimit', '--nofile=256']);
  let closed = 0;
  let served = 0;
  for (let i = 0; i < 1_000; i++) {
    const client = net.connect(port, '127.0.0.1');
    clients.push(client);
    client.on('error', () => {});
    client.once('data', () => served++);
    client.once('close', () => closed++);
    if (i % 100 === 99) await once(client, 'connect').catch(() => {});
  }
  // 40 % of 256 are let in, and each of them reaches the upstream.
  await until(() => served + closed >= 1_000, 'every connection to be served or turned away', 30_000);
  expect(served).toBe(102);
  expect((await get(`http://127.0.0.1:${admin}/ready`)).status).toBe(200);
  const { body } = await get(`http://127.0.0.1:${admin}/stats/prometheus`);
  expect(body).toMatch(/heddle_refused_total\{[^}]*listener\.too-many-connections[^}]*\} 898/);
  for (const client of clients) client.resetAndDestroy();
  await until(async () => (await firstWord(port)) === 'hello', 'the proxy to serve again');
  expect(proxy.stderr).not.toMatch(/EMFILE|uncaught/i);
});
