import { Argument, Command, Option } from 'commander';
import type { ProxyConfig } from '../../proto/api/v1.ts';
import { CliError, ExitCode } from '../cli-error.ts';
import { type ApiClient, ApiFailure } from '../client.ts';
import type { CliContext } from '../context.ts';
import { type ConfigType, configColumns, configRows, configTypes } from '../output/config-rows.ts';
import { serialize } from '../output/format.ts';
import { styleFor } from '../output/style.ts';
import { renderTable } from '../output/table.ts';
import { examples, outputOption, portNumber, type ServerOptions, serverOption } from './shared-options.ts';

interface Options extends ServerOptions {
  readonly namespace: string;
  readonly fqdn?: string;
  readonly port?: number;
  readonly direction?: string;
  readonly output?: 'json' | 'yaml' | 'name';
}

export function proxyConfigCommand(context: CliContext): Command {
  const command = new Command('proxy-config')
    .alias('pc')
    .description('What the control plane computed for a proxy')
    .addArgument(
      new Argument('<type>', `${configTypes.join(', ')}, or their singular`).choices([
        ...configTypes,
        ...configTypes.map((type) => type.slice(0, -1)),
      ]),
    )
    .argument('<proxy>', '<name>.<namespace>, as proxy-status prints it; or a name in -n')
    .option('-n, --namespace <name>', 'namespace of a proxy named without one', 'default')
    .option('--fqdn <name>', 'only of services whose full name begins so')
    .option('--port <port>', 'only with this port', portNumber)
    .addOption(
      new Option('--direction <direction>', 'only of this direction').choices(['inbound', 'outbound', 'gateway']),
    );
  examples(
    command,
    'heddle proxy-config clusters front-1.shop',
    'heddle pc routes edge-1.shop --fqdn front.shop',
    'heddle pc endpoints front-1.shop --fqdn cart.shop.svc.cluster.local --port 80 -o json',
  );
  outputOption(serverOption(command), ['json', 'yaml', 'name']);
  return command.action(async (typeWord: string, proxy: string, options: Options) => {
    const type = (typeWord.endsWith('s') ? typeWord : `${typeWord}s`) as ConfigType;
    const id = proxy.includes('.') ? proxy : `${proxy}.${options.namespace}`;
    const config = await fetchConfig(context.client(options.server), id, type);
    const rows = configRows(type, config).filter(
      (row) =>
        (options.fqdn === undefined || row.fqdn.startsWith(options.fqdn)) &&
        (options.port === undefined || row.port === options.port) &&
        (options.direction === undefined || row.direction === options.direction),
    );
    const kept = new Set(rows.map((row) => row.resource));
    const filtered = options.fqdn !== undefined || options.port !== undefined || options.direction !== undefined;
    const resources = config.resources.filter((resource) => !filtered || kept.has(resource.name));
    if (options.output === 'json' || options.output === 'yaml') {
      context.stdout.write(await serialize({ ...config, resources }, options.output));
    } else if (options.output === 'name') {
      for (const resource of resources) context.stdout.write(`${resource.name}\n`);
    } else if (rows.length === 0) {
      context.stderr.write(`No ${type} for ${id}.\n`);
    } else {
      context.stdout.write(renderTable(configColumns(type), rows, styleFor(context.stdout)));
    }
  });
}

async function fetchConfig(client: ApiClient, id: string, type: string): Promise<ProxyConfig> {
  try {
    return await client.proxyConfig(id, type);
  } catch (error) {
    if (!(error instanceof ApiFailure) || error.status !== 404) throw error;
    const known = (await client.proxies()).items.map((proxy) => proxy.id);
    const list = known.length === 0 ? 'none is known' : `known: ${known.join(', ')}`;
    throw new CliError(`no proxy ${id}; ${list}`, ExitCode.no);
  }
}
