import fs from 'node:fs';
import path from 'node:path';
import { Program, root } from '../harness/process.ts';

interface Ready {
  pid: number;
  ports: { admin: number; listeners: Record<string, number> };
}

/** A proxy process started from an Envoy bootstrap, watched from outside. */
export class ProxyUnderTest {
  readonly program: Program;
  readonly ready: Ready;
  /** Resident memory when it had just started, in bytes. */
  readonly baselineBytes: number;
  #peakBytes = 0;
  readonly #sampler: NodeJS.Timeout;

  private constructor(program: Program, ready: Ready) {
    this.program = program;
    this.ready = ready;
    this.baselineBytes = rssBytes(program.pid);
    this.#sampler = setInterval(() => this.sample(), 50);
  }

  /** Starts `sidecar -c` with this bootstrap; `prefix` is put before the command, for example `prlimit --nofile=256`. */
  static async start(
    folder: string,
    bootstrap: object,
    options: { prefix?: readonly string[]; flags?: readonly string[]; env?: NodeJS.ProcessEnv } = {},
  ): Promise<ProxyUnderTest> {
    const file = path.join(folder, `envoy-${process.hrtime.bigint()}.json`);
    fs.writeFileSync(file, JSON.stringify(bootstrap));
    const [command, ...args] = [
      ...(options.prefix ?? []),
      process.execPath,
      path.join(root, 'sidecar/main.ts'),
      '-c',
      file,
      '--exit-with-parent',
      ...(options.flags ?? []),
    ];
    const program = new Program('proxy', command as string, args, {
      ...(options.env === undefined ? {} : { env: { ...process.env, ...options.env } }),
    });
    try {
      return new ProxyUnderTest(program, await program.ready<Ready>());
    } catch (error) {
      await program.stop('SIGKILL');
      throw error;
    }
  }

  port(listener: string): number {
    const port = this.ready.ports.listeners[listener];
    if (port === undefined) throw new Error(`no listener ${listener} in ${JSON.stringify(this.ready.ports.listeners)}`);
    return port;
  }

  get pid(): number {
    return this.ready.pid;
  }

  /** The most memory seen since the start, or since {@link resetPeak}, in bytes. */
  get peakBytes(): number {
    this.sample();
    return this.#peakBytes;
  }

  resetPeak(): void {
    this.#peakBytes = 0;
  }

  get rssBytes(): number {
    return rssBytes(this.pid);
  }

  get fileDescriptors(): number {
    return fs.readdirSync(`/proc/${this.pid}/fd`).length;
  }

  sample(): void {
    if (this.program.running) this.#peakBytes = Math.max(this.#peakBytes, rssBytes(this.pid));
  }

  /** A page of the admin port. */
  async admin(pathname: string): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${this.ready.ports.admin}${pathname}`);
    return response.text();
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    clearInterval(this.#sampler);
    await this.program.stop(signal);
  }
}

function rssBytes(pid: number): number {
  try {
    return Number(fs.readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4096;
  } catch {
    return 0;
  }
}
