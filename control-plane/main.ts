import { systemClock } from '../lib/clock.ts';
import { createLog } from '../lib/log.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { parseFlags, usage } from './options.ts';
import { meshDefaults } from './registry/mesh-defaults.ts';

// The control-plane process. Exit codes: 0 ended as asked, 1 failed, 64 wrong usage.

async function main(): Promise<void> {
  const parsed = parseFlags(process.argv.slice(2));
  if (parsed.kind === 'help') {
    process.stdout.write(usage);
    return;
  }
  if (parsed.kind === 'defaults') {
    process.stdout.write(`${JSON.stringify(meshDefaults())}\n`);
    return;
  }
  if (parsed.kind === 'invalid') {
    process.stderr.write(`${parsed.problems.map((problem) => `control-plane: ${problem}`).join('\n')}\n\n${usage}`);
    process.exit(64);
  }
  const { flags } = parsed;
  const log = createLog((line) => process.stderr.write(line), flags.logLevel);
  // Nobody who reads the log is no reason to end.
  process.stderr.on('error', () => {});
  process.stdout.on('error', () => {});
  process.on('uncaughtException', (error) => {
    log.error('unexpected failure', { error: error.stack ?? error.message });
    process.exit(1);
  });

  let controlPlane: ControlPlane | undefined;
  let ending = false;
  const end = (reason: string): void => {
    if (ending) return;
    ending = true;
    log.info('ending', { reason });
    // A peer that does not let go must not keep the process.
    setTimeout(() => process.exit(0), 5_000).unref();
    void (controlPlane?.close() ?? Promise.resolve()).then(() => process.exit(0));
  };
  process.on('SIGTERM', () => end('SIGTERM'));
  process.on('SIGINT', () => end('SIGINT'));
  if (flags.exitWithParent)
    process.stdin
      .on('end', () => end('parent ended'))
      .on('error', () => end('parent ended'))
      .resume();

  try {
    controlPlane = await startControlPlane({ ...flags, clock: systemClock, log });
  } catch (error) {
    log.error('start failed', { error: error instanceof Error ? error.message : String(error) });
    process.exit(1);
  }
  const { ports, trustBundle } = controlPlane;
  log.info('ready', { api: ports.api, xds: ports.xds });
  const ready = { ready: true, pid: process.pid, ports, trustDomain: flags.trustDomain, trustBundle };
  process.stdout.write(`${JSON.stringify(ready)}\n`);
}

await main();
