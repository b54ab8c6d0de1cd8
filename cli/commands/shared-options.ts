import { type Command, InvalidArgumentError, Option } from 'commander';
import { defaultServer } from '../client.ts';
import { outputFormats } from '../output/format.ts';

export interface ServerOptions {
  readonly server?: string;
}

export function serverOption(command: Command): Command {
  return command.option('--server <url>', `control plane's API (env HEDDLE_SERVER; default ${defaultServer})`);
}

export function namespaceOption(command: Command): Command {
  return command.option('-n, --namespace <name>', 'namespace of objects that name none', 'default');
}

export function outputOption(command: Command, formats: readonly string[] = outputFormats): Command {
  return command.addOption(new Option('-o, --output <format>', 'instead of the short table').choices([...formats]));
}

/** Reads a whole number between bounds; for commander. */
export function wholeNumber(minimum: number, maximum: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^-?\d+$/.test(text) || value < minimum || value > maximum) {
      throw new InvalidArgumentError(`must be a whole number from ${minimum} to ${maximum}`);
    }
    return value;
  };
}

export const portNumber = wholeNumber(0, 65_535);

/** Collects a repeatable option. */
export function collect(value: string, previous: readonly string[] = []): string[] {
  return [...previous, value];
}

/** Examples under the help of a command, one a line. */
export function examples(command: Command, ...lines: readonly string[]): Command {
  return command.addHelpText('after', `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`);
}
