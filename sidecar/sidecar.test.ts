import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseCsr } from '../certs/csr.ts';
import { AdsServer } from '../test/harness/ads-server.ts';
import { TestAuthority } from '../test/harness/authority.ts';
import { Program, root, until } from '../test/harness/process.ts';
import { httpFilter, listener, rdsListener, routes, staticCluster } from '../test/harness/xds-resources.ts';
import { createAdjustableLog } from './bootstrap/adjustable-log.ts';
import { parseFlags } from './bootstrap/parse-flags.ts';
import { typeUrls } from './discovery/type-urls.ts';
import { type RunningSidecar, startSidecar } from './sidecar.ts';

const id = 'spiffe://cluster.local/ns/shop/sa/cart';
let folder: string;
let bundle: string;
let server: AdsServer;
let app: http.Server;
let appPort: number;
const programs: Program[] = [];
const sidecars: RunningSidecar[] = [];

beforeEach(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'heddle-sidecar-'));
  const authority = await TestAuthority.create();
  bundle = path.join(folder, 'roots.pem');
  fs.writeFileSync(bundle, authority.pem);
  const certificate = await authority.issue('spiffe://cluster.local/ns/heddle-system/sa/control-plane');
  server = await AdsServer.start(certificate, authority.pem);
  server.sign = async ({ csrDer }) => {
    const csr = parseCsr(csrDer);
    if (!csr.ok) throw new Error(csr.detail);
    return {
      $type: 'heddle.ca.v1.SignResponse',
      certificateChainDer: [await authority.certify(id, csr.value.publicKey)],
      trustBundleDer: [Buffer.from(authority.root.raw)],
      spiffeId: id,
    };
  };
  app = http.createServer((request, response) => response.end(`app saw ${request.url}`));
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
  appPort = (app.address() as AddressInfo).port;
});

afterEach(async () => {
  for (const program of programs.splice(0)) await program.stop();
  for (const sidecar of sidecars.splice(0)) await sidecar.close();
  server.close();
  app.closeAllConnections();
  app.close();
  fs.rmSync(folder, { recursive: true, force: true });
});

function flags(...more: string[]): string[] {
  return [
    ...['--name', 'cart-1', '--namespace', 'shop', '--service-account', 'cart', '--label', 'app=cart'],
    ...['--control-plane', `127.0.0.1:${server.port}`, '--trust-bundle', bundle, '--join-token', 'token'],
    ...['--admin-port', '0', '--outbound-port', '0', '--port', `${appPort}`, '--otlp', '', ...more],
  ];
}

/** What a control plane sends to a sidecar once it has registered. */
async function configure(): Promise<void> {
  await until(() => server.registered.length > 0, 'the registration');
  const { ports = [] } = server.registered[0]?.workload ?? {};
  await server.subscription(typeUrls.listener);
  const outboundPort = Number(
    server.requests.find(({ node }) => node !== undefined)?.node?.metadata?.OUTBOUND_PORT ?? 0,
  );
  const name = `inbound|${appPort}`;
  const routeConfig = {
    name,
    virtualHosts: [{ name, domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: name } }] }],
  };
  server.send(typeUrls.cluster, [staticCluster(name, appPort), staticCluster('app', appPort)]);
  server.send(typeUrls.listener, [
    listener(name, ports[0]?.inboundPort ?? 0, [{ filters: [httpFilter({ routeConfig })] }]),
    rdsListener('outbound', outboundPort, 'outbound'),
  ]);
  await server.subscription(typeUrls.route);
  server.send(typeUrls.route, [routes('outbound', ['app'])]);
}

test('a sidecar is ready when its listeners are, serves both directions, and leaves in order', async () => {
  const parsed = parseFlags(flags('--drain-seconds', '5'));
  if (parsed.kind !== 'options') throw new Error(JSON.stringify(parsed));
  const lines: string[] = [];
  const log = createAdjustableLog((line) => lines.push(line), 'debug');
  const [sidecar] = await Promise.all([startSidecar(parsed.options, { log }), configure()]);
  sidecars.push(sidecar);
  const { ports } = sidecar;
  expect(sidecar.spiffeId).toBe(id);
  expect(Object.keys(ports.listeners).toSorted()).toEqual([`inbound|${appPort}`, 'outbound']);
  const get = async (port: number, pathname: string) => (await fetch(`http://127.0.0.1:${port}${pathname}`)).text();
  expect(await get(ports.inbound[appPort] as number, '/in')).toBe('app saw /in');
  expect(await get(ports.outbound, '/app/out')).toBe('app saw /app/out');

  expect(await get(ports.admin, '/ready')).toMatch('LIVE');
  expect(JSON.parse(await get(ports.admin, '/server_info'))).toMatchObject({
    state: 'LIVE',
    spiffe_id: id,
    control_plane: { connected: true, stale: false },
  });
  const dump = JSON.parse(await get(ports.admin, '/config_dump')) as { configs: Record<string, unknown>[] };
  const clusters = dump.configs.find((config) => String(config['@type']).endsWith('ClustersConfigDump'));
  expect(clusters?.dynamic_active_clusters).toMatchObject([
    { version_info: '1', cluster: { name: `inbound|${appPort}`, load_assignment: { endpoints: [{}] } } },
    { version_info: '1', cluster: { '@type': typeUrls.cluster, name: 'app' } },
  ]);
  expect(await get(ports.admin, '/certs')).toMatch(id);
  expect(await get(ports.admin, '/clusters')).toMatch('app::');

  await sidecar.drain();
  expect(server.deregistered).toEqual(['cart-1']);
  await expect(fetch(`http://127.0.0.1:${ports.inbound[appPort]}/`)).rejects.toThrow();
  expect(lines.filter((line) => line.includes('"level":"error"'))).toEqual([]);
});

test('the process prints one line when it is ready, survives a flood of signals, and ends with 0', async () => {
  const program = new Program('sidecar', process.execPath, [
    path.join(root, 'sidecar/main.ts'),
    ...flags('--state-dir', path.join(folder, 'state'), '--exit-with-parent', '--drain-seconds', '2'),
  ]);
  programs.push(program);
  const [ready] = await Promise.all([program.ready<{ ports: { admin: number }; spiffeId: string }>(), configure()]);
  expect(ready).toMatchObject({ ready: true, pid: program.pid, spiffeId: id });
  const exit = new Promise((resolve) => program.child.once('exit', (code, signal) => resolve([code, signal])));
  program.child.kill('SIGTERM');
  program.child.kill('SIGINT');
  expect(await exit).toEqual([0, null]);
  expect(server.deregistered).toEqual(['cart-1']);
  expect(program.stdout.trim().split('\n')).toHaveLength(1);
});

test('bad flags end the process with 64 and all problems; a refused token with 1', async () => {
  const run = async (args: string[]) => {
    const program = new Program('sidecar', process.execPath, [path.join(root, 'sidecar/main.ts'), ...args]);
    programs.push(program);
    const code = await new Promise((resolve) => program.child.once('close', resolve));
    return { code, stderr: program.stderr };
  };
  const bad = await run(['--mode', 'x', '--port', 'y']);
  expect(bad.code).toBe(64);
  expect(bad.stderr.split('\n').filter((line) => line.startsWith('sidecar: --'))).toHaveLength(4);
  server.sign = () => Promise.reject(Object.assign(new Error('unknown join token'), { code: 16 }));
  const refused = await run(flags());
  expect(refused).toMatchObject({ code: 1 });
  expect(refused.stderr).toMatch('sidecar: the CA refused the request: unknown join token\n');
});
