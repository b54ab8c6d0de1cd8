import path from 'node:path';
import { CommanderError } from 'commander';
import { CliError, ExitCode } from './cli-error.ts';
import { ApiClient, defaultServer } from './client.ts';
import type { CliContext } from './context.ts';
import { createProgram } from './program.ts';

// A reader that has seen enough (`heddle get … | head`) is no error.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0);
    throw error;
  });
}

// Set by bin/heddle.mjs for itself; what we start must not see it.
const { HEDDLE_REEXEC: _reexec, ...env } = process.env;

const context: CliContext = {
  env,
  cwd: process.cwd(),
  root: path.resolve(import.meta.dirname, '..'),
  node: process.execPath,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  client: (server) => new ApiClient(server ?? env.HEDDLE_SERVER ?? defaultServer),
  setExitCode: (code) => {
    process.exitCode = code;
  },
  exit: (code) => process.exit(code),
};

try {
  await createProgram(context).parseAsync(process.argv);
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has printed help or what is wrong with the command line.
    process.exitCode = error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
  } else if (error instanceof CliError) {
    process.stderr.write(`heddle: ${error.message}\n`);
    process.exitCode = error.exitCode;
  } else {
    process.stderr.write(`heddle: this is a bug, please report it\n${error instanceof Error ? error.stack : error}\n`);
    process.exitCode = ExitCode.failed;
  }
}
