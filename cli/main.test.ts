import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ProxyList, TokenResponse } from '../proto/api/v1.ts';
import { ApiServer } from './testing/api-server.ts';
import { root, runCli } from './testing/run-cli.ts';

let api: ApiServer;
let folder: string;
beforeAll(async () => {
  api = await ApiServer.start();
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'heddle-main-'));
});
afterAll(async () => {
  await api.close();
  fs.rmSync(folder, { recursive: true });
});

test('every command has a help with examples, and help is no error', async () => {
  const names = ['up', 'dev', 'run', 'gateway', 'apply', 'get', 'describe', 'delete', 'diff', 'proxy-status'];
  const more = ['proxy-config', 'trace ls', 'trace show', 'token create', 'completion', 'version', 'demo'];
  const programs = ['inject', 'sidecar', 'interception'];
  const results = await Promise.all(
    [...names, ...more, ...programs].map((name) => runCli([...name.split(' '), '--help'])),
  );
  for (const result of results) {
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(result.stdout).toContain('\nExamples:\n  ');
  }
  expect((await runCli(['--help'])).stdout).toContain('Exit codes: 0 done; 1 ');
});

test('wrong usage ends with 64 and says what is wrong', async () => {
  for (const [args, words] of [
    [['frobnicate'], "unknown command 'frobnicate'"],
    [['get'], "missing required argument 'kind'"],
    [['get', 'services', '--frob'], "unknown option '--frob'"],
    [['get', 'services', '-o', 'xml'], "argument 'xml' is invalid"],
    [['get', 'services', '--server', 'ftp://x'], '--server ftp://x is no URL'],
    [['get', 'services', '-l', 'a~b'], 'cannot read a~b'],
    [['up', '--api-port', '0', '--xds-port', '0', '--log-level', 'loud'], '--log-level "loud" must be one of'],
    [['demo', '--port', '99999'], 'must be a whole number from 0 to 65535'],
    [['apply', '-f', 'http://example.com/x.yaml'], 'only files are read'],
  ] as const) {
    const result = await runCli(args, { server: api.url, cwd: folder });
    expect([args, result.code, result.stdout]).toEqual([args, 64, '']);
    expect(result.stderr).toContain(words);
  }
});

test('without a control plane the message says how to start one, and the code is 2', async () => {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const result = await runCli(['proxy-status', '--server', `http://127.0.0.1:${port}`]);
  expect(result).toEqual({
    code: 2,
    stdout: '',
    stderr: `heddle: no control plane at http://127.0.0.1:${port}; start one with \`heddle up\`\n`,
  });
});

test('CF-16: arguments reach no shell, whatever is in them', async () => {
  const result = await runCli(['get', 'services', '$(touch pwned);`id`\n'], { server: api.url });
  expect(result.code).toBe(1);
  expect(api.calls.at(-1)?.url).toBe(
    `/api/v1/resources/services/default/${encodeURIComponent('$(touch pwned);`id`\n')}`,
  );
});

test('CF-16: a reader that closes early ends the command quietly', async () => {
  const proxy = {
    id: `p${'x'.repeat(2000)}`,
    mode: 'sidecar',
    namespace: 'shop',
    workload: '',
    spiffeId: '',
    version: '',
  };
  const item = { ...proxy, address: '', connectedAt: '', connected: true, types: {} };
  api.answer<ProxyList>('GET /api/v1/proxies', { items: Array.from({ length: 500 }, () => item) });
  const child = spawn(process.execPath, [path.join(root, 'bin/heddle.mjs'), 'proxy-status', '--server', api.url]);
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  child.stdout.once('data', () => child.stdout.destroy());
  const code = await new Promise((resolve) => child.once('close', resolve));
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

test('token prints the token alone on standard output and warns on standard error', async () => {
  api.answer<TokenResponse>('POST /api/v1/tokens', {
    token: 'secret-token',
    expiresAt: '2030-01-01T00:00:00Z',
    trustBundle: 'PEM',
    xdsAddress: '127.0.0.1:15012',
  });
  const result = await runCli(['token', 'create', '-n', 'shop', '--service-account', 'cart', '--ttl', '60'], {
    server: api.url,
  });
  expect(result.stdout).toBe('secret-token\n');
  expect(result.stderr).toContain('is a secret');
  expect(api.calls.at(-1)?.body).toEqual({ namespace: 'shop', serviceAccount: 'cart', ttlSeconds: 60 });
});
