import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../../bench/processes.ts';
import { envoyProgram } from '../harness/peers.ts';
import { Program, root, until } from '../harness/process.ts';

// A client that moves from Envoy to Heddle, or is served by both, keeps its endpoint. Skipped where Envoy cannot be
// installed from PyPI.

const peer = envoyProgram();
const missing = peer.absent !== undefined;

const policies = 'type.googleapis.com/envoy.extensions.load_balancing_policies';
const ring = (more: object) => ({ '@type': `${policies}.ring_hash.v3.RingHash`, minimum_ring_size: 256, ...more });
const maglev = (more: object) => ({ '@type': `${policies}.maglev.v3.Maglev`, ...more });
const header = [{ header: { header_name: 'x-user' } }];

interface Case {
  policy: object;
  hash: object[];
  /** Of the endpoints; without, 1 each. */
  weights?: number[];
  /** Of two localities, of the first two endpoints and the others. */
  localities?: number[];
}

const cases: Record<string, Case> = {
  ring: { policy: ring({}), hash: header },
  murmur: { policy: ring({ hash_function: 'MURMUR_HASH_2' }), hash: header },
  'ring-weights': { policy: ring({}), hash: header, weights: [1, 2, 3, 4, 5] },
  'ring-localities': { policy: ring({ locality_weighted_lb_config: {} }), hash: header, localities: [3, 1] },
  maglev: { policy: maglev({}), hash: header },
  'maglev-small': { policy: maglev({ table_size: 251 }), hash: header, weights: [5, 4, 3, 2, 1] },
  'maglev-localities': { policy: maglev({ locality_weighted_lb_config: {} }), hash: header, localities: [1, 4] },
  query: { policy: ring({}), hash: [{ query_parameter: { name: 'id' } }] },
  cookie: { policy: maglev({}), hash: [{ cookie: { name: 'sid' } }] },
  combined: { policy: maglev({}), hash: [...header, { query_parameter: { name: 'id' } }, { cookie: { name: 'sid' } }] },
  sticky: { policy: { '@type': `${policies}.round_robin.v3.RoundRobin` }, hash: [] },
  terminal: { policy: ring({}), hash: [{ ...header[0], terminal: true }, { query_parameter: { name: 'id' } }] },
};

let folder: string;
const servers: http.Server[] = [];
const programs: Program[] = [];
let envoyPort = 0;
let heddlePort = 0;

beforeAll(async () => {
  if (missing) return;
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'heddle-hash-interop-'));
  for (let i = 0; i < 5; i++) {
    const server = http.createServer((_incoming, outgoing) => void outgoing.end(`s${i}`)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    servers.push(server);
  }
  envoyPort = await freePort();
  const write = (name: string, port: number) => {
    const file = path.join(folder, `${name}.json`);
    fs.writeFileSync(file, JSON.stringify(bootstrap(port)));
    return file;
  };
  const envoy = new Program('envoy', peer.path ?? '', [
    ...['-c', write('envoy', envoyPort), '--concurrency', '1', '--disable-hot-restart', '-l', 'error'],
  ]);
  const heddle = new Program('heddle', process.execPath, [
    ...[path.join(root, 'sidecar/main.ts'), '-c', write('heddle', 0)],
  ]);
  programs.push(envoy, heddle);
  const { ports } = await heddle.ready<{ ports: { listeners: Record<string, number> } }>();
  heddlePort = ports.listeners.front ?? 0;
  const told = () => envoy.stdout + envoy.stderr;
  await until(async () => (await ask(envoyPort, '/ring', 'x').catch(() => '')) !== '', 'Envoy serves', 10_000, told);
});

afterAll(async () => {
  for (const program of programs) await program.stop();
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  if (folder !== undefined) fs.rmSync(folder, { recursive: true, force: true });
});

function bootstrap(port: number) {
  const address = (at: number) => ({ socket_address: { address: '127.0.0.1', port_value: at } });
  const clusters = Object.entries(cases).map(([name, { policy, weights, localities }]) => {
    const endpoints = servers.map((server, i) => ({
      endpoint: { address: address((server.address() as AddressInfo).port) },
      load_balancing_weight: weights?.[i] ?? 1,
    }));
    const groups = localities === undefined ? [endpoints] : [endpoints.slice(0, 2), endpoints.slice(2)];
    return {
      name,
      connect_timeout: '1s',
      load_balancing_policy: { policies: [{ typed_extension_config: { name: 'policy', typed_config: policy } }] },
      load_assignment: {
        cluster_name: name,
        endpoints: groups.map((lb_endpoints, i) => ({
          lb_endpoints,
          ...(localities === undefined ? {} : { load_balancing_weight: localities[i], locality: { zone: `z${i}` } }),
        })),
      },
    };
  });
  const routes = Object.entries(cases).map(([name, { hash }]) => ({
    match: { path_separated_prefix: `/${name}` },
    route: { cluster: name, hash_policy: hash },
  }));
  const manager = {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    stat_prefix: 'front',
    route_config: { name: 'front', virtual_hosts: [{ name: 'all', domains: ['*'], routes }] },
    http_filters: [
      {
        name: 'session',
        typed_config: {
          '@type': 'type.googleapis.com/envoy.extensions.filters.http.stateful_session.v3.StatefulSession',
          session_state: {
            name: 'envoy.http.stateful_session.cookie',
            typed_config: {
              '@type': 'type.googleapis.com/envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState',
              cookie: { name: 'sticky', path: '/sticky', ttl: '600s' },
            },
          },
        },
      },
      {
        name: 'router',
        typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
      },
    ],
  };
  const filters = [{ name: 'hcm', typed_config: manager }];
  return {
    static_resources: {
      listeners: [{ name: 'front', address: address(port), filter_chains: [{ filters }] }],
      clusters,
    },
  };
}

async function ask(port: number, target: string, user: string): Promise<string> {
  const headers = { 'x-user': user, cookie: `a=b; sid=${user}`, connection: 'close' };
  return await (await fetch(`http://127.0.0.1:${port}${target}?id=${user}`, { headers })).text();
}

test.skipIf(missing).each(Object.keys(cases).filter((name) => name !== 'sticky'))(
  'LB-03: %s: each of 100 clients has the same endpoint as in Envoy',
  async (name) => {
    const seen = new Set<string>();
    for (let i = 0; i < 100; i++) {
      const user = `user-${i}-${'x'.repeat(i % 40)}`;
      const theirs = await ask(envoyPort, `/${name}`, user);
      const ours = await ask(heddlePort, `/${name}`, user);
      expect([user, ours]).toEqual([user, theirs]);
      seen.add(ours);
    }
    expect(seen.size).toBe(5);
  },
);

test.skipIf(missing)('LB-07: a session that one of the two began is kept by the other', async () => {
  const begin = async (port: number) => {
    const response = await fetch(`http://127.0.0.1:${port}/sticky`, { headers: { connection: 'close' } });
    return { body: await response.text(), cookie: (response.headers.getSetCookie()[0] ?? '').split(';')[0] ?? '' };
  };
  for (let i = 0; i < 10; i++) {
    const [first, second] = i % 2 === 0 ? [envoyPort, heddlePort] : [heddlePort, envoyPort];
    const { body, cookie } = await begin(first);
    for (const port of [first, second]) {
      const headers = { cookie, connection: 'close' };
      expect(await (await fetch(`http://127.0.0.1:${port}/sticky`, { headers })).text()).toBe(body);
    }
  }
});
