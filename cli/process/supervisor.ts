import { CliError } from '../cli-error.ts';
import { Child, type ChildSpec, type ExitStatus, type ReadyLine } from './child.ts';
import { Reaper } from './reaper.ts';

const readyTimeoutMs = 30_000;

/**
 * Owns child processes and promises their death: `stop` ends them all, the end of our process kills what is left, and
 * a {@link Reaper} does so when we are killed ourselves.
 */
export class Supervisor {
  readonly #children = new Set<Child>();
  readonly #reaper = new Reaper();
  readonly #onProcessExit = () => this.killAll();
  #stopping = false;

  constructor() {
    process.on('exit', this.#onProcessExit);
  }

  /** Whether {@link stop} was called: the end of a child is no news then. */
  get stopping(): boolean {
    return this.#stopping;
  }

  start(spec: ChildSpec): Child {
    const child = new Child(spec);
    const { pid } = child;
    this.#children.add(child);
    if (pid !== undefined) this.#reaper.add(-pid);
    const forget = () => {
      // What the child started itself and left behind.
      child.kill('SIGKILL');
      this.#children.delete(child);
      if (pid !== undefined) this.#reaper.remove(-pid);
    };
    child.exited.then(forget, forget);
    return child;
  }

  /** @throws CliError with the end of the log when the child ends, or says nothing for 30 s, before it is ready. */
  async untilReady(child: Child): Promise<ReadyLine> {
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), readyTimeoutMs);
    });
    const ready = await Promise.race([child.ready, tooLate]);
    clearTimeout(timer);
    if (ready !== undefined) return ready;
    throw new CliError(explainNotReady(child));
  }

  /** Ends children: SIGTERM, then SIGKILL after `graceMs`. */
  async end(children: Iterable<Child>, graceMs: number): Promise<void> {
    const living = [...children].filter((child) => child.status === undefined);
    for (const child of living) {
      child.kill('SIGTERM');
      child.closeInput();
    }
    const timer = setTimeout(() => {
      for (const child of living) child.kill('SIGKILL');
    }, graceMs);
    await Promise.all(living.map((child) => child.exited));
    clearTimeout(timer);
  }

  /** Ends every child, those of `last` after the others. */
  async stop(graceMs: number, last: readonly Child[] = []): Promise<void> {
    this.#stopping = true;
    await this.end(
      [...this.#children].filter((child) => !last.includes(child)),
      graceMs,
    );
    await this.end(this.#children, graceMs);
    this.#reaper.close();
    process.off('exit', this.#onProcessExit);
  }

  /** Kills every child at once. */
  killAll(): void {
    this.#stopping = true;
    for (const child of this.#children) child.kill('SIGKILL');
  }
}

function explainNotReady(child: Child): string {
  const { name, logFile, command } = child.spec;
  const status = child.status;
  if (status?.error !== undefined) return `cannot start ${name} (${command}): ${status.error}`;
  const what =
    status === undefined
      ? `was not ready within ${readyTimeoutMs / 1000} s`
      : `ended before it was ready (${describeExit(status)})`;
  const tail = child.logTail().map((line) => `    ${readableLogLine(line)}\n`);
  return `${name} ${what}; the end of ${logFile}:\n${tail.join('')}`.trimEnd();
}

export function describeExit(status: ExitStatus): string {
  if (status.error !== undefined) return status.error;
  return status.signal === null ? `exit code ${status.code}` : status.signal;
}

/** A JSON log line as `level message key=value`, any other line as it is. */
export function readableLogLine(line: string): string {
  if (!line.startsWith('{')) return line;
  try {
    const { time: _time, level, message, ...rest } = JSON.parse(line) as Record<string, unknown>;
    const fields = Object.entries(rest).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
    return [level, message, ...fields].join(' ');
  } catch {
    return line;
  }
}
