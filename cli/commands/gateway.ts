import path from 'node:path';
import { Command } from 'commander';
import { CliError, ExitCode } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { withProgress } from '../output/progress.ts';
import { KeptProxy } from '../process/kept-proxy.ts';
import { endingSignal } from '../process/signals.ts';
import { Supervisor } from '../process/supervisor.ts';
import { examples, type ServerOptions, serverOption, wholeNumber } from './shared-options.ts';

interface Options extends ServerOptions {
  readonly gateway: string;
  readonly name?: string;
  readonly serviceAccount?: string;
  readonly address: string;
  readonly adminPort: number;
  readonly drainSeconds: number;
  readonly stateDir: string;
  readonly accessLog?: string;
  readonly concurrency?: number;
}

export function gatewayCommand(context: CliContext): Command {
  const command = new Command('gateway')
    .description('Run the gateway proxy of a Gateway object in the foreground')
    .requiredOption('--gateway <namespace/name>', 'the Gateway object')
    .option('--name <name>', "the proxy's name (default: the Gateway's)")
    .option('--service-account <name>', "identity (default: the Gateway's name)")
    .option('--address <address>', 'address its listeners bind', '127.0.0.1')
    .option('--admin-port <port>', 'admin port; 0 for a free one, -1 for none', wholeNumber(-1, 65_535), 0)
    .option('--drain-seconds <n>', 'how long running requests may take at the end', wholeNumber(0, 3600), 30)
    .option('--state-dir <folder>', 'where it keeps its state and log', '.heddle/gateway')
    .option(
      '--concurrency <n>',
      'processes that carry the traffic; 0 for one for each core (default)',
      wholeNumber(0, 64),
    )
    .option('--access-log <file>', 'access log; - for standard output');
  examples(command, 'heddle gateway --gateway shop/edge', 'heddle gateway --gateway shop/edge --address 0.0.0.0');
  return serverOption(command).action((options: Options) => runGateway(context, options));
}

async function runGateway(context: CliContext, options: Options): Promise<void> {
  const [namespace, gateway, rest] = options.gateway.split('/');
  if (!namespace || !gateway || rest !== undefined) {
    throw new CliError(`--gateway ${options.gateway}: write <namespace>/<name>`, ExitCode.usage);
  }
  const name = options.name ?? gateway;
  const stateDir = path.resolve(context.cwd, options.stateDir, `${namespace}.${name}`);
  const supervisor = new Supervisor();
  const proxy = new KeptProxy(context, supervisor, {
    mode: 'gateway',
    name,
    namespace,
    serviceAccount: options.serviceAccount ?? gateway,
    stateDir,
    logFile: path.join(stateDir, 'gateway.log'),
    client: context.client(options.server),
    adminPort: options.adminPort,
    outboundPort: -1,
    drainSeconds: options.drainSeconds,
    flags: () => [
      `--gateway=${options.gateway}`,
      `--address=${options.address}`,
      ...(options.concurrency === undefined ? [] : [`--concurrency=${options.concurrency}`]),
      ...(options.accessLog === undefined ? [] : [`--access-log=${options.accessLog}`]),
    ],
    report: (line) => context.stderr.write(`heddle: ${line}\n`),
    onLine: (line) => context.stderr.write(`${line}\n`),
  });
  const ending = endingSignal(() => supervisor.killAll());
  try {
    const starting = withProgress(context.stderr, `starting gateway ${options.gateway}`, () => proxy.start());
    const ready = await Promise.race([starting, ending.signal]);
    if (typeof ready === 'string') return;
    const shown = ['0.0.0.0', '::'].includes(options.address) ? '127.0.0.1' : options.address;
    for (const listenerPort of new Set(Object.values(ready.ports.listeners))) {
      context.stdout.write(`${shown}:${listenerPort}\n`);
    }
    context.stderr.write(`gateway ${options.gateway} is ready as ${ready.spiffeId}; Ctrl-C drains and ends it\n`);
    await ending.signal;
  } finally {
    await supervisor.stop((options.drainSeconds + 2) * 1000);
    ending.dispose();
  }
}
