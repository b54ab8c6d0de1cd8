import { spawn } from 'node:child_process';
import os from 'node:os';
import type { CliContext } from '../context.ts';
import { Reaper } from './reaper.ts';
import { onEndingSignal } from './signals.ts';

/** Exit codes of shells for a command that cannot be run. */
const notFound = 127;
const notExecutable = 126;

/**
 * Runs a command in our place: with our terminal, our signals, and its exit code (128 + n when signal n ended it).
 * It dies with us.
 */
export async function runForeground(
  context: CliContext,
  command: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { cwd: context.cwd, env, stdio: 'inherit' });
  const reaper = new Reaper();
  if (child.pid !== undefined) reaper.add(child.pid);
  const kill = () => child.kill('SIGKILL');
  process.on('exit', kill);
  const dispose = onEndingSignal((signal) => {
    // The terminal has sent Ctrl-C to the command as well.
    if (signal !== 'SIGINT' || !context.stdin.isTTY) child.kill(signal);
  });
  try {
    return await new Promise<number>((resolve) => {
      child.once('error', (error: NodeJS.ErrnoException) => {
        context.stderr.write(`heddle: cannot run ${program}: ${error.message}\n`);
        resolve(error.code === 'ENOENT' ? notFound : notExecutable);
      });
      child.once('exit', (code, signal) => {
        resolve(signal === null ? (code ?? 1) : 128 + (os.constants.signals[signal] ?? 0));
      });
    });
  } finally {
    dispose();
    process.off('exit', kill);
    if (child.pid !== undefined) reaper.remove(child.pid);
    reaper.close();
  }
}
