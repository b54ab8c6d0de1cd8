import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

export const root: string = path.resolve(import.meta.dirname, '../..');

/** A program under test, with its output kept. */
export class Program {
  readonly child: ChildProcess;
  readonly name: string;
  /** Everything written to standard error so far; logs, that is. */
  stderr = '';
  stdout = '';

  /** Starts `command`; standard input stays open, so that `--exit-with-parent` programs die with the test. */
  constructor(
    name: string,
    command: string,
    args: readonly string[],
    options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
  ) {
    this.name = name;
    this.child = spawn(command, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      cwd: options.cwd,
      env: options.env ?? process.env,
    });
    this.child.stdin?.on('error', () => {});
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += String(chunk);
    });
    this.child.stdout?.on('data', (chunk: Buffer) => {
      this.stdout += String(chunk);
    });
  }

  get pid(): number {
    return this.child.pid as number;
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** The first line on standard output, parsed as JSON. */
  async ready<T>(): Promise<T> {
    await until(
      () => this.stdout.includes('\n') || !this.running,
      `${this.name} to be ready`,
      15_000,
      () => this.stderr,
    );
    const line = this.stdout.split('\n')[0] ?? '';
    if (!line.startsWith('{')) throw new Error(`${this.name} ended before it was ready: ${this.stdout}${this.stderr}`);
    return JSON.parse(line) as T;
  }

  async exit(): Promise<number | null> {
    if (this.running) await once(this.child, 'exit');
    return this.child.exitCode;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (!this.running) return;
    const gone = once(this.child, 'exit');
    this.child.kill(signal);
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 10_000);
    await gone;
    clearTimeout(timer);
  }
}

/** Waits until `condition` holds, looking every 20 ms; fails after `patienceMs` with what it waited for. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  patienceMs = 10_000,
  detail: () => string = () => '',
): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${patienceMs} ms in vain for ${what}\n${detail()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
