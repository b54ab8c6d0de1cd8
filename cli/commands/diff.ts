import { Command } from 'commander';
import { ExitCode } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { explainProblems } from '../explain-problems.ts';
import { readManifests } from '../input/read-manifests.ts';
import { printable } from '../output/printable.ts';
import { styleFor } from '../output/style.ts';
import { unifiedDiff } from '../output/unified-diff.ts';
import { collect, examples, namespaceOption, type ServerOptions, serverOption } from './shared-options.ts';

interface Options extends ServerOptions {
  readonly filename: readonly string[];
  readonly recursive?: boolean;
  readonly namespace: string;
}

export function diffCommand(context: CliContext): Command {
  const command = new Command('diff')
    .description('What apply would change, as a unified diff; exit code 1 when there are differences')
    .requiredOption('-f, --filename <file>', 'file, folder, or - for standard input (repeatable)', collect)
    .option('-R, --recursive', 'folders below folders too');
  examples(command, 'heddle diff -f examples/shop/canary.yaml', 'heddle diff -R -f mesh/ || heddle apply -R -f mesh/');
  return namespaceOption(serverOption(command)).action(async (options: Options) => {
    const files = await readManifests(context, options.filename, options.recursive === true);
    const { objects } = await explainProblems(context, () =>
      context.client(options.server).diff({ files, namespace: options.namespace }),
    );
    const text = objects
      .map(({ kind, namespace, name, before, after }) =>
        unifiedDiff(`${kind.toLowerCase()}.${namespace}.${name}.yaml`, before, after),
      )
      .join('');
    if (text === '') return;
    const style = styleFor(context.stdout);
    for (const line of text.trimEnd().split('\n')) context.stdout.write(`${colour(printable(line))}\n`);
    context.setExitCode(ExitCode.no);

    function colour(line: string): string {
      if (/^(---|\+\+\+) /.test(line)) return style('bold', line);
      if (line.startsWith('@@')) return style('cyan', line);
      if (line.startsWith('-')) return style('red', line);
      return line.startsWith('+') ? style('green', line) : line;
    }
  });
}
