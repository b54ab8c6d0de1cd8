import fs from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { Info, ResourceList } from '../proto/api/v1.ts';
import { Program } from '../test/harness/process.ts';
import { makeTestDirectory, testService } from './store/test-state.ts';

interface Ready {
  ready: true;
  pid: number;
  ports: { api: number; xds: number; webhook: number };
  trustDomain: string;
  trustBundle: string;
}

const programs: Program[] = [];
const directories: string[] = [];
afterEach(async () => {
  await Promise.all(programs.splice(0).map((program) => program.stop('SIGKILL')));
  for (const directory of directories.splice(0)) fs.rmSync(directory, { recursive: true, force: true });
});

function directory(): string {
  const made = makeTestDirectory();
  directories.push(made);
  return made;
}

function run(...flags: string[]): Program {
  const program = new Program('control plane', process.execPath, [path.join(import.meta.dirname, 'main.ts'), ...flags]);
  programs.push(program);
  return program;
}

const anyPort = ['--api-port', '0', '--xds-port', '0'];

async function apply(port: number, ...names: string[]): Promise<number> {
  const text = names.map((name) => JSON.stringify(testService(name))).join('\n---\n');
  const response = await fetch(`http://127.0.0.1:${port}/api/v1/apply`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-heddle-client': 'test' },
    body: JSON.stringify({ files: [{ name: 'a.yaml', text }] }),
  });
  await response.arrayBuffer();
  return response.status;
}

async function services(port: number): Promise<string[]> {
  const response = await fetch(`http://127.0.0.1:${port}/api/v1/resources/services`);
  return ((await response.json()) as ResourceList).items.map((item) => item.metadata.name);
}

test('one line on standard output says where it is; SIGTERM ends it with 0', async () => {
  const stateDir = path.join(directory(), 'state');
  const program = run('--state-dir', stateDir, ...anyPort, '--trust-domain', 'example.org');
  const { ports, pid, trustDomain, trustBundle } = await program.ready<Ready>();
  expect([pid, trustDomain, ports.webhook]).toEqual([program.pid, 'example.org', 0]);
  expect(fs.readFileSync(trustBundle, 'utf8')).toContain('BEGIN CERTIFICATE');
  const info = (await (await fetch(`http://127.0.0.1:${ports.api}/api/v1/info`)).json()) as Info;
  expect(info.ports).toEqual(ports);
  expect((await fetch(`http://127.0.0.1:${ports.api}/readyz`)).status).toBe(200);

  program.child.kill('SIGTERM');
  expect(await program.exit()).toBe(0);
  expect(program.stdout.split('\n')).toHaveLength(2);
  for (const line of program.stderr.trim().split('\n')) expect(() => JSON.parse(line)).not.toThrow();
  await expect(fetch(`http://127.0.0.1:${ports.api}/healthz`)).rejects.toThrow();
});

test('killed, it comes back with every acknowledged object and the same roots, and folders are followed', async () => {
  const [stateDir, configDir] = [directory(), directory()];
  fs.writeFileSync(path.join(configDir, 'a.yaml'), JSON.stringify(testService('from-file')));
  const first = run('--state-dir', stateDir, '--config-dir', configDir, ...anyPort);
  const before = await first.ready<Ready>();
  expect(await apply(before.ports.api, 'cart', 'web')).toBe(200);
  const roots = fs.readFileSync(before.trustBundle, 'utf8');
  await first.stop('SIGKILL');

  const after = await run('--state-dir', stateDir, '--config-dir', configDir, ...anyPort).ready<Ready>();
  expect(await services(after.ports.api)).toEqual(['cart', 'from-file', 'web']);
  expect(fs.readFileSync(after.trustBundle, 'utf8')).toBe(roots);
  expect(await apply(after.ports.api, 'from-file')).toBe(409);
});

test('CF-16: wrong flags end it with 64 before anything is written or bound', async () => {
  const stateDir = path.join(directory(), 'state');
  const program = run('--state-dir', stateDir, '--api-port', '99999', '--nonsense');
  expect(await program.exit()).toBe(64);
  expect(program.stderr).toContain('--api-port "99999" is not a port');
  expect(program.stderr).toContain('unknown flag --nonsense');
  expect([program.stdout, fs.existsSync(stateDir)]).toEqual(['', false]);
});

test('a port that is taken, or a state that is in use, ends it with 1 and the reason', async () => {
  const taken = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  const { port } = taken.address() as net.AddressInfo;
  const stateDir = directory();
  const blocked = run('--state-dir', stateDir, '--api-port', String(port), '--xds-port', '0');
  expect(await blocked.exit()).toBe(1);
  expect(blocked.stderr).toContain('EADDRINUSE');
  taken.close();

  await run('--state-dir', stateDir, ...anyPort).ready<Ready>();
  const second = run('--state-dir', stateDir, ...anyPort);
  expect(await second.exit()).toBe(1);
  expect(second.stderr).toContain('another control plane uses this state directory');
});

test('the injection webhook proves itself with a certificate of the mesh', async () => {
  const { ports, trustBundle } = await run(
    '--state-dir',
    directory(),
    ...anyPort,
    '--webhook-port',
    '0',
  ).ready<Ready>();
  const request = {
    uid: '1',
    kind: { group: '', version: 'v1', kind: 'Pod' },
    namespace: 'kube-system',
    operation: 'CREATE',
    object: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { containers: [] } },
  };
  const review = JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request });
  const text = await new Promise<string>((resolve, reject) => {
    const call = https.request(
      {
        host: '127.0.0.1',
        port: ports.webhook,
        path: '/inject',
        method: 'POST',
        ca: fs.readFileSync(trustBundle),
        servername: 'heddle-control-plane.heddle-system.svc',
        headers: { 'content-type': 'application/json' },
      },
      (response) => {
        let body = '';
        response.on('data', (chunk: Buffer) => {
          body += chunk.toString();
        });
        response.on('end', () => resolve(body));
      },
    );
    call.on('error', reject).end(review);
  });
  expect(JSON.parse(text)).toMatchObject({ kind: 'AdmissionReview', response: { uid: '1', allowed: true } });
});

test('with --exit-with-parent it ends when its standard input does', async () => {
  const program = run('--state-dir', directory(), ...anyPort, '--exit-with-parent');
  await program.ready<Ready>();
  program.child.stdin?.end();
  expect(await program.exit()).toBe(0);
});
