import { spawn } from 'node:child_process';
import path from 'node:path';

export const root: string = path.resolve(import.meta.dirname, '../..');

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the real command line with nothing but what a plain shell has, and waits for its end. */
export function runCli(
  args: readonly string[],
  options: { server?: string; input?: string; cwd?: string; env?: Record<string, string> } = {},
): Promise<CliResult> {
  const { promise, resolve, reject } = Promise.withResolvers<CliResult>();
  const child = spawn(process.execPath, [path.join(root, 'bin/heddle.mjs'), ...args], {
    cwd: options.cwd ?? root,
    env: {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      ...(options.server === undefined ? {} : { HEDDLE_SERVER: options.server }),
      ...options.env,
    },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  child.on('error', reject);
  child.on('close', (code) => resolve({ code, stdout, stderr }));
  child.stdin.end(options.input ?? '');
  return promise;
}
