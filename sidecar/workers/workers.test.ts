import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Program, root, until } from '../../test/harness/process.ts';

const hcm = 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
let folder: string;
let app: http.Server;
let program: Program;
let ports: { admin: number; listeners: Record<string, number> };

beforeEach(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'heddle-workers-'));
  app = http.createServer((request, response) => response.end(`app saw ${request.url}`)).listen(0, '127.0.0.1');
  await once(app, 'listening');
});

afterEach(async () => {
  await program.stop();
  app.closeAllConnections();
  app.close();
  fs.rmSync(folder, { recursive: true, force: true });
});

function writeRoutes(rewrite: string): void {
  const file = path.join(folder, 'rds.yaml');
  const route = `{ match: { path: /x }, route: { cluster: app, prefix_rewrite: ${rewrite} } }`;
  fs.writeFileSync(
    `${file}.new`,
    `resources:
- "@type": type.googleapis.com/envoy.config.route.v3.RouteConfiguration
  name: routes
  virtual_hosts: [{ name: all, domains: ["*"], routes: [${route}] }]
`,
  );
  fs.renameSync(`${file}.new`, file);
}

async function start(workers: number): Promise<void> {
  writeRoutes('/one');
  const { port } = app.address() as AddressInfo;
  const file = path.join(folder, 'envoy.yaml');
  fs.writeFileSync(
    file,
    `
admin: { address: { socket_address: { address: 127.0.0.1, port_value: 0 } } }
static_resources:
  listeners:
  - name: front
    address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
    filter_chains:
    - filters:
      - name: hcm
        typed_config:
          "@type": ${hcm}
          stat_prefix: front
          rds: { route_config_name: routes, config_source: { path_config_source: { path: ${folder}/rds.yaml } } }
  clusters:
  - name: app
    connect_timeout: 1s
    load_assignment:
      cluster_name: app
      endpoints:
      - lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${port} } } } }]
`,
  );
  const args = [path.join(root, 'sidecar/main.ts'), '-c', file, '--concurrency', String(workers)];
  program = new Program('sidecar', process.execPath, [...args, '--drain-time-s', '1', '--access-log', `${folder}/log`]);
  ports = (await program.ready<{ ports: typeof ports }>()).ports;
}

/** Process ids of the workers that got ready, in that order. */
function pids(): number[] {
  return [...program.stderr.matchAll(/"worker is ready","worker":\d+,"pid":(\d+)/g)].map(([, pid]) => Number(pid));
}

/** One request on a connection of its own; how it ended. */
function get(): Promise<string> {
  return new Promise((resolve) => {
    const options = { host: '127.0.0.1', port: ports.listeners.front, path: '/x', agent: false };
    const request = http.get(options, (response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve(body));
      response.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    });
    request.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

async function admin(target: string): Promise<string> {
  return await (await fetch(`http://127.0.0.1:${ports.admin}${target}`)).text();
}

const isGone = (pid: number) => {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
};

test('workers share the port; what they count and hold is shown as of one proxy', async () => {
  await start(2);
  expect(pids()).toHaveLength(2);
  const seen = async () =>
    new Set((await admin('/stats')).match(/^heddle_connections\{listener="front",worker="\d"\}/gm));
  let requests = 0;
  await until(async () => {
    requests++;
    expect(await get()).toBe('app saw /one');
    return (await seen()).size === 2;
  }, 'both workers to have had a connection');
  const counted = [...(await admin('/stats')).matchAll(/^heddle_requests_total\{.*\}: (\d+)$/gm)];
  expect(counted.map(([, count]) => Number(count))).toEqual([requests]);
  expect(await admin('/stats/prometheus')).toContain(`heddle_workers_ready{worker="supervisor"} 2`);
  expect(await admin('/clusters')).toContain(`rq_total::${requests}\n`);
  expect(await admin('/listeners')).toBe(`front::127.0.0.1:${ports.listeners.front}\n`);
});

test('P-59: a worker that aborts again and again takes only what it was doing with it, and comes back each time', async () => {
  await start(2);
  const clients = 8;
  const rounds = 4;
  let asked = 0;
  let running = true;
  const failures: string[] = [];
  const load = Array.from({ length: clients }, async () => {
    while (running) {
      asked++;
      const answer = await get();
      if (answer !== 'app saw /one') failures.push(answer);
    }
  });
  for (let round = 1; round <= rounds; round++) {
    const before = pids().length;
    const askedBefore = asked;
    process.kill(pids().at(-1) as number, 'SIGABRT');
    // The other one goes on accepting while the new one starts.
    await until(() => asked >= askedBefore + 3 * clients, 'requests to be answered meanwhile');
    await until(() => pids().length > before, 'the worker to come back', 60_000);
  }
  running = false;
  await Promise.all(load);
  // Lost is what each client had under way on the worker, and what it then sent to the dying one's queue: the system
  // closes what is accepted before the port.
  expect(failures.length).toBeLessThanOrEqual(2 * rounds * clients);
  expect(new Set(failures)).toEqual(new Set(failures.length === 0 ? [] : ['ECONNRESET']));
  expect(asked).toBeGreaterThan(rounds * clients * 3);
  expect(program.running).toBe(true);
  expect(await admin('/stats')).toContain(`heddle_worker_restarts_total: ${rounds}\n`);
  const [, counted] = /^heddle_connections_total\{listener="front"\}: (\d+)$/m.exec(await admin('/stats')) ?? [];
  expect(Number(counted)).toBeGreaterThan(0);
}, 120_000);

test('a worker that came back has the configuration of now, and follows it', async () => {
  await start(2);
  for (const pid of pids()) process.kill(pid, 'SIGABRT');
  await until(() => pids().length === 4, 'both workers to come back', 60_000);
  expect(await get()).toBe('app saw /one');
  writeRoutes('/two');
  await until(async () => (await get()) === 'app saw /two', 'the new route');
  for (let count = 0; count < 10; count++) expect(await get()).toBe('app saw /two');
});

test('requests under way are finished when the proxy is told to end, by every worker', async () => {
  await start(2);
  let held: http.ServerResponse[] = [];
  app.removeAllListeners('request');
  app.on('request', (_, response: http.ServerResponse) => {
    held.push(response);
  });
  const answers = Array.from({ length: 6 }, () => get());
  await until(() => held.length === 6, 'the requests to arrive');
  program.child.kill('SIGTERM');
  await until(() => program.stderr.includes('"draining"'), 'the drain to begin');
  for (const response of held) response.end('late');
  held = [];
  expect(new Set(await Promise.all(answers))).toEqual(new Set(['late']));
  expect(await program.exit()).toBe(0);
  await until(() => pids().every(isGone), 'the workers to end');
  expect(fs.readFileSync(path.join(folder, 'log'), 'utf8').trim().split('\n')).toHaveLength(6);
});

test('workers end when their supervisor is killed', async () => {
  await start(2);
  const before = pids();
  program.child.kill('SIGKILL');
  await program.exit();
  await until(() => before.every(isGone), 'the workers to end');
});
