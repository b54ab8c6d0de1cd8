import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

/** What one run of the load generator saw. */
export interface LoadResult {
  requests: number;
  errors: number;
  seconds: number;
  p50Ms: number;
  p99Ms: number;
}

const script = path.join(import.meta.dirname, 'wrk-result.lua');

/** Loads `url` with wrk on the given core: bounded in connections and time. */
export async function load(core: number, url: string, connections: number, seconds: number): Promise<LoadResult> {
  const child = spawn(
    'taskset',
    ['-c', String(core), 'wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '--latency', '-s', script, url],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += String(chunk);
  });
  await once(child, 'close');
  const match = /RESULT (\S+) (\S+) (\S+) (\S+) (\S+)/.exec(output);
  if (match === null) throw new Error(`wrk gave no result: ${output}`);
  const [requests, errors, duration, p50Ms, p99Ms] = match.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
  ];
  return { requests, errors, seconds: duration, p50Ms, p99Ms };
}
