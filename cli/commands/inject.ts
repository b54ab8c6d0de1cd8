import { spawn } from 'node:child_process';
import path from 'node:path';
import { Command } from 'commander';
import { CliError, ExitCode } from '../cli-error.ts';
import type { CliContext } from '../context.ts';

/** The filter is a program of its own: the injector belongs to the control plane, which uses it for the webhook. */
export function injectCommand(context: CliContext): Command {
  return new Command('inject')
    .description('Add sidecars to Kubernetes workloads: YAML in, YAML out')
    .argument('[flags...]', 'see `heddle inject --help`')
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .action(async (flags: string[]) => {
      const child = spawn(context.node, [path.join(context.root, 'control-plane', 'inject', 'main.ts'), ...flags], {
        cwd: context.cwd,
        env: context.env,
        stdio: 'inherit',
      });
      const code = await new Promise<number>((resolve, reject) => {
        child.once('error', (error) => reject(new CliError(`cannot start the injector: ${error.message}`)));
        child.once('exit', (exitCode) => resolve(exitCode ?? ExitCode.failed));
      });
      context.setExitCode(code);
    });
}
