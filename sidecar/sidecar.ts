import { type Clock, systemClock } from '../lib/clock.ts';
import { type Random, systemRandom } from '../lib/random.ts';
import { TimerWheel } from '../lib/timer-wheel.ts';
import { startAdmin } from './admin/start-admin.ts';
import { createAdminSource } from './admin-source.ts';
import type { AdjustableLog } from './bootstrap/adjustable-log.ts';
import { type PickedPorts, pickPorts } from './bootstrap/pick-ports.ts';
import { SealedFile } from './bootstrap/sealed-file.ts';
import type { SidecarOptions } from './bootstrap/sidecar-options.ts';
import { createDataPlane } from './create-data-plane.ts';
import type { DataPlane } from './data-plane.ts';
import { ControlPlaneLink } from './discovery/control-plane-link.ts';
import { Discovery } from './discovery/discovery.ts';
import { nodeId } from './discovery/node.ts';
import { type ExpectedListeners, type Readiness, readinessOf } from './discovery/readiness.ts';
import { IdentityFile } from './identity/identity-file.ts';
import { SecretStore } from './identity/secret-store.ts';
import { ownCertificateName, WorkloadIdentity } from './identity/workload-identity.ts';
import { defaultOverload } from './overload/overload-config.ts';
import type { Proxy as DataPath } from './proxy.ts';
import { version } from './version.ts';

export interface SidecarEnvironment {
  log: AdjustableLog;
  /** Takes access log lines; for a target other than `undefined` in the options. */
  writeAccessLog?: (text: string) => unknown;
  /** Called when the admin port is asked to end the process. */
  onQuit?: () => void;
  /** Gives up starting. */
  signal?: AbortSignal;
  clock?: Clock;
  random?: Random;
}

export interface SidecarPorts {
  admin: number;
  /** The forward proxy's; 0 when there is none. */
  outbound: number;
  /** By application port. */
  inbound: Readonly<Record<string, number>>;
  /** By the name the upstream was given with. */
  upstreams: Readonly<Record<string, number>>;
  /** By listener name. */
  listeners: Readonly<Record<string, number>>;
}

export interface RunningSidecar {
  readonly ports: SidecarPorts;
  readonly spiffeId: string;
  /** Deregisters, stops accepting, and finishes what runs, for at most the configured time; then closes. */
  drain(): Promise<void>;
  /** Ends everything at once. */
  close(): Promise<void>;
}

/** How long a start waits for upstreams whose service may not exist yet, in milliseconds. */
const optionalMs = 3_000;
/** Peers hear within this time that this proxy leaves; until then it goes on accepting. Milliseconds. */
const propagationMs = 300;

/**
 * Composes and starts a proxy; resolves when its listeners are up. Rejects when the CA refuses it, a local port
 * cannot be had, or `signal` aborts; nothing is left running then.
 */
export async function startSidecar(options: SidecarOptions, environment: SidecarEnvironment): Promise<RunningSidecar> {
  const sidecar = new Sidecar(options, environment);
  try {
    await sidecar.start();
    return sidecar;
  } catch (error) {
    await sidecar.close();
    throw error;
  }
}

class Sidecar implements RunningSidecar {
  readonly #options: SidecarOptions;
  readonly #environment: SidecarEnvironment;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #wheel: TimerWheel;
  readonly #secrets = new SecretStore();
  readonly #dataPlane: DataPlane;
  readonly #proxy: DataPath;
  #picked: PickedPorts = { ports: [], upstreams: [], outboundPort: 0 };
  #admin: Awaited<ReturnType<typeof startAdmin>> | undefined;
  #identity: WorkloadIdentity | undefined;
  #discovery: Discovery | undefined;
  #link: ControlPlaneLink | undefined;
  #startedAt = 0;
  #readiness: Readiness = { ready: false, reason: 'starting' };
  #onReady: (() => void) | undefined;
  #draining: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: SidecarOptions, environment: SidecarEnvironment) {
    this.#options = options;
    this.#environment = environment;
    const { clock = systemClock, random = systemRandom, log, writeAccessLog } = environment;
    this.#clock = clock;
    this.#random = random;
    this.#wheel = new TimerWheel(20, 512, clock);
    const settings = {
      serviceName: options.labels.app ?? (options.service === '' ? options.name : options.service),
      namespace: options.namespace,
      workload: options.name,
      mode: options.mode,
      traceSampling: options.traceSampling,
      otlp: options.otlp,
      accessLogSample: options.accessLog?.sample,
      overload: defaultOverload,
      locality: undefined,
    };
    this.#dataPlane = createDataPlane(settings, {
      workers: options.concurrency,
      accessLogTarget: options.accessLog?.target,
      logLevel: options.logLevel,
      mayReadFiles: false,
      hasAds: true,
      held: () => this.#discovery?.held,
      trustDomain: () => this.#identity?.current.trustDomain ?? '',
      ownId: () => this.spiffeId,
      secrets: this.#secrets,
      writeAccessLog,
      clock,
      random,
      wheel: this.#wheel,
      log,
    });
    this.#proxy = this.#dataPlane.proxy;
  }

  get spiffeId(): string {
    return this.#identity?.current.spiffeId ?? '';
  }

  get ports(): SidecarPorts {
    const listeners = Object.fromEntries(
      this.#proxy.describe().listeners.map(({ name, port }) => [name, port] as const),
    );
    const { ports, upstreams, outboundPort } = this.#picked;
    return {
      admin: this.#admin?.port ?? 0,
      outbound: listeners.outbound ?? outboundPort,
      inbound: Object.fromEntries(
        ports.map(({ appPort, inboundPort }) => [appPort, listeners[`inbound|${appPort}`] ?? inboundPort]),
      ),
      upstreams: Object.fromEntries(upstreams.map(({ service, localPort }) => [service, localPort])),
      listeners,
    };
  }

  async start(): Promise<void> {
    const { clock, options, wheel } = { clock: this.#clock, options: this.#options, wheel: this.#wheel };
    const { log, signal } = this.#environment;
    this.#startedAt = clock.now();
    await this.#dataPlane.start(signal);
    const id = nodeId(options);
    const stateFile = (name: string): SealedFile | undefined =>
      options.stateDir === undefined ? undefined : new SealedFile(options.stateDir, name, id);
    this.#picked = await pickPorts(options, stateFile('ports'));
    if (options.adminPort >= 0) this.#admin = await this.#startAdmin();
    const identityFile = stateFile('identity');
    this.#identity = await WorkloadIdentity.start(
      {
        controlPlane: options.controlPlane,
        trustBundlePem: options.trustBundlePem,
        namespace: options.namespace,
        serviceAccount: options.serviceAccount,
        joinToken: options.joinToken,
        file: identityFile === undefined ? undefined : new IdentityFile(identityFile),
        secrets: this.#secrets,
        clock,
        wheel,
        random: this.#random,
        log,
      },
      signal,
    );
    this.#discovery = new Discovery({
      target: this.#proxy,
      secrets: this.#secrets,
      localSecrets: new Set([ownCertificateName]),
      trustDomain: this.#identity.current.trustDomain,
      clock,
      wheel,
      log,
      onChange: () => this.#updateReadiness(),
    });
    this.#link = this.#createLink(this.#identity, this.#discovery, stateFile('last-good'));
    this.#link.start();
    wheel.start(optionalMs, () => this.#updateReadiness());
    await new Promise<void>((resolve, reject) => {
      this.#onReady = resolve;
      signal?.addEventListener('abort', () => reject(new Error('stopped before it was ready')), { once: true });
      if (signal?.aborted) reject(new Error('stopped before it was ready'));
      this.#updateReadiness();
    });
  }

  drain(): Promise<void> {
    this.#draining ??= this.#drain();
    return this.#draining;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  #createLink(identity: WorkloadIdentity, discovery: Discovery, stateFile: SealedFile | undefined): ControlPlaneLink {
    const { mode, name, namespace, serviceAccount, labels, address, service, gateway } = this.#options;
    const { ports, upstreams, outboundPort } = this.#picked;
    const who = { name, namespace, serviceAccount };
    return new ControlPlaneLink({
      address: this.#options.controlPlane,
      node: {
        ...who,
        mode,
        cluster: labels.app ?? name,
        gateway,
        outboundPort,
        listenerAddress: address,
        version,
      },
      workload:
        mode === 'gateway' ? undefined : { ...who, labels, address, ports, nodeId: nodeId(who), service, upstreams },
      identity,
      discovery,
      stateFile,
      clock: this.#clock,
      wheel: this.#wheel,
      random: this.#random,
      log: this.#environment.log,
    });
  }

  #startAdmin(): ReturnType<typeof startAdmin> {
    const { log, onQuit } = this.#environment;
    const { mode, labels, name } = this.#options;
    const source = createAdminSource({
      proxy: this.#proxy,
      discovery: () => this.#discovery,
      secrets: this.#secrets,
      ready: () => {
        const { ready, reason } = this.#readiness;
        if (this.#draining !== undefined) return { state: 'DRAINING', detail: reason };
        if (ready && !this.#dataPlane.serving) return { state: 'INITIALIZING', detail: 'no worker is ready' };
        return { state: ready ? 'LIVE' : 'INITIALIZING', detail: reason };
      },
      serverInfo: () => ({
        version: `heddle/${version}`,
        node: { id: nodeId(this.#options), cluster: labels.app ?? name, metadata: { MODE: mode } },
        spiffe_id: this.spiffeId,
        control_plane: { connected: this.#link?.connected ?? false, stale: this.#link?.stale ?? false },
      }),
      refresh: () => this.#dataPlane.refresh(),
      setLogLevel: (level) => {
        log.setLevel(level);
        this.#dataPlane.setLogLevel(level);
      },
      drain: () => void this.drain(),
      quit: () => onQuit?.(),
    });
    const { metrics } = this.#dataPlane;
    return startAdmin({ port: this.#options.adminPort, source, metrics, clock: this.#clock, log });
  }

  #updateReadiness(): void {
    if (this.#discovery === undefined || this.#readiness.ready) return;
    const patient = this.#clock.now() - this.#startedAt < optionalMs;
    this.#readiness = readinessOf(this.#expected(), this.#discovery.listeners(), patient);
    if (!this.#readiness.ready) return;
    const took = Math.round(this.#clock.now() - this.#startedAt);
    this.#environment.log.info('ready', { spiffeId: this.spiffeId, milliseconds: took, stale: this.#link?.stale });
    this.#onReady?.();
  }

  #expected(): ExpectedListeners {
    const { ports, upstreams, outboundPort } = this.#picked;
    return {
      required: [...ports.map(({ appPort }) => `inbound|${appPort}`), ...(outboundPort === 0 ? [] : ['outbound'])],
      optional: upstreams.map(({ localPort }) => `outbound|${localPort}`),
      atLeastOne: this.#options.mode === 'gateway',
    };
  }

  async #drain(): Promise<void> {
    const drainMs = this.#options.drainSeconds * 1_000;
    this.#environment.log.info('draining', { seconds: this.#options.drainSeconds });
    const registered = this.#options.mode === 'sidecar' && this.#link?.connected === true;
    await this.#link?.leave();
    if (registered) await this.#pause(Math.min(propagationMs, drainMs));
    await this.#proxy.drain(drainMs);
    await this.close();
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#wheel.start(ms, resolve);
    });
  }

  async #close(): Promise<void> {
    this.#link?.close();
    this.#discovery?.close();
    this.#identity?.close();
    await this.#admin?.close();
    await this.#dataPlane.close();
    this.#wheel.close();
  }
}
