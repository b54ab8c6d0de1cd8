import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { makeFolder } from './make-folder.ts';

export interface ChildSpec {
  /** What people call it: `sidecar cart`. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Everything it writes goes here; the folder is made. */
  readonly logFile: string;
  /** Called for each line it writes, besides the log. */
  readonly onLine?: ((line: string) => void) | undefined;
  /** Whether the first line of its standard output is JSON with `ready: true`. */
  readonly announcesReady: boolean;
}

/** How a process ended. */
export interface ExitStatus {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Set when it could not be started at all. */
  readonly error?: string;
}

/** The line a process of ours prints when it is ready; see the process contracts in docs. */
export type ReadyLine = Readonly<Record<string, unknown>>;

/**
 * A child in a process group of its own, so that Ctrl-C in a terminal reaches us alone and we end the child's whole
 * tree in the order we want. Its standard input is a pipe that closes when we are gone (`--exit-with-parent`).
 */
export class Child {
  readonly spec: ChildSpec;
  readonly exited: Promise<ExitStatus>;
  /** Resolves with the ready line, or with undefined when the process ended before it. */
  readonly ready: Promise<ReadyLine | undefined>;
  readonly #process: ChildProcess;
  readonly #logStart: number;
  #status: ExitStatus | undefined;

  constructor(spec: ChildSpec) {
    this.spec = spec;
    makeFolder(path.dirname(spec.logFile));
    const log = fs.openSync(spec.logFile, 'a', 0o600);
    this.#logStart = fs.fstatSync(log).size;
    const watched = spec.onLine !== undefined;
    this.#process = spawn(spec.command, spec.args, {
      cwd: spec.cwd,
      env: spec.env,
      detached: true,
      stdio: ['pipe', watched || spec.announcesReady ? 'pipe' : log, watched ? 'pipe' : log],
    });
    this.#process.stdin?.on('error', () => {});
    this.exited = new Promise((resolve) => {
      const end = (status: ExitStatus) => {
        this.#status ??= status;
        resolve(this.#status);
      };
      this.#process.once('error', (error) => end({ code: null, signal: null, error: error.message }));
      this.#process.once('exit', (code, signal) => end({ code, signal }));
    });
    this.ready = this.#read(log);
    // The child has its own copy of the descriptor.
    if (!watched && !spec.announcesReady) fs.closeSync(log);
  }

  /** Undefined when the process could not be started. */
  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** How it ended, or undefined while it runs. */
  get status(): ExitStatus | undefined {
    return this.#status;
  }

  /** Signals the whole process group; nothing happens when it is gone. */
  kill(signal: NodeJS.Signals): void {
    if (this.pid === undefined) return;
    try {
      process.kill(-this.pid, signal);
    } catch {
      // Gone already.
    }
  }

  /** What it said about its flags before it ended with 64: everything up to the first empty line. */
  usageProblems(): string {
    const lines = this.logTail(1000);
    const end = lines.indexOf('');
    return lines.slice(0, end < 0 ? undefined : end).join('\n');
  }

  /** Lets the child see the end of its input. */
  closeInput(): void {
    this.#process.stdin?.end();
  }

  /** The last lines it wrote to its log, at most 8 KiB. */
  logTail(lines = 12): string[] {
    try {
      const text = fs.readFileSync(this.spec.logFile).subarray(this.#logStart).toString('utf8').slice(-8192).trimEnd();
      return text === '' ? [] : text.split('\n').slice(-lines);
    } catch {
      return [];
    }
  }

  #read(log: number): Promise<ReadyLine | undefined> {
    const streams = [this.#process.stdout, this.#process.stderr].filter(
      (stream): stream is Readable => stream !== null,
    );
    let open = streams.length;
    const { promise, resolve } = Promise.withResolvers<ReadyLine | undefined>();
    if (!this.spec.announcesReady) resolve({});
    for (const stream of streams) {
      const lines = createInterface({ input: stream });
      lines.on('line', (line) => {
        fs.writeSync(log, `${line}\n`);
        if (this.spec.announcesReady && stream === this.#process.stdout) {
          const ready = parseReady(line);
          if (ready !== undefined) return resolve(ready);
        }
        this.spec.onLine?.(line);
      });
      lines.on('close', () => {
        if (--open === 0) fs.closeSync(log);
      });
    }
    this.exited.then(
      () => resolve(undefined),
      () => {},
    );
    return promise;
  }
}

function parseReady(line: string): ReadyLine | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const value = JSON.parse(line) as ReadyLine;
    return value.ready === true ? value : undefined;
  } catch {
    return undefined;
  }
}
