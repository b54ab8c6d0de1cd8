import fs from 'node:fs';
import module from 'node:module';
import v8 from 'node:v8';

module.enableCompileCache();
// A route's regular expression that backtracks too much goes on in V8's linear engine instead.
v8.setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');

// Loaded after the cache is on.
const { helpText } = await import('./bootstrap/help.ts');
const { parseFlags } = await import('./bootstrap/parse-flags.ts');

const exitUsage = 64;
/** Signals so close together, in milliseconds, are one: a terminal and a parent may both pass it on. */
const againMs = 1_000;

const flags = parseFlags(process.argv.slice(2));
if (flags.kind === 'help') {
  process.stdout.write(helpText);
} else if (flags.kind === 'problems') {
  for (const problem of flags.problems) process.stderr.write(`sidecar: ${problem}\n`);
  process.stderr.write('Try --help.\n');
  process.exitCode = exitUsage;
} else {
  await run(flags);
}

async function run({ options, exitWithParent }: Extract<typeof flags, { kind: 'options' }>): Promise<void> {
  const [{ startSidecar }, { createAdjustableLog }] = await Promise.all([
    import('./sidecar.ts'),
    import('./bootstrap/adjustable-log.ts'),
  ]);
  const log = createAdjustableLog((line) => process.stderr.write(line), options.logLevel);
  const abort = new AbortController();
  let stop = (): void => abort.abort();
  let stoppedAt: number | undefined;
  const onSignal = (): void => {
    // Asked again, a while after: it shall not wait any longer.
    if (stoppedAt !== undefined && performance.now() - stoppedAt > againMs) process.exit(0);
    stoppedAt ??= performance.now();
    stop();
  };
  // Nobody who reads what is written is no reason to end.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  if (exitWithParent) {
    process.stdin.on('end', onSignal).on('close', onSignal).on('error', onSignal);
    process.stdin.resume();
  }
  // Without a control plane nothing else may hold the process.
  const hold = setInterval(() => {}, 2 ** 30);
  const target = options.accessLog?.target;
  const file =
    target === undefined || target === 'stdout' ? process.stdout : fs.createWriteStream(target, { flags: 'a' });
  try {
    const sidecar = await startSidecar(options, {
      log,
      ...(target === undefined ? {} : { writeAccessLog: (text: string) => file.write(text) }),
      onQuit: onSignal,
      signal: abort.signal,
    });
    const ready = { ready: true, pid: process.pid, ports: sidecar.ports, spiffeId: sidecar.spiffeId };
    process.stdout.write(`${JSON.stringify(ready)}\n`);
    await new Promise<void>((resolve) => {
      stop = resolve;
      if (abort.signal.aborted) resolve();
    });
    await sidecar.drain();
    process.exit(0);
  } catch (error) {
    if (abort.signal.aborted) process.exit(0);
    process.stderr.write(`sidecar: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  } finally {
    clearInterval(hold);
  }
}
