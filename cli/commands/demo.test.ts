import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { root, runCli } from '../testing/run-cli.ts';

let folder: string;
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'heddle-demo-test-'));
});
afterAll(() => fs.rmSync(folder, { recursive: true }));

/** Living processes whose command line, folder or environment names `text`. */
function processesOf(text: string): string[] {
  return fs.readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return false;
    try {
      const where = ['cmdline', 'environ'].map((file) => fs.readFileSync(`/proc/${pid}/${file}`, 'utf8'));
      return where.some((content) => content.includes(text));
    } catch {
      return false;
    }
  });
}

test('demo --smoke: the page is composed of four services, its trace has every hop, and nothing is left', async () => {
  const marker = `smoke-${process.pid}`;
  const result = await runCli(['demo', '--smoke', '--port', '0', '--api-port', '0'], { env: { MARKER: marker } });
  expect([result.code, result.stderr.replace('starting the shop ...\n', '')]).toEqual([0, '']);
  expect(result.stdout).toMatch(/^OK: the page of four services, and a trace of \d+ spans in 6 services\n$/);
  expect(processesOf(marker)).toEqual([]);
}, 60_000);

test.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)(
  '%s ends a demo and every process of it',
  async (signal) => {
    const marker = `${signal}-${process.pid}`;
    const stateDir = path.join(folder, signal);
    const demo = spawn(
      process.execPath,
      [path.join(root, 'bin/heddle.mjs'), 'demo', '--port', '0', '--api-port', '0', '--state-dir', stateDir],
      { env: { PATH: '/usr/bin:/bin', MARKER: marker }, cwd: root, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let stdout = '';
    demo.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    const ended = new Promise((resolve) => demo.once('exit', resolve));
    while (!stdout.includes('Ctrl-C ends everything') && demo.exitCode === null) await delay(20);
    // Ourselves, control plane, gateway, six programs with a sidecar each, and the reaper.
    expect(processesOf(marker).length).toBeGreaterThanOrEqual(15);
    const [, port] = /Shop +http:\/\/localhost:(\d+)\//.exec(stdout) ?? [];
    const page = await fetch(`http://127.0.0.1:${port}/`, { headers: { accept: 'text/html' } });
    expect(await page.text()).toContain('Merino yarn');
    expect(stdout).toMatch(/npx heddle trace ls --server http:\/\/127\.0\.0\.1:\d+\n/);
    demo.kill(signal);
    await ended;
    if (signal === 'SIGKILL') while (processesOf(marker).length > 0) await delay(20);
    expect(processesOf(marker)).toEqual([]);
  },
  60_000,
);

test('a taken port is named with the flag that changes it, before anything is started', async () => {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const port = String((server.address() as net.AddressInfo).port);
  for (const flag of ['--port', '--api-port']) {
    const other = flag === '--port' ? '--api-port' : '--port';
    const result = await runCli(['demo', flag, port, other, '0']);
    expect(result).toEqual({
      code: 64,
      stdout: '',
      stderr: `heddle: port ${port} is taken; end who uses it, or choose another with ${flag}\n`,
    });
  }
  server.close();
});
