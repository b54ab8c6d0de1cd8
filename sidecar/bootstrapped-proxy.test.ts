import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Program, root, until } from '../test/harness/process.ts';

const hcm = 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
let folder: string;
let app: http.Server;
let appPort: number;
const programs: Program[] = [];

beforeEach(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'heddle-bootstrapped-'));
  app = http.createServer((request, response) => response.end(`app saw ${request.url}`));
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
  appPort = (app.address() as AddressInfo).port;
});

afterEach(async () => {
  for (const program of programs.splice(0)) await program.stop();
  app.closeAllConnections();
  app.close();
  fs.rmSync(folder, { recursive: true, force: true });
});

interface Ready {
  ports: { admin: number; listeners: Record<string, number> };
}

function start(...flags: string[]): Program {
  const args = [path.join(root, 'sidecar/main.ts'), ...flags];
  const program = new Program('sidecar', process.execPath, args, { env: { ...process.env, GREETING: 'hello' } });
  programs.push(program);
  return program;
}

function write(name: string, contents: string): string {
  const file = path.join(folder, name);
  fs.writeFileSync(file, contents);
  return file;
}

async function get(port: number, target = '/'): Promise<string> {
  return await (await fetch(`http://127.0.0.1:${port}${target}`, { headers: { connection: 'close' } })).text();
}

const listener = (name: string, routes: string) => `
- name: ${name}
  address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
  filter_chains:
  - filters:
    - name: hcm
      typed_config:
        "@type": ${hcm}
        stat_prefix: ${name}
        ${routes}
`;

const table = (name: string, action: string) =>
  `{ name: ${name}, virtual_hosts: [{ name: all, domains: ["*"], routes: [{ match: { prefix: / }, ${action} }] }] }`;

const cluster = (name: string, port: number) => `
- name: ${name}
  connect_timeout: 1s
  load_assignment:
    cluster_name: ${name}
    endpoints:
    - lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${port} } } } }]
`;

const indent = (text: string) => text.replaceAll('\n', '\n  ');
const admin = 'admin: { address: { socket_address: { address: 127.0.0.1, port_value: 0 } } }';

test('a proxy of a bootstrap serves, tells its ports, and shows what it runs', async () => {
  const greet = table('t', 'direct_response: { status: 200, body: { environment_variable: GREETING } }');
  const file = write(
    'envoy.yaml',
    `${admin}
static_resources:
  listeners:${indent(listener('front', `route_config: ${table('t', 'route: { cluster: app }')}`))}
  ${indent(listener('greeter', `route_config: ${greet}`)).trim()}
  clusters:${indent(cluster('app', appPort))}
`,
  );
  const program = start('-c', file, '--service-node', 'edge-1', '--drain-time-s', '1', '--disable-hot-restart');
  const { ports } = await program.ready<Ready>();
  expect(await get(ports.listeners.front ?? 0, '/x')).toBe('app saw /x');
  expect(await get(ports.listeners.greeter ?? 0)).toBe('hello');
  expect(await get(ports.admin, '/ready')).toBe('LIVE\n');
  expect(JSON.parse(await get(ports.admin, '/server_info'))).toMatchObject({ node: { id: 'edge-1' } });
  expect(await get(ports.admin, '/clusters')).toContain('app::discovery::static');
  const { configs } = JSON.parse(await get(ports.admin, '/config_dump')) as { configs: Record<string, unknown>[] };
  expect(configs.flatMap(({ static_listeners: listeners }) => listeners ?? [])).toHaveLength(2);
  program.child.kill('SIGTERM');
  expect(await program.exit()).toBe(0);
});

test('--mode validate checks and ends: 0 with "configuration OK", or 64 with every problem', async () => {
  const good = write('good.yaml', `static_resources:\n  clusters:${indent(cluster('app', 1))}`);
  const fine = start('--mode', 'validate', '-c', good);
  expect(await fine.exit()).toBe(0);
  expect(fine.stdout).toBe(`configuration OK: ${good}\n`);
  const bad = write('bad.yaml', 'static_resources: { clusters: [{ name: a, type: MAGIC }, { nmae: b }] }');
  const broken = start('--mode', 'validate', '-c', bad);
  expect(await broken.exit()).toBe(64);
  expect(broken.stderr).toMatch(/bad\.yaml:1:\d+ {2}static_resources\.clusters\[0\]\.type {2}"MAGIC" is none of/);
  expect(broken.stderr).toContain('static_resources.clusters[1].nmae  unknown field');
});

test('nothing is bound of a bootstrap that is wrong', async () => {
  const file = write('bad.yaml', `${admin}\nstatic_resources: { listeners: [{ name: a }] }`);
  const program = start('-c', file);
  expect(await program.exit()).toBe(64);
  expect(program.stdout).toBe('');
});

test('an address in use ends the start with its reason', async () => {
  const file = write(
    'envoy.yaml',
    `admin: { address: { socket_address: { address: 127.0.0.1, port_value: ${appPort} } } }`,
  );
  const program = start('-c', file);
  expect(await program.exit()).toBe(1);
  expect(program.stderr).toContain('EADDRINUSE');
});

test('CF-13: files of listeners, routes, clusters and endpoints are followed, and a broken one changes nothing', async () => {
  const type = (name: string) => `"@type": type.googleapis.com/envoy.config.${name}`;
  const source = (name: string) => `{ path_config_source: { path: ${path.join(folder, name)} } }`;
  const routes = (target: string) =>
    `resources: [{ ${type('route.v3.RouteConfiguration')}, ${table('routes', `route: { cluster: app, prefix_rewrite: ${target} }`).slice(1)}]`;
  const move = (name: string, contents: string) =>
    fs.renameSync(write(`${name}.new`, contents), path.join(folder, name));
  write('rds.yaml', routes('/one'));
  write(
    'eds.yaml',
    `resources: [{ ${type('endpoint.v3.ClusterLoadAssignment')}, cluster_name: app, endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${appPort} } } } }] }] }]`,
  );
  write(
    'cds.yaml',
    `resources: [{ ${type('cluster.v3.Cluster')}, name: app, type: EDS, eds_cluster_config: { eds_config: ${source('eds.yaml')} } }]`,
  );
  const rds = `rds: { route_config_name: routes, config_source: ${source('rds.yaml')} }`;
  write(
    'lds.yaml',
    `resources:${listener('front', rds).replace('- name', `- ${type('listener.v3.Listener')}\n  name`)}`,
  );
  const file = write(
    'envoy.yaml',
    `${admin}\ndynamic_resources: { cds_config: ${source('cds.yaml')}, lds_config: ${source('lds.yaml')} }`,
  );
  const program = start('-c', file);
  const { ports } = await program.ready<Ready>();
  const listeners = async () => JSON.parse(await get(ports.admin, '/listeners?format=json')).listener_statuses ?? [];
  await until(async () => (await listeners()).length === 1, 'the listener to be bound');
  const port = (await listeners())[0].local_address.socket_address.port_value;
  expect(await get(port)).toBe('app saw /one/');

  move('rds.yaml', routes('/two'));
  await until(async () => (await get(port)) === 'app saw /two/', 'the new route');
  move('rds.yaml', 'resources: [{ nonsense: 1 }]');
  await until(() => program.stderr.includes('resource file is not used'), 'the broken file to be told');
  expect(program.stderr).toContain('rds.yaml:1:13  resources[0]  `@type` is missing');
  expect(await get(port)).toBe('app saw /two/');
});
