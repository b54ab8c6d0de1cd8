import type { ChildProcess } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { start, stop } from '../processes.ts';
import { startNginxUpstream } from './nginx-upstream.ts';

/** What answers behind the proxies, started when a scenario first asks for it. */
export class Upstreams {
  readonly #folder: string;
  readonly #core: number;
  readonly #processes: ChildProcess[] = [];
  #nginx: ReturnType<typeof startNginxUpstream> | undefined;
  #grpcStream: Promise<number> | undefined;
  #websocket: Promise<number> | undefined;

  constructor(folder: string, core: number) {
    this.#folder = folder;
    this.#core = core;
  }

  async http(): Promise<number> {
    return (await this.#startNginx()).http;
  }

  async grpcUnary(): Promise<number> {
    return (await this.#startNginx()).grpc;
  }

  grpcStream(): Promise<number> {
    this.#grpcStream ??= this.#startOwn('grpc-echo.ts');
    return this.#grpcStream;
  }

  websocket(): Promise<number> {
    this.#websocket ??= this.#startOwn('websocket-echo.ts');
    return this.#websocket;
  }

  async close(): Promise<void> {
    for (const process of this.#processes) await stop(process);
  }

  async #startNginx(): ReturnType<typeof startNginxUpstream> {
    this.#nginx ??= startNginxUpstream(this.#folder, this.#core).then((nginx) => {
      this.#processes.push(nginx.process);
      return nginx;
    });
    return this.#nginx;
  }

  async #startOwn(file: string): Promise<number> {
    const child = start(this.#core, process.execPath, [path.join(import.meta.dirname, file)]);
    this.#processes.push(child);
    if (child.stdout === null) throw new Error(`${file} has no output`);
    for await (const line of createInterface({ input: child.stdout })) return Number(line);
    throw new Error(`${file} ended before it was ready`);
  }
}
