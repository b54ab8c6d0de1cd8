import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type LoadResult, runGenerator } from './load-result.ts';

export interface H2loadOptions {
  connections: number;
  /** Concurrent streams of a connection. Default 1. */
  streams?: number;
  /** HTTP/1 instead of HTTP/2 with prior knowledge. */
  http1?: boolean;
  /** Requests per second of all connections together, evenly spread; as fast as it goes without. */
  rate?: number;
  headers?: readonly string[];
  /** File that is sent as the body. */
  data?: string;
  path?: string;
}

/** HTTP/2, or HTTP/1 at a given rate, from h2load; latencies are those of each single request. */
export async function h2load(port: number, core: number, seconds: number, options: H2loadOptions): Promise<LoadResult> {
  const { connections, streams = 1, http1 = false, rate, headers = [], data, path: target = '/' } = options;
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'heddle-h2load-'));
  const log = path.join(folder, 'log');
  try {
    const output = await runGenerator(core, 'h2load', [
      ...[`-c${connections}`, `-m${streams}`, '-t1', '-D', String(seconds), '--log-file', log],
      ...(http1 ? ['--h1'] : []),
      ...(rate === undefined ? [] : ['--rps', String(Math.max(1, rate / connections))]),
      ...headers.flatMap((header) => ['-H', header]),
      ...(data === undefined ? [] : ['-d', data]),
      `http://127.0.0.1:${port}${target}`,
    ]);
    const [, succeeded, failed] = /(\d+) succeeded, (\d+) failed/.exec(output) ?? [];
    if (succeeded === undefined) throw new Error(`h2load gave no result: ${output}`);
    const wrong = /(\d+) 4xx, (\d+) 5xx/.exec(output);
    // At the end of the time what is under way is cut off and counted as failed; a status is what counts.
    const errors =
      Number(wrong?.[1] ?? 0) + Number(wrong?.[2] ?? 0) + Math.max(0, Number(failed) - connections * streams);
    return { done: Number(succeeded), errors, seconds, ...percentiles(log) };
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** Each line: start in microseconds since the epoch, status, duration in microseconds. */
function percentiles(log: string): { p50Ms: number; p99Ms: number } {
  const micros = Float64Array.from(
    fs
      .readFileSync(log, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => Number(line.split('\t')[2])),
  ).sort();
  const at = (share: number) => (micros[Math.floor(micros.length * share)] ?? 0) / 1_000;
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
}
