import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** What one run of a load generator saw. */
export interface LoadResult {
  /** Requests, messages, handshakes or MiB, as the scenario counts. */
  done: number;
  errors: number;
  seconds: number;
  /** Where the generator tells. */
  p50Ms?: number;
  p99Ms?: number;
}

/** Runs a load generator on the given core and answers what it printed. */
export async function runGenerator(core: number, command: string, args: readonly string[]): Promise<string> {
  const child = spawn('taskset', ['-c', String(core), command, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let complaints = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += String(chunk);
  });
  child.stderr.on('data', (chunk: Buffer) => {
    complaints = (complaints + String(chunk)).slice(-4_000);
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${command} ended with code ${code}: ${complaints || output.slice(-4_000)}`);
  return output;
}

/** Runs a load generator of ours: it prints the result as one line of JSON. */
export async function runOwnGenerator(core: number, file: string, args: readonly string[]): Promise<LoadResult> {
  return JSON.parse(await runGenerator(core, process.execPath, [file, ...args])) as LoadResult;
}
