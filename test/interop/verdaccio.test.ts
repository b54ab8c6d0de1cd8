import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../../bench/processes.ts';
import { get } from '../harness/app.ts';
import { type ProxyProcess, TestMesh } from '../harness/mesh.ts';
import { type Program, root, until } from '../harness/process.ts';

// A registry that nobody here wrote, run by `heddle run` and reached through the gateway by the real npm.

let mesh: TestMesh;
let registry: Program;
let edge: ProxyProcess;
let port: number;
let work: string;

const installed = (() => {
  const folder = path.join(root, 'node_modules/.cache/heddle-interop/verdaccio');
  fs.mkdirSync(folder, { recursive: true });
  const main = path.join(folder, 'node_modules/verdaccio/bin/verdaccio');
  if (!fs.existsSync(main)) {
    // One of its dependencies asks for a dist-tag that not every mirror of the registry keeps.
    const manifest = { private: true, dependencies: { verdaccio: '6' }, overrides: { 'node-fetch': '2.7.0' } };
    fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify(manifest));
    spawnSync('npm', ['install', '--no-audit', '--no-fund'], { cwd: folder, encoding: 'utf8', timeout: 120_000 });
  }
  return fs.existsSync(main) ? main : undefined;
})();

beforeAll(async () => {
  if (installed === undefined) return;
  mesh = await TestMesh.start();
  work = path.join(mesh.folder, 'work');
  fs.mkdirSync(work);
  const config = path.join(work, 'verdaccio.yaml');
  fs.writeFileSync(
    config,
    `storage: ${work}/storage
auth: {htpasswd: {file: ${work}/htpasswd}}
packages: {'**': {access: $all, publish: $all}}
log: {type: stdout, format: json, level: warn}
`,
  );
  const appPort = await freePort();
  registry = mesh.program('verdaccio', process.execPath, [
    path.join(root, 'bin/heddle.mjs'),
    ...['run', '--server', mesh.api, '--service', 'registry', '--port', String(appPort), '--'],
    ...[process.execPath, installed, '-c', config, '-l', `127.0.0.1:${appPort}`],
  ]);
  port = await freePort();
  await mesh.apply(`
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge}
spec: {gatewayClassName: heddle, listeners: [{name: http, port: ${port}, protocol: HTTP}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: registry}
spec: {parentRefs: [{kind: Gateway, name: edge}], rules: [{backendRefs: [{name: registry, port: ${appPort}}]}]}
`);
  edge = await mesh.gateway('edge');
  await until(
    async () => (await get(`http://127.0.0.1:${port}/-/ping`)).status === 200,
    'the registry behind the gateway',
    60_000,
    () => registry.stderr + edge.program.stderr,
  );
}, 200_000);

afterAll(async () => {
  await mesh?.close();
});

function npm(folder: string, ...args: string[]) {
  const result = spawnSync('npm', [...args, '--no-audit', '--no-fund'], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { status: result.status, output: result.stdout + result.stderr };
}

test.skipIf(installed === undefined)(
  'npm publish and npm install work through gateway and sidecar, with traces',
  { timeout: 150_000 },
  async () => {
    const npmrc = `registry=http://127.0.0.1:${port}/\n//127.0.0.1:${port}/:_authToken=none\n`;
    const [library, user] = ['library', 'user'].map((name) => path.join(work, name)) as [string, string];
    for (const folder of [library, user]) {
      fs.mkdirSync(folder);
      fs.writeFileSync(path.join(folder, '.npmrc'), npmrc);
    }
    fs.writeFileSync(
      path.join(library, 'package.json'),
      JSON.stringify({ name: 'heddle-test-library', version: '1.0.0', main: 'index.js' }),
    );
    // Large enough to be sent in many pieces.
    fs.writeFileSync(
      path.join(library, 'index.js'),
      `module.exports = 42;\n${'// padding that does not repeat '.repeat(1)}\n`,
    );
    fs.writeFileSync(
      path.join(library, 'data.bin'),
      Buffer.from(Array.from({ length: 1_500_000 }, (_, i) => (i * 2654435761) >>> 24)),
    );
    fs.writeFileSync(
      path.join(user, 'package.json'),
      JSON.stringify({ name: 'heddle-test-user', version: '1.0.0', private: true }),
    );

    const published = npm(library, 'publish');
    expect(published.status, published.output).toBe(0);
    const installedIt = npm(user, 'install', 'heddle-test-library', '--cache', path.join(work, 'cache'));
    expect(installedIt.status, installedIt.output).toBe(0);
    const copy = path.join(user, 'node_modules/heddle-test-library/data.bin');
    expect(fs.readFileSync(copy).equals(fs.readFileSync(path.join(library, 'data.bin')))).toBe(true);

    await until(
      async () =>
        (await mesh.traces()).some(({ name, spans, errors }) => name.startsWith('PUT') && spans >= 3 && errors === 0),
      'the trace of the publication',
      10_000,
    );
  },
);
