import { type ChildProcess, fork } from 'node:child_process';
import path from 'node:path';
import type { FromWorker, ToWorker, WorkerAnswer } from './worker-messages.ts';

/** A message that is answered, without its number. */
type Question =
  Extract<ToWorker, { id: number }> extends infer Message
    ? Message extends { id: number }
      ? Omit<Message, 'id'>
      : never
    : never;

/** What a worker runs: beside this file, or beside the bundle that this file has become part of. */
const program = path.join(import.meta.dirname, import.meta.filename.endsWith('.ts') ? 'main.ts' : 'worker.mjs');

/** The worker has ended before it answered. */
export class WorkerGone extends Error {
  override name = 'WorkerGone';
}

/** One worker as the supervisor sees it: a process that takes messages and answers some. */
export class WorkerProcess {
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, { resolve(answer: WorkerAnswer): void; reject(error: Error): void }>();
  readonly ended: Promise<string>;
  #lastId = 0;
  #gone = false;

  constructor() {
    this.#child = fork(program, [], {
      // Resources are bytes, and these stay bytes.
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child.on('message', (message) => this.#onMessage(message as FromWorker));
    // A message to a process that has just ended; `exit` tells of it.
    this.#child.on('error', () => {});
    this.ended = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => {
        this.#gone = true;
        for (const { reject } of this.#pending.values()) reject(new WorkerGone('the worker has ended'));
        this.#pending.clear();
        resolve(signal ?? `exit code ${code}`);
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  tell(message: Exclude<ToWorker, { id: number }>): void {
    this.#send(message);
  }

  /** Rejects with what the worker says, or with {@link WorkerGone}. */
  ask(question: Question): Promise<WorkerAnswer> {
    if (this.#gone) return Promise.reject(new WorkerGone('the worker has ended'));
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#send({ ...question, id } as ToWorker);
    });
  }

  /** Lets it end by itself, when it was told to close. */
  end(): void {
    if (this.#child.connected) this.#child.disconnect();
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #send(message: ToWorker): void {
    if (!this.#gone && this.#child.connected) this.#child.send(message, () => {});
  }

  #onMessage(message: FromWorker): void {
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if ('failure' in message) pending?.reject(new Error(message.failure));
    else pending?.resolve(message.value);
  }
}
