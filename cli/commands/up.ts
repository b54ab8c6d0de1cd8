import path from 'node:path';
import { Command, Option } from 'commander';
import { CliError, ExitCode } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { withProgress } from '../output/progress.ts';
import { styleFor } from '../output/style.ts';
import type { ExitStatus } from '../process/child.ts';
import { type ControlPlaneReady, startControlPlane } from '../process/control-plane.ts';
import { requireFreePort } from '../process/free-port.ts';
import { endingSignal } from '../process/signals.ts';
import { describeExit, Supervisor } from '../process/supervisor.ts';
import { collect, examples, portNumber, wholeNumber } from './shared-options.ts';

interface Options {
  readonly stateDir: string;
  readonly configDir?: readonly string[];
  readonly apiPort?: number;
  readonly xdsPort?: number;
  readonly quiet?: boolean;
  readonly output?: 'json';
  readonly [flag: string]: unknown;
}

const defaultApiPort = 15_014;
const defaultXdsPort = 15_012;

/** Flags of control-plane/main.ts that are passed on as they are, with their defaults there. */
const passedOn: readonly (readonly [flags: string, description: string])[] = [
  ['--trust-domain <name>', 'SPIFFE trust domain (default cluster.local)'],
  ['--api-address <address>', 'address of API and console (default 127.0.0.1)'],
  ['--xds-address <address>', 'address for proxies (default 127.0.0.1)'],
  ['--log-level <level>', 'debug, info, warn or error (default info)'],
  ['--trace-retention-hours <hours>', 'how long traces are kept (default 24)'],
];

export function upCommand(context: CliContext): Command {
  const command = new Command('up')
    .description('Run the control plane in the foreground')
    .option('--state-dir <folder>', 'store and CA key', '.heddle/control-plane')
    .option('--config-dir <folder>', 'watched folder of YAML (repeatable)', collect)
    .option('--api-port <port>', 'port of API and console; 0 for a free one (default 15014)', portNumber)
    .option('--xds-port <port>', 'port for proxies; 0 for a free one (default 15012)', portNumber)
    .option('--webhook-port <port>', 'port of the injection webhook; -1 for none (default)', wholeNumber(-1, 65_535));
  for (const [flags, description] of passedOn) command.option(flags, description);
  command
    .option('-q, --quiet', 'keep the log in the file, do not print it')
    .addOption(new Option('-o, --output <format>', 'print the ready line as it is').choices(['json']));
  examples(command, 'heddle up', 'heddle up --config-dir ./mesh --state-dir /var/lib/heddle');
  return command.action((options: Options) => runControlPlane(context, options));
}

async function runControlPlane(context: CliContext, options: Options): Promise<void> {
  if (options.apiAddress === undefined) await requireFreePort(options.apiPort ?? defaultApiPort, '--api-port');
  if (options.xdsAddress === undefined) await requireFreePort(options.xdsPort ?? defaultXdsPort, '--xds-port');
  const supervisor = new Supervisor();
  const ending = endingSignal(() => supervisor.killAll());
  const stateDir = path.resolve(context.cwd, options.stateDir);
  let printing = false;
  const child = startControlPlane(context, supervisor, {
    stateDir,
    logFile: path.join(stateDir, 'control-plane.log'),
    flags: controlPlaneFlags(context, options),
    onLine: (line) => {
      if (printing && options.quiet !== true) context.stderr.write(`${line}\n`);
    },
  });
  try {
    const starting = withProgress(context.stderr, 'starting the control plane', () => supervisor.untilReady(child));
    const ready = await Promise.race([starting, ending.signal]);
    if (typeof ready === 'string') return;
    printing = true;
    context.stdout.write(
      options.output === 'json'
        ? `${JSON.stringify(ready)}\n`
        : summary(context, options, ready as unknown as ControlPlaneReady),
    );
    const end = await Promise.race([child.exited, ending.signal]);
    if (typeof end !== 'string') throw unexpectedEnd(end);
  } catch (error) {
    if (child.status?.code !== ExitCode.usage) throw error;
    throw new CliError(`wrong flags\n${child.usageProblems()}`, ExitCode.usage);
  } finally {
    await supervisor.stop(5000);
    ending.dispose();
  }
}

function unexpectedEnd(status: ExitStatus): CliError {
  return new CliError(`the control plane ended: ${describeExit(status)}`);
}

function controlPlaneFlags(context: CliContext, options: Options): string[] {
  const folders = (options.configDir ?? []).map((folder) => `--config-dir=${path.resolve(context.cwd, folder)}`);
  const names = [
    'apiPort',
    'xdsPort',
    'webhookPort',
    'trustDomain',
    'apiAddress',
    'xdsAddress',
    'logLevel',
    'traceRetentionHours',
  ];
  const others = names
    .filter((name) => options[name] !== undefined)
    .map((name) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}=${String(options[name])}`);
  return [...folders, ...others];
}

function summary(context: CliContext, options: Options, ready: ControlPlaneReady): string {
  const style = styleFor(context.stdout);
  const host = String(options.apiAddress ?? '127.0.0.1');
  const shown = ['0.0.0.0', '::'].includes(host) ? '127.0.0.1' : host;
  const lines = [
    ['Console', style('cyan', `http://${shown}:${ready.ports.api}/`)],
    ['API', `http://${shown}:${ready.ports.api}/api/v1`],
    ['Proxies (xDS)', `${String(options.xdsAddress ?? '127.0.0.1')}:${ready.ports.xds}`],
    ...(ready.ports.webhook > 0 ? [['Webhook', `https://${shown}:${ready.ports.webhook}/inject`]] : []),
    ['Trust domain', ready.trustDomain],
    ['Trust bundle', ready.trustBundle],
  ];
  return `${lines.map(([name = '', value]) => `${name.padEnd(15)}${value}`).join('\n')}\n`;
}
