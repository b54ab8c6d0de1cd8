import fs from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import { CliError, ExitCode } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import type { DevFile } from '../dev/dev-file.ts';
import { DevMesh } from '../dev/dev-mesh.ts';
import { renderProblems } from '../output/problems.ts';
import { withProgress } from '../output/progress.ts';
import { styleFor } from '../output/style.ts';
import { requireFreePort } from '../process/free-port.ts';
import { endingSignal } from '../process/signals.ts';
import { examples, portNumber, wholeNumber } from './shared-options.ts';

interface Options {
  readonly filename: string;
  readonly stateDir: string;
  readonly apiPort: number;
  readonly xdsPort: number;
  readonly drainSeconds: number;
  readonly quiet?: boolean;
}

const colours = ['cyan', 'magenta', 'yellow', 'green', 'blue', 'gray'] as const;

export function devCommand(context: CliContext): Command {
  const command = new Command('dev')
    .description('A whole mesh from one file: control plane, programs with a sidecar each, gateways')
    .requiredOption('-f, --filename <file>', 'YAML with one document of kind Dev and any objects')
    .option('--state-dir <folder>', 'state of this run (made anew) and logs', '.heddle/dev')
    .option('--api-port <port>', 'port of API and console; 0 for a free one', portNumber, 15_014)
    .option('--xds-port <port>', 'port for proxies; 0 for a free one', portNumber, 0)
    .option('--drain-seconds <n>', 'how long running requests may take at the end', wholeNumber(0, 3600), 3)
    .option('-q, --quiet', 'do not print what the programs write (it is in their logs)');
  examples(command, 'heddle dev -f mesh.yaml', 'heddle dev -f examples/shop/mesh.yaml');
  command.addHelpText(
    'after',
    `
The Dev document lists programs and gateways; examples/shop/README.md describes it:

  apiVersion: heddle.dev/v1alpha1
  kind: Dev
  metadata: { name: shop, namespace: shop }
  spec:
    processes:
      - name: cart-1
        service: cart
        command: [node, cart.js]
        ports: [{ name: http, servicePort: 80 }]     # listens on $PORT
    gateways:
      - gateway: edge`,
  );
  return command.action((options: Options) => runDev(context, options));
}

/** Reads a mesh file, or prints every problem of it and throws. */
export async function loadDevFile(context: CliContext, name: string, text: string): Promise<DevFile> {
  const { readDevFile } = await import('../dev/dev-file.ts');
  const file = readDevFile(name, text);
  if (!('problems' in file)) return file;
  context.stderr.write(renderProblems(file.problems));
  throw new CliError(`${name} is no mesh file; nothing was started`, ExitCode.usage);
}

/** Removes what an earlier run left: a mesh from a file is that file and nothing else. */
export function clearState(stateDir: string): void {
  for (const folder of ['control-plane', 'proxies', 'logs']) {
    fs.rmSync(path.join(stateDir, folder), { recursive: true, force: true });
  }
}

async function runDev(context: CliContext, options: Options): Promise<void> {
  const filePath = path.resolve(context.cwd, options.filename);
  const text = readText(filePath, options.filename);
  const file = await loadDevFile(context, options.filename, text);
  await requireFreePort(options.apiPort, '--api-port');
  await requireFreePort(options.xdsPort, '--xds-port');
  const stateDir = path.resolve(context.cwd, options.stateDir);
  clearState(stateDir);
  const print = linePrinter(
    context,
    file.dev.spec.processes.map((entry) => entry.name),
  );
  const mesh = new DevMesh(context, {
    file,
    folder: path.dirname(filePath),
    stateDir,
    apiPort: options.apiPort,
    xdsPort: options.xdsPort,
    drainSeconds: options.drainSeconds,
    report: (line) => context.stderr.write(`heddle: ${line}\n`),
    ...(options.quiet === true ? {} : { onApplicationLine: print }),
  });
  const ending = endingSignal(() => mesh.kill());
  try {
    const starting = withProgress(context.stderr, 'starting the mesh', () => mesh.start());
    const started = await Promise.race([starting, ending.signal]);
    if (typeof started === 'string') return;
    context.stderr.write(`Console  ${mesh.client.server}/\n`);
    for (const [name, ready] of started.gateways) {
      for (const port of new Set(Object.values(ready.ports.listeners))) {
        context.stderr.write(`Gateway  ${name} on 127.0.0.1:${port}\n`);
      }
    }
    context.stderr.write(`Logs     ${mesh.logDir}\nCtrl-C ends everything.\n`);
    await ending.signal;
  } finally {
    await mesh.stop();
    ending.dispose();
  }
}

function readText(filePath: string, name: string): string {
  try {
    return fs.readFileSync(filePath, 'utf8');
  } catch (error) {
    throw new CliError(`${name}: ${error instanceof Error ? error.message : String(error)}`, ExitCode.usage);
  }
}

/** Prints lines of programs behind their names, each name in a colour of its own. */
function linePrinter(context: CliContext, names: readonly string[]): (name: string, line: string) => void {
  const width = Math.max(...names.map((name) => name.length));
  const style = styleFor(context.stdout);
  return (name, line) => {
    const colour = colours[names.indexOf(name) % colours.length] ?? 'gray';
    context.stdout.write(`${style(colour, `${name.padEnd(width)} |`)} ${line}\n`);
  };
}
