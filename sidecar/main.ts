import fs from 'node:fs';
import module from 'node:module';
import type { BootstrapOptions } from './bootstrap/bootstrap-options.ts';
import type { SidecarOptions } from './bootstrap/sidecar-options.ts';
import type { RunningSidecar, SidecarEnvironment } from './sidecar.ts';

module.enableCompileCache();

// Loaded after the cache is on.
const { helpText } = await import('./bootstrap/help.ts');
const { parseFlags } = await import('./bootstrap/parse-flags.ts');

const exitUsage = 64;
/** Signals so close together, in milliseconds, are one: a terminal and a parent may both pass it on. */
const againMs = 1_000;

const flags = parseFlags(process.argv.slice(2));
if (flags.kind === 'help') {
  process.stdout.write(helpText);
} else if (flags.kind === 'defaults') {
  const { proxyDefaults } = await import('./bootstrap/proxy-defaults.ts');
  process.stdout.write(`${JSON.stringify(proxyDefaults())}\n`);
} else if (flags.kind === 'problems') {
  for (const problem of flags.problems) process.stderr.write(`sidecar: ${problem}\n`);
  process.stderr.write('Try --help.\n');
  process.exitCode = exitUsage;
} else {
  const start = flags.kind === 'options' ? await sidecarFrom(flags.options) : await bootstrappedFrom(flags.options);
  if (start !== undefined) await run(flags, start);
}

type Starter = (environment: SidecarEnvironment) => Promise<RunningSidecar>;

async function sidecarFrom(options: SidecarOptions): Promise<Starter> {
  const { startSidecar } = await import('./sidecar.ts');
  return (environment) => startSidecar(options, environment);
}

/** Checks the bootstrap; `undefined` when there is nothing to start, with the exit code set. */
async function bootstrappedFrom(options: BootstrapOptions): Promise<Starter | undefined> {
  const [{ loadBootstrap }, { formatFileProblem }, { localData }, { systemClock }] = await Promise.all([
    import('./bootstrap/load-bootstrap.ts'),
    import('./bootstrap/config-text.ts'),
    import('./bootstrap/local-data.ts'),
    import('../lib/clock.ts'),
  ]);
  const local = localData(process.env);
  const { file, text, serviceNode: nodeId, serviceCluster: nodeCluster } = options;
  const loaded = loadBootstrap({ file, text, nodeId, nodeCluster, local, now: systemClock.wallTime() });
  if (!loaded.ok) {
    for (const problem of loaded.problems) process.stderr.write(`${formatFileProblem(problem)}\n`);
    process.exitCode = exitUsage;
    return undefined;
  }
  if (options.mode === 'validate') {
    for (const note of loaded.value.notes) process.stderr.write(`${formatFileProblem(note)}\n`);
    process.stdout.write(`configuration OK: ${file}\n`);
    return undefined;
  }
  const { startBootstrapped } = await import('./bootstrapped-proxy.ts');
  return (environment) => startBootstrapped(loaded.value, options, local, environment);
}

async function run(
  { options, exitWithParent }: Exclude<typeof flags, { kind: 'help' | 'defaults' | 'problems' }>,
  start: Starter,
): Promise<void> {
  const { createAdjustableLog } = await import('./bootstrap/adjustable-log.ts');
  const { optimiseEarly } = await import('./optimise-early.ts');
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
    const sidecar = await start({
      log,
      ...(target === undefined ? {} : { writeAccessLog: (text: string) => file.write(text) }),
      onQuit: onSignal,
      signal: abort.signal,
    });
    const ready = { ready: true, pid: process.pid, ports: sidecar.ports, spiffeId: sidecar.spiffeId };
    process.stdout.write(`${JSON.stringify(ready)}\n`);
    optimiseEarly();
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
