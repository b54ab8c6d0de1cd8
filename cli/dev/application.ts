import net from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { FreePorts } from '../../lib/free-ports.ts';
import { CliError } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import type { Child } from '../process/child.ts';
import { ownEnvironment } from '../process/own-environment.ts';
import { proxyEnvironment, upstreamEnvironment } from '../process/proxy-environment.ts';
import type { Supervisor } from '../process/supervisor.ts';
import type { DevDocument, DevProcess } from './dev-schema.ts';

const listeningTimeoutMs = 20_000;

/** A program of a Dev document with everything decided: ports, folders, names. */
export interface Application {
  readonly name: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly service: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly ports: readonly {
    readonly name: string;
    readonly port: number;
    readonly servicePort: number;
    readonly protocol: 'http' | 'http2' | 'tcp';
  }[];
  /** By `<service>:<port>`, as the sidecar names them. */
  readonly upstreams: Readonly<Record<string, number>>;
  /** Its sidecar's forward proxy. */
  readonly outboundPort: number;
}

/** Decides everything that a Dev document leaves open. */
export async function planApplications(dev: DevDocument, folder: string, free: FreePorts): Promise<Application[]> {
  const applications: Application[] = [];
  for (const entry of dev.spec.processes) applications.push(await plan(entry, dev.metadata.namespace, folder, free));
  return applications;
}

async function plan(entry: DevProcess, namespace: string, folder: string, free: FreePorts): Promise<Application> {
  const ports = [];
  const env: Record<string, string> = { ...entry.env };
  for (const { name, port: wanted, env: variable, servicePort, protocol } of entry.ports) {
    const port = wanted === 0 ? await free.next() : wanted;
    ports.push({ name: name ?? protocol, port, servicePort: servicePort ?? port, protocol });
    env[variable] = String(port);
  }
  const upstreams: Record<string, number> = {};
  for (const upstream of entry.upstreams) {
    const [target = '', localPort] = upstream.split('=');
    upstreams[target] = Number(localPort) || (await free.next());
  }
  return {
    name: entry.name,
    namespace: entry.namespace ?? namespace,
    serviceAccount: entry.serviceAccount ?? entry.service ?? entry.name,
    service: entry.service,
    labels: entry.labels,
    command: entry.command,
    cwd: path.resolve(folder, entry.cwd),
    env,
    ports,
    upstreams,
    outboundPort: await free.next(),
  };
}

export interface StartApplication {
  readonly application: Application;
  readonly logFile: string;
  readonly onLine: ((line: string) => void) | undefined;
}

export function startApplication(context: CliContext, supervisor: Supervisor, options: StartApplication): Child {
  const { application, logFile, onLine } = options;
  const [command = '', ...args] = application.command;
  const base = ownEnvironment(context);
  return supervisor.start({
    name: application.name,
    command,
    args,
    cwd: application.cwd,
    env: {
      ...proxyEnvironment(base, application.outboundPort),
      ...upstreamEnvironment(application.upstreams),
      // `node` in a mesh file is the Node that runs us, whatever the machine has.
      PATH: `${path.dirname(context.node)}${path.delimiter}${base.PATH ?? ''}`,
      ...application.env,
    },
    logFile,
    onLine,
    announcesReady: false,
  });
}

/** Waits until every port of an application accepts connections. @throws CliError when it ends before, or after 20 s. */
export async function untilListening(application: Application, child: Child | undefined): Promise<void> {
  const deadline = performance.now() + listeningTimeoutMs;
  for (const { port } of application.ports) {
    while (!(await accepts(port))) {
      if (child?.status !== undefined || performance.now() > deadline) {
        const tail = child?.logTail().map((line) => `    ${line}\n`) ?? [];
        throw new CliError(
          `${application.name} does not listen on port ${port}; its log ends:\n${tail.join('')}`.trimEnd(),
        );
      }
      await delay(25);
    }
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    const answer = (accepted: boolean) => {
      socket.destroy();
      resolve(accepted);
    };
    socket.once('connect', () => answer(true));
    socket.once('error', () => answer(false));
  });
}
