import path from 'node:path';
import { Program } from '../harness/process.ts';

/** The application of `app.ts` in a process of its own. */
export class AppProcess {
  readonly program: Program;
  readonly port: number;

  private constructor(program: Program, port: number) {
    this.program = program;
    this.port = port;
  }

  /** It takes `serviceMs` for each answer, and works on `workers` of them at one time; default all. */
  static async start(serviceMs = 0, workers?: number): Promise<AppProcess> {
    const args = [serviceMs, ...(workers === undefined ? [] : [workers])].map(String);
    const program = new Program('app', process.execPath, [path.join(import.meta.dirname, 'app.ts'), ...args]);
    const { port } = await program.ready<{ port: number }>();
    return new AppProcess(program, port);
  }

  /** Requests that it has seen. */
  async count(): Promise<number> {
    const response = await fetch(`http://127.0.0.1:${this.port}/count`);
    return Number(await response.text());
  }

  stop(): Promise<void> {
    return this.program.stop('SIGKILL');
  }
}
