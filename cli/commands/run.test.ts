import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { root, runCli } from '../testing/run-cli.ts';

// A real control plane, started as a person would.

let folder: string;
let up: ChildProcess;
let server: string;
beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'heddle-run-'));
  up = spawn(
    process.execPath,
    [path.join(root, 'bin/heddle.mjs'), 'up', '--api-port', '0', '--xds-port', '0', '-o', 'json', '-q'],
    { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const line = await new Promise<string>((resolve) => {
    up.stdout?.once('data', (chunk: Buffer) => resolve(chunk.toString()));
  });
  server = `http://127.0.0.1:${(JSON.parse(line) as { ports: { api: number } }).ports.api}`;
});
afterAll(async () => {
  const ended = new Promise((resolve) => up.once('exit', resolve));
  up.kill('SIGTERM');
  await ended;
  fs.rmSync(folder, { recursive: true });
});

const cli = (...args: string[]) => runCli(args, { server, cwd: folder });
const node = process.execPath;

test('run ends with the exit code of its command, which sees where to go through the mesh', async () => {
  const script = 'console.log(JSON.stringify(process.env)); process.exitCode = 42';
  const result = await cli('run', '--name', 'env-1', '--upstream', 'redis:6379=0', '--', node, '-e', script);
  expect(result.code).toBe(42);
  const env = JSON.parse(result.stdout) as Record<string, string>;
  expect(env.HTTP_PROXY).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(env).toMatchObject({
    http_proxy: env.HTTP_PROXY,
    NODE_USE_ENV_PROXY: '1',
    NO_PROXY: '127.0.0.1,localhost,::1',
  });
  expect(Number(env.HEDDLE_UPSTREAM_REDIS_PORT)).toBeGreaterThan(0);
  expect(env).not.toHaveProperty('HTTPS_PROXY');
  expect(env).not.toHaveProperty('NODE_COMPILE_CACHE');
  expect(result.stderr).toContain('env-1 is spiffe://cluster.local/ns/default/sa/default');
}, 30_000);

test('run passes signals on and says of a signal what a shell says', async () => {
  const child = spawn(
    node,
    [path.join(root, 'bin/heddle.mjs'), 'run', '--server', server, '--', 'sh', '-c', 'echo started; exec sleep 60'],
    { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] },
  );
  await new Promise((resolve) => child.stdout.once('data', resolve));
  child.kill('SIGTERM');
  expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(128 + 15);
}, 30_000);

test('a command that does not exist ends with 127', async () => {
  const result = await cli('run', '--', 'no-such-program');
  expect(result.code).toBe(127);
  expect(result.stderr).toContain('cannot run no-such-program');
}, 30_000);

test('two programs behind `heddle run` reach one another by name and by an explicit port, with a trace of both', async () => {
  const app = http.createServer((request, response) => response.end(`hello ${request.headers.host}`));
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
  const { port } = app.address() as AddressInfo;
  const service = spawn(
    node,
    [
      path.join(root, 'bin/heddle.mjs'),
      'run',
      '--server',
      server,
      '--service',
      'hello',
      '--port',
      `${port}:80`,
      '--drain-seconds',
      '1',
      '--',
      'sh',
      '-c',
      'echo started; exec sleep 60',
    ],
    { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await new Promise((resolve) => service.stdout.once('data', resolve));
  const script = `const http = require('node:http');
    const get = (url) => new Promise((resolve) => http.get(url, (response) => {
      let text = response.statusCode + ' '; response.on('data', (data) => text += data); response.on('end', () => resolve(text)); }));
    (async () => { console.log(await get('http://hello/')); console.log(await get('http://127.0.0.1:' + process.env.HEDDLE_UPSTREAM_HELLO_PORT)); })()`;
  const result = await cli('run', '--service-account', 'caller', '--upstream', 'hello:80=0', '--', node, '-e', script);
  expect(result.stdout.split('\n').map((line) => line.split(':')[0])).toEqual([
    '200 hello hello',
    '200 hello 127.0.0.1',
    '',
  ]);
  const ended = new Promise((resolve) => service.once('exit', resolve));
  service.kill('SIGTERM');
  await ended;
  app.close();
  app.closeAllConnections();
  const list = await cli('trace', 'ls', '--service', 'hello', '-o', 'name');
  const shown = await cli('trace', 'show', list.stdout.split('\n')[0] ?? '');
  expect(shown.stdout).toMatch(/client +200 .* default\/hello/);
  expect(shown.stdout).toMatch(/└ hello +server +200 .* default\/caller/);
}, 60_000);
