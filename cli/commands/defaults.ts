import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { Command } from 'commander';
import type { DefaultRow } from '../../lib/default-row.ts';
import { CliError } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { serialize } from '../output/format.ts';
import { styleFor } from '../output/style.ts';
import { renderTable } from '../output/table.ts';
import { ownEnvironment } from '../process/own-environment.ts';
import { examples, outputOption } from './shared-options.ts';

interface Options {
  readonly output?: 'json' | 'yaml';
}

/** Every default with its reason. The programs are asked for their own, so that none is written down twice. */
export function defaultsCommand(context: CliContext): Command {
  const command = new Command('defaults').description('Every default of mesh and proxy, with its reason');
  examples(command, 'heddle defaults', 'heddle defaults -o json');
  return outputOption(command, ['json', 'yaml']).action(async (options: Options) => {
    const rows = (await Promise.all(['control-plane', 'sidecar'].map((part) => askProgram(context, part)))).flat();
    if (options.output !== undefined) {
      context.stdout.write(await serialize(rows, options.output));
      return;
    }
    const columns = [
      { header: 'OF', value: ({ group }: DefaultRow) => group },
      { header: 'NAME', value: ({ name }: DefaultRow) => name },
      { header: 'DEFAULT', value: ({ value }: DefaultRow) => value },
      { header: 'WHY', value: ({ reason }: DefaultRow) => reason },
    ];
    context.stdout.write(renderTable(columns, rows, styleFor(context.stdout)));
  });
}

async function askProgram(context: CliContext, part: string): Promise<DefaultRow[]> {
  const program = path.join(context.root, part, 'main.ts');
  try {
    const { stdout } = await promisify(execFile)(context.node, [program, '--defaults'], {
      env: ownEnvironment(context),
    });
    return JSON.parse(stdout) as DefaultRow[];
  } catch (error) {
    throw new CliError(`${part} did not say its defaults: ${error instanceof Error ? error.message : String(error)}`);
  }
}
