import path from 'node:path';
import { FreePorts } from '../../lib/free-ports.ts';
import type { ApiClient } from '../client.ts';
import type { CliContext } from '../context.ts';
import { explainProblems } from '../explain-problems.ts';
import type { Child } from '../process/child.ts';
import { type ControlPlaneReady, startControlPlane } from '../process/control-plane.ts';
import type { ProxyReady } from '../process/proxy.ts';
import { Supervisor } from '../process/supervisor.ts';
import { warmCompileCache } from '../process/warm-compile-cache.ts';
import { type Application, planApplications, startApplication, untilListening } from './application.ts';
import type { DevFile } from './dev-file.ts';
import { startGateway, startSidecar } from './proxies.ts';

export interface DevMeshOptions {
  readonly file: DevFile;
  /** Folder of the file: commands start relative to it. */
  readonly folder: string;
  readonly stateDir: string;
  /** 0 for a free one. */
  readonly apiPort: number;
  readonly xdsPort: number;
  /** Seconds that proxies may drain at the end. */
  readonly drainSeconds: number;
  /** Called for what happens to a process. */
  readonly report: (line: string) => void;
  /** Called for each line an application writes, besides its log. */
  readonly onApplicationLine?: (name: string, line: string) => void;
}

/** A mesh on this machine from one file: control plane, applications with a sidecar each, gateways. */
export class DevMesh {
  readonly #context: CliContext;
  readonly #options: DevMeshOptions;
  readonly #supervisor = new Supervisor();
  readonly #logDir: string;
  #controlPlane: Child | undefined;
  #client: ApiClient | undefined;

  constructor(context: CliContext, options: DevMeshOptions) {
    this.#context = context;
    this.#options = options;
    this.#logDir = path.join(options.stateDir, 'logs');
  }

  get logDir(): string {
    return this.#logDir;
  }

  /** The control plane's API. Call after {@link start}. */
  get client(): ApiClient {
    if (this.#client === undefined) throw new Error('the mesh is not started');
    return this.#client;
  }

  /** Resolves when every proxy is warm and every application listens. @throws CliError when one of them does not. */
  async start(): Promise<{ gateways: ReadonlyMap<string, ProxyReady> }> {
    // Applications know their ports before anything runs, so that they start beside the control plane.
    const starting = this.#startControlPlane();
    // It is awaited below; a program that cannot even be started ends this function before.
    starting.catch(() => undefined);
    const applications = await planApplications(this.#options.file.dev, this.#options.folder, new FreePorts());
    const programs = applications.map((application) => this.#startApplication(application));
    [this.#client] = await Promise.all([starting, warmCompileCache(this.#context, this.#supervisor, this.#logDir)]);
    await explainProblems(this.#context, () =>
      this.client.apply({
        files: [this.#options.file.resources],
        namespace: this.#options.file.dev.metadata.namespace,
      }),
    );
    const gateways = await this.#startProxies(applications);
    await Promise.all(applications.map((application, index) => untilListening(application, programs[index])));
    return { gateways };
  }

  /** Ends every process, the control plane last. */
  async stop(): Promise<void> {
    const last = this.#controlPlane === undefined ? [] : [this.#controlPlane];
    await this.#supervisor.stop((this.#options.drainSeconds + 2) * 1000, last);
  }

  /** Ends every process at once. */
  kill(): void {
    this.#supervisor.killAll();
  }

  async #startControlPlane(): Promise<ApiClient> {
    this.#controlPlane = startControlPlane(this.#context, this.#supervisor, {
      stateDir: path.join(this.#options.stateDir, 'control-plane'),
      logFile: path.join(this.#logDir, 'control-plane.log'),
      flags: [`--api-port=${this.#options.apiPort}`, `--xds-port=${this.#options.xdsPort}`],
    });
    const ready = (await this.#supervisor.untilReady(this.#controlPlane)) as unknown as ControlPlaneReady;
    this.#reportEnd('control plane', this.#controlPlane);
    return this.#context.client(`http://127.0.0.1:${ready.ports.api}`);
  }

  #startApplication(application: Application): Child {
    const { onApplicationLine } = this.#options;
    const child = startApplication(this.#context, this.#supervisor, {
      application,
      logFile: path.join(this.#logDir, `${application.name}.log`),
      onLine: onApplicationLine === undefined ? undefined : (line) => onApplicationLine(application.name, line),
    });
    this.#reportEnd(application.name, child);
    return child;
  }

  async #startProxies(applications: readonly Application[]): Promise<ReadonlyMap<string, ProxyReady>> {
    const shared = {
      context: this.#context,
      supervisor: this.#supervisor,
      client: this.client,
      stateDir: this.#options.stateDir,
      logDir: this.#logDir,
      drainSeconds: this.#options.drainSeconds,
      report: this.#options.report,
    };
    const { metadata, spec } = this.#options.file.dev;
    const gateways = spec.gateways.map((gateway) => startGateway(shared, gateway, metadata.namespace));
    const sidecars = applications.map((application) => startSidecar(shared, application));
    const [started] = await Promise.all([Promise.all(gateways), Promise.all(sidecars)]);
    return new Map(started);
  }

  #reportEnd(name: string, child: Child): void {
    const tell = () => {
      if (!this.#supervisor.stopping) this.#options.report(`${name} ended; its log is ${child.spec.logFile}`);
    };
    child.exited.then(tell, tell);
  }
}
