import { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import type { CliContext } from '../context.ts';

/**
 * A command that is a program of another part. This process becomes that program (execve(2)), so flags, standard
 * streams, signals, process id and exit code are the program's own, and a container does not pay for two of Node.
 *
 * @param program answers the file of the program in the package at `root`.
 */
export function passThroughCommand(
  context: CliContext,
  name: string,
  description: string,
  program: (root: string) => string,
): Command {
  const command = new Command(name)
    .description(description)
    .argument('[flags...]', `see \`heddle ${name} --help\``)
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .action((flags: string[]) => {
      if (process.execve === undefined) throw new CliError(`heddle ${name} does not run on ${process.platform}`);
      const entries = Object.entries(context.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
      process.execve(context.node, [context.node, program(context.root), ...flags], Object.fromEntries(entries));
    });
  programs.set(command, program(context.root));
  return command;
}

const programs = new WeakMap<Command, string>();

/** The file of the program that a command becomes; `undefined` for a command of this program's own. */
export function programOf(command: Command): string | undefined {
  return programs.get(command);
}
