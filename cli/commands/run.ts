import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import { CliError, ExitCode } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { withProgress } from '../output/progress.ts';
import { runForeground } from '../process/foreground-command.ts';
import { KeptProxy } from '../process/kept-proxy.ts';
import { inboundPortFlags, type ProxyReady } from '../process/proxy.ts';
import { proxyEnvironment, upstreamEnvironment } from '../process/proxy-environment.ts';
import { endingSignal, onEndingSignal, signalNumbers } from '../process/signals.ts';
import { Supervisor } from '../process/supervisor.ts';
import { collect, examples, namespaceOption, type ServerOptions, serverOption, wholeNumber } from './shared-options.ts';

interface Options extends ServerOptions {
  readonly namespace: string;
  readonly name?: string;
  readonly service?: string;
  readonly serviceAccount?: string;
  readonly label?: readonly string[];
  readonly port?: readonly string[];
  readonly inboundPort?: readonly string[];
  readonly upstream?: readonly string[];
  readonly outboundPort: number;
  readonly adminPort: number;
  readonly drainSeconds: number;
  readonly stateDir: string;
  readonly accessLog?: string;
  readonly traceSample?: string;
  readonly logLevel?: string;
}

const port = wholeNumber(-1, 65_535);

export function runCommand(context: CliContext): Command {
  const command = new Command('run')
    .description('Run a command with a sidecar beside it; ends with its exit code')
    .argument('<command...>', 'after --')
    .passThroughOptions()
    .option('--service <name>', 'the service it is; made when there is none')
    .option('--port <spec>', '[name=]PORT[/http|http2|grpc|tcp][:SERVICE-PORT] it listens on (repeatable)', collect)
    .option(
      '--upstream <spec>',
      'SERVICE[.NAMESPACE][:PORT]=LOCAL-PORT on 127.0.0.1; 0 for a free one (repeatable)',
      collect,
    )
    .option('--name <name>', "the workload's name (default: the service's or command's and some letters)")
    .option('--service-account <name>', 'identity (default: the service, or default)')
    .option('--label <key=value>', 'label of the workload (repeatable)', collect)
    .option('--inbound-port <port>', 'mTLS port for each --port, in their order (default: free ones)', collect)
    .option('--outbound-port <port>', 'forward proxy for HTTP_PROXY; 0 for a free one, -1 for none', port, 0)
    .option('--admin-port <port>', 'admin port; 0 for a free one, -1 for none', port, 0)
    .option('--drain-seconds <n>', 'how long running requests may take at the end', wholeNumber(0, 3600), 30)
    .option('--state-dir <folder>', 'where the sidecar keeps its state and log', '.heddle/run')
    .option('--access-log <file>', "the sidecar's access log")
    .option('--trace-sample <share>', 'share of requests that are traced, 0 to 1')
    .option('--log-level <level>', "the sidecar's log level");
  examples(
    command,
    'heddle run --service web --port 3000 -- npm start',
    'heddle run --upstream redis:6379=7000 -- sh -c \'redis-cli -p "$HEDDLE_UPSTREAM_REDIS_PORT" ping\'',
    'heddle run -n shop -- curl -s http://catalog/products   # by HTTP_PROXY',
  );
  command.addHelpText(
    'after',
    `
The command gets HTTP_PROXY (names of the mesh over plain http; TLS it makes itself goes past the sidecar), NO_PROXY
for 127.0.0.1, NODE_USE_ENV_PROXY=1 (Node 22.21, 24.5 and later) and HEDDLE_UPSTREAM_<NAME>_PORT for each --upstream.
Signals go to the command. When it has ended, the sidecar drains.`,
  );
  return namespaceOption(serverOption(command)).action((words: string[], options: Options) =>
    runWithSidecar(context, words, options),
  );
}

async function runWithSidecar(context: CliContext, words: readonly string[], options: Options): Promise<void> {
  const client = context.client(options.server);
  const supervisor = new Supervisor();
  const name = options.name ?? workloadName(options.service ?? path.basename(words[0] ?? ''));
  const stateDir = path.resolve(context.cwd, options.stateDir, `${options.namespace}.${name}`);
  const say = (line: string) => context.stderr.write(`heddle: ${line}\n`);
  const proxy = new KeptProxy(context, supervisor, {
    mode: 'sidecar',
    name,
    namespace: options.namespace,
    serviceAccount: options.serviceAccount ?? options.service ?? 'default',
    stateDir,
    logFile: path.join(stateDir, 'sidecar.log'),
    client,
    adminPort: options.adminPort,
    outboundPort: options.outboundPort,
    drainSeconds: options.drainSeconds,
    flags: (ready) => sidecarFlags(options, ready),
    report: say,
  });
  // Whoever listens changes below; at no moment may nobody do so, or the signal would end us and nothing else.
  const always = onEndingSignal(() => {});
  const ending = endingSignal(() => supervisor.killAll());
  try {
    const starting = withProgress(context.stderr, `starting the sidecar of ${name}`, () => proxy.start());
    const ready = await Promise.race([starting, ending.signal]);
    if (typeof ready === 'string') {
      context.setExitCode(128 + signalNumbers[ready]);
      return;
    }
    // From here on the command decides what a signal means.
    ending.dispose();
    say(`${name} is ${ready.spiffeId}; its log is ${path.relative(context.cwd, stateDir) || '.'}/sidecar.log`);
    const env = {
      ...proxyEnvironment(context.env, ready.ports.outbound),
      ...upstreamEnvironment(ready.ports.upstreams),
    };
    context.setExitCode(await runForeground(context, words, env));
  } catch (error) {
    if (proxy.child?.status?.code !== ExitCode.usage) throw error;
    throw new CliError(`wrong flags\n${proxy.child.usageProblems()}`, ExitCode.usage);
  } finally {
    ending.dispose();
    const impatient = endingSignal(() => supervisor.killAll());
    await supervisor.stop((options.drainSeconds + 2) * 1000);
    impatient.dispose();
    always();
    // A name of our making is never used again; nor is what was kept under it.
    if (options.name === undefined && [0, ExitCode.usage].includes(proxy.child?.status?.code ?? -1)) {
      fs.rmSync(stateDir, { recursive: true, force: true });
    }
  }
}

/** A valid and unlikely name: several may run beside one another. */
function workloadName(base: string): string {
  const label =
    base
      .toLowerCase()
      .replace(/[^a-z0-9-]+/g, '-')
      .replace(/^-+|-+$/g, '')
      .slice(0, 50) || 'command';
  return `${label}-${crypto.randomBytes(3).toString('hex')}`;
}

function sidecarFlags(options: Options, ready: ProxyReady | undefined): string[] {
  const repeated = (name: string, values: readonly string[] | undefined) =>
    (values ?? []).map((value) => `--${name}=${value}`);
  const upstreams =
    ready === undefined
      ? options.upstream
      : Object.entries(ready.ports.upstreams).map(([upstream, localPort]) => `${upstream}=${localPort}`);
  const appPorts = (options.port ?? []).map((spec) => Number.parseInt(spec.slice(spec.indexOf('=') + 1), 10));
  return [
    ...repeated('service', options.service === undefined ? [] : [options.service]),
    ...repeated('label', options.label),
    ...repeated('port', options.port),
    ...(ready === undefined ? repeated('inbound-port', options.inboundPort) : inboundPortFlags(appPorts, ready)),
    ...repeated('upstream', upstreams),
    ...(['accessLog', 'traceSample', 'logLevel'] as const).flatMap((option) => {
      const value = options[option];
      return value === undefined
        ? []
        : [`--${option.replace(/[A-Z]/, (letter) => `-${letter.toLowerCase()}`)}=${value}`];
    }),
  ];
}
