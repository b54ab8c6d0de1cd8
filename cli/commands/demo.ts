import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import { FreePorts } from '../../lib/free-ports.ts';
import { CliError } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { completeTrace, requestPage } from '../dev/demo-check.ts';
import { DevMesh } from '../dev/dev-mesh.ts';
import { withProgress } from '../output/progress.ts';
import { styleFor } from '../output/style.ts';
import { requireFreePort } from '../process/free-port.ts';
import { endingSignal } from '../process/signals.ts';
import { clearState, loadDevFile } from './dev.ts';
import { examples, portNumber, wholeNumber } from './shared-options.ts';

interface Options {
  readonly port: number;
  readonly apiPort: number;
  readonly stateDir?: string;
  readonly duration?: number;
  readonly smoke?: boolean;
}

const defaultApiPort = 15_014;

export function demoCommand(context: CliContext): Command {
  const command = new Command('demo')
    .description('A shop of five services in a mesh on this machine, until Ctrl-C')
    .option('--port <port>', "the shop's port; 0 for a free one", portNumber, 8080)
    .option('--api-port <port>', 'port of API and console; 0 for a free one', portNumber, defaultApiPort)
    .option('--state-dir <folder>', 'state of this run (made anew) and logs (default: a temporary folder)')
    .option('--duration <seconds>', 'end by itself', wholeNumber(1, 86_400))
    .option('--smoke', 'ask for the page, check it and its trace, and end; exit code 0 when all is well');
  examples(command, 'heddle demo', 'heddle demo --port 9090 --api-port 0', 'heddle demo --smoke --port 0 --api-port 0');
  return command.action((options: Options) => runDemo(context, options));
}

async function runDemo(context: CliContext, options: Options): Promise<void> {
  const started = performance.now();
  await requireFreePort(options.port, '--port');
  await requireFreePort(options.apiPort, '--api-port');
  const port = options.port === 0 ? await new FreePorts().next() : options.port;
  const stateDir =
    options.stateDir === undefined
      ? fs.mkdtempSync(path.join(os.tmpdir(), 'heddle-demo-'))
      : path.resolve(context.cwd, options.stateDir);
  clearState(stateDir);
  const mesh = await makeMesh(context, { ...options, port }, stateDir);
  const ending = endingSignal(() => mesh.kill());
  let failed = false;
  try {
    const starting = withProgress(context.stderr, 'starting the shop', () => startShop(mesh, port));
    const outcome = await Promise.race([starting, ending.signal]);
    if (typeof outcome === 'string') return;
    if (options.smoke === true) {
      const trace = await completeTrace(mesh.client);
      const services = new Set(trace.spans.map((span) => span.service)).size;
      context.stdout.write(
        `OK: the page of four services, and a trace of ${trace.spans.length} spans in ${services} services\n`,
      );
      return;
    }
    context.stdout.write(summary(context, mesh, port, performance.now() - started));
    const timeUp = options.duration === undefined ? [] : [delay(options.duration * 1000, undefined, { ref: false })];
    await Promise.race([ending.signal, ...timeUp]);
  } catch (error) {
    failed = true;
    context.stderr.write(`logs are in ${mesh.logDir}\n`);
    throw error;
  } finally {
    await mesh.stop();
    ending.dispose();
    if (!failed && options.stateDir === undefined) fs.rmSync(stateDir, { recursive: true, force: true });
  }
}

async function makeMesh(context: CliContext, options: Options, stateDir: string): Promise<DevMesh> {
  const folder = path.join(context.root, 'examples', 'shop');
  const text = fs.readFileSync(path.join(folder, 'mesh.yaml'), 'utf8');
  return new DevMesh(context, {
    file: await loadDevFile(context, 'examples/shop/mesh.yaml', withGatewayPort(text, options.port)),
    folder,
    stateDir,
    apiPort: options.apiPort,
    xdsPort: 0,
    drainSeconds: 1,
    report: (line) => context.stderr.write(`heddle: ${line}\n`),
  });
}

/** The shop's file names port 8080 once, in its Gateway. */
function withGatewayPort(text: string, port: number): string {
  const changed = text.replace(/^( +port: )8080$/m, `$1${port}`);
  if (changed === text && port !== 8080) throw new CliError('examples/shop/mesh.yaml has no line `port: 8080`');
  return changed;
}

/** Starts everything and asks for the page once, so that there is a trace to look at. */
async function startShop(mesh: DevMesh, port: number): Promise<void> {
  await mesh.start();
  await requestPage(`http://127.0.0.1:${port}/`);
}

function summary(context: CliContext, mesh: DevMesh, port: number, elapsedMs: number): string {
  const style = styleFor(context.stdout);
  const api = new URL(mesh.client.server);
  const server = Number(api.port) === defaultApiPort ? '' : ` --server ${mesh.client.server}`;
  const canary = path.relative(context.cwd, path.join(context.root, 'examples', 'shop', 'canary.yaml'));
  return `
${style('bold', 'The shop is open')} (ready in ${(elapsedMs / 1000).toFixed(1)} s)

  Shop      ${style('cyan', `http://localhost:${port}/`)}
  Console   ${style('cyan', `http://localhost:${api.port}/`)}
  Logs      ${mesh.logDir}

Try in another terminal:

  npx heddle trace ls${server}
  npx heddle apply -f ${canary}${server}
  npx heddle proxy-status${server}

Ctrl-C ends everything.
`;
}
