import fs from 'node:fs';
import module from 'node:module';
import type { FromWorker, ToWorker, WorkerAnswer } from './worker-messages.ts';

// A worker of a proxy: started by its supervisor, driven by messages, ended when the supervisor is gone.

module.enableCompileCache();

const [{ Worker }, { localData }, { optimiseEarly }] = await Promise.all([
  import('./worker.ts'),
  import('../bootstrap/local-data.ts'),
  import('../optimise-early.ts'),
]);

let worker: InstanceType<typeof Worker> | undefined;

// The supervisor drains and ends its workers; a terminal tells all of them at once.
process.on('SIGTERM', () => {});
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit(0));
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});

function openAccessLog(target: string): (text: string) => unknown {
  const file = target === 'stdout' ? process.stdout : fs.createWriteStream(target, { flags: 'a' });
  return (text) => file.write(text);
}

async function handle(message: ToWorker): Promise<WorkerAnswer> {
  if (message.kind === 'start') {
    const environment = {
      writeLog: (line: string) => process.stderr.write(line),
      openAccessLog,
      local: localData(process.env),
    };
    worker = new Worker(message.settings, environment);
  }
  const answer = await worker?.handle(message);
  if (message.kind === 'start') optimiseEarly();
  return answer;
}

// One after the other: what comes later may need what came before.
let queue: Promise<unknown> = Promise.resolve();
process.on('message', (message: ToWorker) => {
  // A drain lasts, and whoever asks for figures meanwhile shall not wait for it.
  const mayOvertake = ['describe', 'metrics', 'close', 'log-level', 'drain'].includes(message.kind);
  const handled = (mayOvertake ? Promise.resolve() : queue).then(() => handle(message));
  const answered = handled.then(
    (value) => ('id' in message ? answer({ id: message.id, value }) : undefined),
    (error: unknown) => {
      const failure = error instanceof Error ? error.message : String(error);
      if ('id' in message) answer({ id: message.id, failure });
      else process.stderr.write(`${JSON.stringify({ level: 'error', message: 'worker refused', failure })}\n`);
    },
  );
  if (!mayOvertake) queue = answered;
});

function answer(message: FromWorker): void {
  process.send?.(message, () => {});
}
