import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ChildSpec } from './child.ts';
import { Supervisor } from './supervisor.ts';

let folder: string;
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'heddle-supervisor-'));
});
afterAll(() => fs.rmSync(folder, { recursive: true }));

function spec(script: string, more: Partial<ChildSpec> = {}): ChildSpec {
  return {
    name: 'a child',
    command: process.execPath,
    args: ['-e', script],
    cwd: folder,
    env: {},
    logFile: path.join(folder, `${Math.random()}.log`),
    announcesReady: false,
    ...more,
  };
}

const lives = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    // A zombie is dead; it only waits for its parent to notice.
    return !/^State:\s+Z/m.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

async function untilDead(pid: number): Promise<void> {
  while (lives(pid)) await delay(10);
}

test('a child is ready with its ready line, and all it writes is in its log', async () => {
  const supervisor = new Supervisor();
  const child = supervisor.start(
    spec(
      `console.error('to the log'); console.log('noise'); console.log('{"ready":true,"ports":{"api":7}}'); setInterval(() => {}, 1000)`,
      {
        announcesReady: true,
      },
    ),
  );
  expect(await supervisor.untilReady(child)).toEqual({ ready: true, ports: { api: 7 } });
  expect(child.logTail()).toContain('to the log');
  await supervisor.stop(1000);
  expect(child.status).toEqual({ code: null, signal: 'SIGTERM' });
});

test('a child that ends before it is ready is an error that shows the end of its log', async () => {
  const supervisor = new Supervisor();
  const script = `console.error(JSON.stringify({ time: 't', level: 'error', message: 'port taken', port: 1 })); process.exitCode = 3`;
  const child = supervisor.start(spec(script, { announcesReady: true }));
  await expect(supervisor.untilReady(child)).rejects.toThrow(/exit code 3.*\n +error port taken port=1$/s);
  const missing = supervisor.start(spec('', { command: '/no/such/program', announcesReady: true }));
  await expect(supervisor.untilReady(missing)).rejects.toThrow(/cannot start a child .*ENOENT/);
  await supervisor.stop(1000);
});

test('a child that ignores SIGTERM, and what it started itself, die after the grace', async () => {
  const supervisor = new Supervisor();
  const script = `process.on('SIGTERM', () => {});
    const { spawn } = require('node:child_process');
    const own = spawn(process.execPath, ['-e', 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)']);
    console.log(JSON.stringify({ ready: true, own: own.pid })); setInterval(() => {}, 1000)`;
  const child = supervisor.start(spec(script, { announcesReady: true }));
  const { own } = (await supervisor.untilReady(child)) as { own: number };
  expect(lives(own)).toBe(true);
  await supervisor.stop(50);
  expect(child.status?.signal).toBe('SIGKILL');
  await untilDead(own);
});

test('children die also when their supervisor is killed and can do nothing', async () => {
  const supervisor = path.join(import.meta.dirname, 'supervisor.ts');
  const script = `import { Supervisor } from ${JSON.stringify(supervisor)};
    const spec = ${JSON.stringify(spec(`process.stdin.resume(); process.on('SIGHUP', () => {}); setInterval(() => {}, 1000)`))};
    console.log(new Supervisor().start(spec).pid);
    setInterval(() => {}, 1000);`;
  const parent: ChildProcess = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const pid = await new Promise<number>((resolve) => {
    parent.stdout?.once('data', (chunk: Buffer) => resolve(Number(chunk)));
  });
  expect(lives(pid)).toBe(true);
  parent.kill('SIGKILL');
  await untilDead(pid);
});
