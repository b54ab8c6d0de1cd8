import path from 'node:path';
import { type LoadResult, runGenerator } from './load-result.ts';

const script = path.join(import.meta.dirname, 'wrk.lua');
const mebibyte = 1_048_576;

export interface WrkOptions {
  connections: number;
  /** Default `/`. */
  path?: string;
  /** Requests go round through these instead of {@link path}. */
  paths?: readonly string[];
  /** Sends a body of this size with each request. */
  uploadBytes?: number;
  /** Asks for a new connection for each request. */
  close?: boolean;
  /** Counts MiB of bodies of this size instead of requests. */
  bodyBytes?: number;
}

/** HTTP/1 from wrk, as fast as the other side answers. */
export async function wrk(port: number, core: number, seconds: number, options: WrkOptions): Promise<LoadResult> {
  const { connections, path: target = '/', paths = [], uploadBytes = 0, close = false, bodyBytes } = options;
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '--latency', '-s', script];
  const settings = [String(uploadBytes), close ? 'close' : 'keep-alive', ...paths];
  const output = await runGenerator(core, 'wrk', [...args, `http://127.0.0.1:${port}${target}`, '--', ...settings]);
  const match = /RESULT (\S+) (\S+) (\S+) (\S+) (\S+)/.exec(output);
  if (match === null) throw new Error(`wrk gave no result: ${output}`);
  const [requests = 0, errors = 0, duration = 0, p50Ms = 0, p99Ms = 0] = match.slice(1).map(Number);
  const good = Math.max(0, requests - errors);
  const done = bodyBytes === undefined ? good : (good * bodyBytes) / mebibyte;
  return { done, errors, seconds: duration, p50Ms, p99Ms };
}
