import { Command } from 'commander';
import type { ProxyStatus } from '../../proto/api/v1.ts';
import type { CliContext } from '../context.ts';
import { age } from '../output/duration.ts';
import { type OutputFormat, serialize } from '../output/format.ts';
import { styleFor } from '../output/style.ts';
import { type Column, renderTable } from '../output/table.ts';
import { watch } from '../output/watch.ts';
import { examples, outputOption, type ServerOptions, serverOption } from './shared-options.ts';

interface Options extends ServerOptions {
  readonly namespace?: string;
  readonly watch?: boolean;
  readonly output?: OutputFormat;
}

const types = ['CDS', 'LDS', 'EDS', 'RDS', 'SDS'];

export function proxyStatusCommand(context: CliContext): Command {
  const command = new Command('proxy-status')
    .alias('ps')
    .description('Every proxy, and whether it has taken what the control plane sent')
    .option('-n, --namespace <name>', 'only proxies of a namespace')
    .option('-w, --watch', 'go on and print what changes');
  examples(command, 'heddle proxy-status', 'heddle ps -n shop -o wide');
  return outputOption(serverOption(command)).action(async (options: Options) => {
    const client = context.client(options.server);
    const fetchItems = async () =>
      (await client.proxies()).items.filter(
        (proxy) => options.namespace === undefined || proxy.namespace === options.namespace,
      );
    const table = (items: readonly ProxyStatus[]) =>
      renderTable(columns(options.output === 'wide', Date.now()), items, styleFor(context.stdout));
    if (options.watch === true) {
      await watch(
        fetchItems,
        (proxy) => proxy.id,
        (items, first) => context.stdout.write(first ? table(items) : table(items).replace(/^.*\n/, '')),
      );
    }
    const items = await fetchItems();
    if (options.output === 'json' || options.output === 'yaml') {
      context.stdout.write(await serialize({ items }, options.output));
    } else if (options.output === 'name') {
      for (const proxy of items) context.stdout.write(`${proxy.id}\n`);
    } else if (items.length === 0) {
      context.stderr.write('No proxies.\n');
    } else {
      context.stdout.write(table(items));
    }
  });
}

function columns(wide: boolean, now: number): Column<ProxyStatus>[] {
  return [
    { header: 'NAME', value: (proxy) => proxy.id },
    { header: 'MODE', value: (proxy) => proxy.mode },
    ...types.map(
      (type): Column<ProxyStatus> => ({
        header: type,
        value: (proxy) => (proxy.connected ? (proxy.types[type]?.state ?? 'NOT SENT') : 'OFFLINE'),
        colour: (proxy) => {
          if (!proxy.connected) return 'dim';
          const state = proxy.types[type]?.state;
          if (state === 'NACK') return 'red';
          return state === 'STALE' ? 'yellow' : undefined;
        },
      }),
    ),
    { header: 'IDENTITY', value: (proxy) => proxy.spiffeId },
    { header: 'VERSION', value: (proxy) => proxy.version },
    ...(wide
      ? [
          { header: 'ADDRESS', value: (proxy: ProxyStatus) => proxy.address },
          {
            header: 'CONNECTED',
            value: (proxy: ProxyStatus) => (proxy.connected ? age(proxy.connectedAt, now) : 'no'),
          },
          { header: 'NACKS', value: nackTexts },
        ]
      : []),
  ];
}

/** What the proxy said against a configuration, and how often: `RDS 2x: duplicate domain`. */
function nackTexts(proxy: ProxyStatus): string {
  return Object.entries(proxy.types)
    .filter(([, state]) => state.nacks > 0)
    .map(([type, state]) => `${type} ${state.nacks}x: ${state.error}`)
    .join('; ');
}
