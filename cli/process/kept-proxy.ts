import { setTimeout as delay } from 'node:timers/promises';
import { Backoff } from '../../lib/backoff.ts';
import type { ApiClient } from '../client.ts';
import type { CliContext } from '../context.ts';
import type { Child } from './child.ts';
import { type ProxyOptions, type ProxyReady, startProxy } from './proxy.ts';
import { describeExit, type Supervisor } from './supervisor.ts';

export interface KeptProxyOptions extends Omit<ProxyOptions, 'flags' | 'server'> {
  readonly client: ApiClient;
  /** Flags for a start; `ready` is what the last run had, so that a restart can keep its ports. */
  readonly flags: (ready: ProxyReady | undefined) => readonly string[];
  /** Says what happened to it: `sidecar cart ended (SIGKILL); starting it again`. */
  readonly report: (line: string) => void;
}

/** A proxy that is started again, on the ports it had, when it dies of something else than our stopping it. */
export class KeptProxy {
  readonly #context: CliContext;
  readonly #supervisor: Supervisor;
  readonly #options: KeptProxyOptions;
  readonly #backoff = new Backoff(200, 5000);
  #ready: ProxyReady | undefined;
  #child: Child | undefined;

  constructor(context: CliContext, supervisor: Supervisor, options: KeptProxyOptions) {
    this.#context = context;
    this.#supervisor = supervisor;
    this.#options = options;
  }

  /** The running process. */
  get child(): Child | undefined {
    return this.#child;
  }

  /** Starts it; a first start that fails is an error, later ones are repeated. */
  async start(): Promise<ProxyReady> {
    const ready = await this.#startOnce();
    this.#keep().catch(() => {});
    return ready;
  }

  async #startOnce(): Promise<ProxyReady> {
    const { client, namespace, serviceAccount, flags, ...options } = this.#options;
    const token = await client.createToken({ namespace, serviceAccount });
    const ports = this.#ready?.ports;
    this.#child = startProxy(
      this.#context,
      this.#supervisor,
      {
        ...options,
        namespace,
        serviceAccount,
        server: client.server,
        adminPort: ports === undefined ? options.adminPort : ports.admin || -1,
        outboundPort: ports === undefined ? options.outboundPort : ports.outbound || -1,
        flags: flags(this.#ready),
      },
      token,
    );
    this.#ready = (await this.#supervisor.untilReady(this.#child)) as unknown as ProxyReady;
    return this.#ready;
  }

  async #keep(): Promise<void> {
    const { mode, name, report } = this.#options;
    for (;;) {
      const status = await this.#child?.exited;
      if (this.#supervisor.stopping || status === undefined) return;
      report(`${mode} ${name} ended (${describeExit(status)}); starting it again`);
      await this.#restart();
    }
  }

  /** Tries until it runs again; the control plane may be away for a while. */
  async #restart(): Promise<void> {
    while (!this.#supervisor.stopping) {
      await delay(this.#backoff.next());
      if (this.#supervisor.stopping) return;
      try {
        await this.#startOnce();
        this.#backoff.reset();
        this.#options.report(`${this.#options.mode} ${this.#options.name} is back`);
        return;
      } catch (error) {
        this.#options.report(error instanceof Error ? error.message : String(error));
      }
    }
  }
}
