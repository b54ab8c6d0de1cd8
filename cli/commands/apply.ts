import { Command, Option } from 'commander';
import type { ApplyResult } from '../../proto/api/v1.ts';
import type { CliContext } from '../context.ts';
import { explainProblems } from '../explain-problems.ts';
import { readManifests } from '../input/read-manifests.ts';
import { serialize } from '../output/format.ts';
import { printable } from '../output/printable.ts';
import { withProgress } from '../output/progress.ts';
import { qualifiedName } from '../resource-kinds.ts';
import {
  collect,
  examples,
  namespaceOption,
  outputOption,
  type ServerOptions,
  serverOption,
} from './shared-options.ts';

interface Options extends ServerOptions {
  readonly filename: readonly string[];
  readonly recursive?: boolean;
  readonly dryRun?: 'server';
  readonly namespace: string;
  readonly output?: 'name' | 'json' | 'yaml';
}

export function applyCommand(context: CliContext): Command {
  const command = new Command('apply')
    .description('Create or change objects from files: all of them, or none when one is wrong')
    .requiredOption('-f, --filename <file>', 'file, folder, or - for standard input (repeatable)', collect)
    .option('-R, --recursive', 'folders below folders too')
    .addOption(new Option('--dry-run <where>', 'validate on the server and change nothing').choices(['server']));
  examples(
    command,
    'heddle apply -f examples/shop/canary.yaml',
    'heddle apply -R -f mesh/ --dry-run=server',
    'cat route.yaml | heddle apply -n shop -f -',
  );
  outputOption(namespaceOption(serverOption(command)), ['name', 'json', 'yaml']);
  return command.action(async (options: Options) => {
    const files = await readManifests(context, options.filename, options.recursive === true);
    const dryRun = options.dryRun === 'server';
    const { results } = await explainProblems(context, () =>
      withProgress(context.stderr, 'applying', () =>
        context.client(options.server).apply({ files, namespace: options.namespace, dryRun }),
      ),
    );
    if (options.output === 'json' || options.output === 'yaml') {
      context.stdout.write(await serialize({ results }, options.output));
    } else {
      context.stdout.write(renderResults(results, options.output === 'name' ? 'name' : dryRun ? 'dry-run' : 'plain'));
    }
  });
}

/** `httproute.gateway.networking.k8s.io/ratings configured`, one line for each object. */
export function renderResults(results: readonly ApplyResult[], form: 'plain' | 'dry-run' | 'name'): string {
  return results
    .map(({ kind, name, action }) => {
      const words = form === 'name' ? '' : ` ${action}${form === 'dry-run' ? ' (server dry run)' : ''}`;
      return `${printable(qualifiedName(kind, name) + words)}\n`;
    })
    .join('');
}
