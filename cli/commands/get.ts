import { Command } from 'commander';
import type { Resource } from '../../proto/api/v1.ts';
import { CliError, ExitCode } from '../cli-error.ts';
import { type ApiClient, ApiFailure } from '../client.ts';
import type { CliContext } from '../context.ts';
import { objectReferences } from '../input/object-references.ts';
import { parseSelector } from '../input/selector.ts';
import { type OutputFormat, serialize } from '../output/format.ts';
import { resourceColumns } from '../output/resource-table.ts';
import { styleFor } from '../output/style.ts';
import { renderTable } from '../output/table.ts';
import { watch } from '../output/watch.ts';
import { qualifiedName } from '../resource-kinds.ts';
import { examples, namespaceOption, outputOption, type ServerOptions, serverOption } from './shared-options.ts';

interface Options extends ServerOptions {
  readonly namespace: string;
  readonly allNamespaces?: boolean;
  readonly selector?: string;
  readonly watch?: boolean;
  readonly output?: OutputFormat;
}

export function getCommand(context: CliContext): Command {
  const command = new Command('get')
    .description('Objects of a kind, or some of them by name')
    .argument('<kind>', 'kind (plural, singular or short), several with commas, all, or kind/name')
    .argument('[names...]')
    .option('-A, --all-namespaces', 'of every namespace')
    .option('-l, --selector <labels>', 'only those with labels: app=cart,version!=v2')
    .option('-w, --watch', 'go on and print what changes');
  examples(
    command,
    'heddle get services -A',
    'heddle get httproute ratings -n shop -o yaml',
    'heddle get all -n shop -l app=cart -o wide',
  );
  outputOption(namespaceOption(serverOption(command)));
  return command.action(async (kind: string, names: string[], options: Options) => {
    const client = context.client(options.server);
    const single = names.length === 1 || (kind.includes('/') && names.length === 0);
    const fetchItems = () => fetchResources(client, kind, names, options);
    const table = (items: readonly Resource[]) => renderKinds(context, items, options);
    if (options.watch === true) {
      await watch(
        fetchItems,
        (item) => `${item.kind}/${item.metadata.namespace}/${item.metadata.name}`,
        (items, first) => context.stdout.write(first ? table(items) : table(items).replace(/^.*\n/, '')),
      );
    }
    const items = await fetchItems();
    if (options.output === 'json' || options.output === 'yaml') {
      const value = single ? items[0] : { apiVersion: 'v1', kind: 'List', items };
      context.stdout.write(await serialize(value, options.output));
    } else if (options.output === 'name') {
      for (const item of items) context.stdout.write(`${qualifiedName(item.kind, item.metadata.name)}\n`);
    } else if (items.length === 0) {
      const where = options.allNamespaces === true ? '' : ` in namespace ${options.namespace}`;
      context.stderr.write(`No ${kind === 'all' ? 'objects' : kind} found${where}.\n`);
    } else {
      context.stdout.write(table(items));
    }
  });
}

async function fetchResources(
  client: ApiClient,
  kind: string,
  names: readonly string[],
  options: Options,
): Promise<Resource[]> {
  const matches = parseSelector(options.selector ?? '');
  if (names.length > 0 || kind.includes('/')) {
    const found = await Promise.all(
      objectReferences(kind, names).map((object) => getOne(client, object.kind, options.namespace, object.name)),
    );
    return found.filter((item) => matches(item.metadata.labels));
  }
  const namespace = options.allNamespaces === true ? '' : options.namespace;
  const lists = await Promise.all(kind.split(',').map((one) => client.list(one, namespace)));
  return lists.flat().filter((item) => matches(item.metadata.labels));
}

/** @throws CliError that names the object when it does not exist. */
export async function getOne(client: ApiClient, kind: string, namespace: string, name: string): Promise<Resource> {
  try {
    return await client.get(kind, namespace, name);
  } catch (error) {
    if (!(error instanceof ApiFailure) || error.status !== 404) throw error;
    throw new CliError(error.message || `no ${kind} ${namespace}/${name}`, ExitCode.no);
  }
}

/** One table for each kind, with an empty line between. */
function renderKinds(context: CliContext, items: readonly Resource[], options: Options): string {
  const kinds = [...new Set(items.map((item) => item.kind))];
  const style = styleFor(context.stdout);
  return kinds
    .map((kind) => {
      const columns = resourceColumns(kind, {
        wide: options.output === 'wide',
        allNamespaces: options.allNamespaces === true,
        now: Date.now(),
      });
      const title = kinds.length > 1 ? `${style('dim', kind)}\n` : '';
      return (
        title +
        renderTable(
          columns,
          items.filter((item) => item.kind === kind),
          style,
        )
      );
    })
    .join('\n');
}
