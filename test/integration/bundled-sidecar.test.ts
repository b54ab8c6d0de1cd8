import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../../bench/processes.ts';
import { get, startApp } from '../harness/app.ts';
import { TestMesh } from '../harness/mesh.ts';
import { root } from '../harness/process.ts';

let folder: string;
let program: string;

beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'heddle-bundle-'));
  program = path.join(folder, 'main.mjs');
  execFileSync(process.execPath, [path.join(root, 'scripts', 'bundle-sidecar.ts'), folder]);
}, 60_000);

afterAll(() => fs.rmSync(folder, { recursive: true }));

test('the bundled proxy joins a mesh, serves, shows its configuration and metrics, and sends spans', async () => {
  const app = await startApp((_, response) => response.end('from the app'));
  const mesh = await TestMesh.start({ sidecarProgram: program });
  try {
    await mesh.sidecar('app', { service: 'app', port: app.port });
    const web = await mesh.sidecar('web', { upstreams: ['app:80'] });
    const reply = await get(`http://127.0.0.1:${mesh.upstream(web, 'app:80')}/hello`);
    expect([reply.status, reply.body]).toEqual([200, 'from the app']);
    const admin = async (name: string) => (await get(`http://127.0.0.1:${web.ready.ports.admin}${name}`)).body;
    expect(JSON.parse(await admin('/config_dump'))).toHaveProperty('configs');
    expect(await admin('/stats/prometheus')).toContain('heddle_requests_total');
    await expect.poll(async () => (await mesh.traces()).length, { timeout: 10_000 }).toBeGreaterThan(0);
  } finally {
    await mesh.close();
    await app.close();
  }
}, 60_000);

test('a bundled gateway carries its traffic in workers', async () => {
  const app = await startApp((_, response) => response.end('from the app'));
  const mesh = await TestMesh.start({ sidecarProgram: program });
  try {
    const port = await freePort();
    await mesh.sidecar('app', { service: 'app', port: app.port });
    await mesh.apply(`
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge}
spec: {gatewayClassName: heddle, listeners: [{name: http, port: ${port}, protocol: HTTP}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: app}
spec: {parentRefs: [{kind: Gateway, name: edge}], rules: [{backendRefs: [{name: app, port: 80}]}]}
`);
    const gateway = await mesh.gateway('edge', ['--concurrency', '2']);
    const reply = await get(`http://127.0.0.1:${port}/`);
    expect([reply.status, reply.body]).toEqual([200, 'from the app']);
    expect(gateway.program.stderr).not.toContain('worker crashes');
  } finally {
    await mesh.close();
    await app.close();
  }
}, 60_000);

test('the bundle is of ASCII, which V8 keeps in half the memory, and says what it was made of', () => {
  const files = fs.readdirSync(folder).filter((name) => name.endsWith('.mjs'));
  for (const name of files) expect(fs.readFileSync(path.join(folder, name), 'latin1')).not.toMatch(/[\u0080-\u00ff]/);
  const made = JSON.parse(fs.readFileSync(path.join(folder, 'sources.json'), 'utf8')) as { file: string }[];
  const names = made.map(({ file }) => file);
  expect(names).toEqual(
    expect.arrayContaining(['sidecar/main.ts', 'sidecar/workers/main.ts', 'sidecar/proxy.ts', 'package-lock.json']),
  );
});
