import { type ChildProcess, spawn } from 'node:child_process';

/**
 * Kills our children (a negative number is a process group, as for kill(2)) when we are gone without having done so ourselves (SIGKILL, a crash). A small
 * shell holds the list; the end of its standard input, which the kernel closes for us, is its signal.
 */
export class Reaper {
  readonly #targets = new Set<number>();
  #shell: ChildProcess | undefined;

  add(target: number): void {
    this.#targets.add(target);
    this.#tell();
  }

  remove(target: number): void {
    this.#targets.delete(target);
    if (this.#shell !== undefined) this.#tell();
  }

  /** Lets the shell end; what is still listed is killed by it. */
  close(): void {
    this.#shell?.stdin?.end();
    this.#shell = undefined;
  }

  #tell(): void {
    this.#shell ??= startShell();
    // Numbers alone reach the shell.
    this.#shell.stdin?.write(`${[...this.#targets].join(' ')}\n`);
  }
}

function startShell(): ChildProcess {
  const script = 'targets=; while read -r line; do targets=$line; done; [ -z "$targets" ] || kill -s KILL -- $targets';
  const shell = spawn('/bin/sh', ['-c', script], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  shell.on('error', () => {});
  shell.stdin?.on('error', () => {});
  shell.unref();
  (shell.stdin as unknown as { unref?(): void }).unref?.();
  return shell;
}
