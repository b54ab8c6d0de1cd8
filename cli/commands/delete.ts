import { Command } from 'commander';
import { CliError, ExitCode } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { explainProblems } from '../explain-problems.ts';
import { objectReferences } from '../input/object-references.ts';
import { readManifests } from '../input/read-manifests.ts';
import { serialize } from '../output/format.ts';
import { renderResults } from './apply.ts';
import {
  collect,
  examples,
  namespaceOption,
  outputOption,
  type ServerOptions,
  serverOption,
} from './shared-options.ts';

interface Options extends ServerOptions {
  readonly filename?: readonly string[];
  readonly recursive?: boolean;
  readonly ignoreNotFound?: boolean;
  readonly namespace: string;
  readonly output?: 'name' | 'json' | 'yaml';
}

export function deleteCommand(context: CliContext): Command {
  const command = new Command('delete')
    .description('Delete objects, by kind and name or all that files name')
    .argument('[kind]', 'kind, or kind/name')
    .argument('[names...]')
    .option('-f, --filename <file>', 'file, folder, or - for standard input (repeatable)', collect)
    .option('-R, --recursive', 'folders below folders too')
    .option('--ignore-not-found', 'what is not there is no error');
  examples(
    command,
    'heddle delete -f examples/shop/canary.yaml',
    'heddle delete -n shop httproute ratings',
    'heddle delete -n shop trafficpolicy/patience',
  );
  outputOption(namespaceOption(serverOption(command)), ['name', 'json', 'yaml']);
  return command.action(async (kind: string | undefined, names: string[], options: Options) => {
    if ((kind === undefined) === (options.filename === undefined)) {
      throw new CliError('say what to delete: either KIND NAME or -f FILE', ExitCode.usage);
    }
    const { namespace } = options;
    const request =
      options.filename !== undefined
        ? { files: await readManifests(context, options.filename, options.recursive === true), namespace }
        : { objects: objectReferences(kind ?? '', names).map((object) => ({ ...object, namespace })), namespace };
    const { results } = await explainProblems(context, () => context.client(options.server).delete(request));
    const missing = results.filter((result) => result.action === 'not-found');
    if (options.output === 'json' || options.output === 'yaml') {
      context.stdout.write(await serialize({ results }, options.output));
    } else {
      const deleted = results.filter((result) => result.action !== 'not-found');
      context.stdout.write(renderResults(deleted, options.output === 'name' ? 'name' : 'plain'));
    }
    if (missing.length > 0 && options.ignoreNotFound !== true) {
      const list = missing.map((result) => `${result.kind} ${result.namespace}/${result.name}`).join(', ');
      throw new CliError(`not found: ${list}`, ExitCode.no);
    }
  });
}
