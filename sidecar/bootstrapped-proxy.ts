import { type Clock, systemClock } from '../lib/clock.ts';
import { type Random, systemRandom } from '../lib/random.ts';
import { TimerWheel } from '../lib/timer-wheel.ts';
import { startAdmin } from './admin/start-admin.ts';
import { createAdminSource } from './admin-source.ts';
import type { BootstrapOptions } from './bootstrap/bootstrap-options.ts';
import type { LoadedBootstrap } from './bootstrap/load-bootstrap.ts';
import { ResourceFiles } from './bootstrap/resource-files.ts';
import { type StaticType, staticTypes } from './bootstrap/static-types.ts';
import { createDataPlane } from './create-data-plane.ts';
import type { DataPlane, DataPlaneSettings } from './data-plane.ts';
import type { AdsClient } from './discovery/ads-client.ts';
import type { LocalData } from './discovery/decode-context.ts';
import { decodeResources } from './discovery/decode-response.ts';
import { Discovery } from './discovery/discovery.ts';
import { describeOwnNode } from './discovery/node.ts';
import { SecretStore } from './identity/secret-store.ts';
import { defaultOverload } from './overload/overload-config.ts';
import type { Proxy as DataPath } from './proxy.ts';
import type { RunningSidecar, SidecarEnvironment } from './sidecar.ts';
import { version } from './version.ts';

/**
 * Composes and starts a proxy from an Envoy bootstrap; resolves when the listeners written in it are up. What is
 * written there takes the way of what a server sends, once; a server or files may add to it. Rejects when an address
 * cannot be bound; nothing is left running then.
 */
export async function startBootstrapped(
  bootstrap: LoadedBootstrap,
  options: BootstrapOptions,
  local: LocalData,
  environment: SidecarEnvironment,
): Promise<RunningSidecar> {
  const proxy = new BootstrappedProxy(bootstrap, options, local, environment);
  try {
    await proxy.start();
    return proxy;
  } catch (error) {
    await proxy.close();
    throw error;
  }
}

class BootstrappedProxy implements RunningSidecar {
  /** There is no identity of the mesh: certificates are those of the configuration. */
  readonly spiffeId = '';
  readonly #bootstrap: LoadedBootstrap;
  readonly #options: BootstrapOptions;
  readonly #local: LocalData;
  readonly #environment: SidecarEnvironment;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #wheel: TimerWheel;
  readonly #secrets = new SecretStore();
  readonly #dataPlane: DataPlane;
  readonly #proxy: DataPath;
  readonly #discovery: Discovery;
  readonly #files: ResourceFiles;
  #ads: AdsClient | undefined;
  #admin: Awaited<ReturnType<typeof startAdmin>> | undefined;
  #onChange: (() => void) | undefined;
  #draining: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(
    bootstrap: LoadedBootstrap,
    options: BootstrapOptions,
    local: LocalData,
    environment: SidecarEnvironment,
  ) {
    this.#bootstrap = bootstrap;
    this.#options = options;
    this.#local = local;
    this.#environment = environment;
    const { clock = systemClock, random = systemRandom, log, writeAccessLog } = environment;
    this.#clock = clock;
    this.#random = random;
    this.#wheel = new TimerWheel(20, 512, clock);
    const { id, cluster, locality } = bootstrap.node;
    const settings: DataPlaneSettings = {
      serviceName: cluster === '' ? 'heddle' : cluster,
      namespace: '',
      workload: id,
      mode: 'gateway',
      traceSampling: options.traceSampling,
      otlp: options.otlp,
      accessLogSample: options.accessLog?.sample,
      overload: bootstrap.overload ?? defaultOverload,
      locality,
    };
    const wheel = this.#wheel;
    this.#dataPlane = createDataPlane(settings, {
      workers: options.concurrency,
      accessLogTarget: options.accessLog?.target,
      logLevel: options.logLevel,
      mayReadFiles: true,
      hasAds: bootstrap.ads !== undefined,
      held: () => this.#discovery.held,
      trustDomain: () => '',
      ownId: () => '',
      secrets: this.#secrets,
      writeAccessLog,
      clock,
      random,
      wheel,
      log,
    });
    this.#proxy = this.#dataPlane.proxy;
    const { sources, resources, ads } = bootstrap;
    this.#discovery = new Discovery({
      target: this.#proxy,
      secrets: this.#secrets,
      localSecrets: new Set(resources.secret.map(({ name }) => name)),
      trustDomain: '',
      local,
      hasAds: ads !== undefined,
      clock,
      wheel,
      log,
      onChange: () => {
        this.#files.sync();
        this.#onChange?.();
      },
    });
    const roots = [sources.cluster, sources.listener].flatMap((one) => (one?.kind === 'file' ? [one.file] : []));
    this.#files = new ResourceFiles({ discovery: this.#discovery, roots, local, wheel, log });
  }

  get ports() {
    const listeners = Object.fromEntries(
      this.#proxy.describe().listeners.map(({ name, port }) => [name, port] as const),
    );
    return { admin: this.#admin?.port ?? 0, outbound: 0, inbound: {}, upstreams: {}, listeners };
  }

  async start(): Promise<void> {
    const { admin, resources } = this.#bootstrap;
    await this.#dataPlane.start(this.#environment.signal);
    if (admin !== undefined) this.#admin = await this.#startAdmin(admin.address, admin.port);
    for (const { type } of staticTypes) {
      const problems = await this.#discovery.accept({
        type,
        resources: resources[type],
        removed: [],
        origin: 'static',
      });
      if (problems.length > 0) throw new Error(problems.join('\n'));
    }
    this.#files.sync();
    await this.#startAds();
    await this.#untilServing();
  }

  drain(): Promise<void> {
    this.#draining ??= this.#drain();
    return this.#draining;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** Waits until every static listener is bound, or says why one cannot be. */
  #untilServing(): Promise<void> {
    const { signal } = this.#environment;
    const names = new Set(this.#bootstrap.resources.listener.map(({ name }) => name));
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const own = this.#discovery.listeners().filter(({ name }) => names.has(name));
        const failed = own.find(({ state }) => state === 'failed');
        if (failed !== undefined) reject(new Error(`listener "${failed.name}": ${failed.failure}`));
        else if (own.every(({ state }) => state === 'active')) resolve();
      };
      this.#onChange = look;
      const stopped = () => reject(new Error('stopped before it was ready'));
      signal?.addEventListener('abort', stopped, { once: true });
      if (signal?.aborted) stopped();
      look();
    });
  }

  /** gRPC is loaded only where there is a server to ask. */
  async #startAds(): Promise<void> {
    const { ads, node, resources, sources } = this.#bootstrap;
    const packed = resources.cluster.find(({ name }) => name === ads?.cluster);
    if (ads === undefined || packed?.resource === undefined) return;
    const context = { trustDomain: '', now: this.#clock.wallTime(), local: this.#local };
    const [decoded] = decodeResources('cluster', [packed], context).accepted;
    // Without its TLS the stream would go in plaintext.
    if (decoded?.type !== 'cluster') throw new Error(`the cluster ${packed.name} cannot be read any more`);
    const { tls } = decoded.value.config;
    const [{ Metadata }, { AdsClient }, { grpcCredentials, grpcOptions, grpcTarget }] = await Promise.all([
      import('@grpc/grpc-js'),
      import('./discovery/ads-client.ts'),
      import('./bootstrap/ads-channel.ts'),
    ]);
    if (this.#closed !== undefined) return;
    const metadata = new Metadata();
    for (const { key, value } of ads.metadata) metadata.add(key, value);
    const wildcardTypes: StaticType[] = [];
    for (const type of ['cluster', 'listener'] as const) if (sources[type]?.kind === 'ads') wildcardTypes.push(type);
    this.#ads = new AdsClient({
      address: grpcTarget(packed.resource.value),
      node: describeOwnNode(node, version),
      discovery: this.#discovery,
      credentials: () => grpcCredentials(tls, this.#secrets, () => this.#clock.wallTime()),
      channelOptions: grpcOptions(tls?.sni ?? '', ads.authority),
      form: ads.form,
      wildcardTypes,
      metadata,
      clock: this.#clock,
      wheel: this.#wheel,
      random: this.#random,
      log: this.#environment.log,
    });
    this.#ads.start();
  }

  #startAdmin(address: string, port: number): ReturnType<typeof startAdmin> {
    const { log, onQuit } = this.#environment;
    const { id, cluster } = this.#bootstrap.node;
    const source = createAdminSource({
      proxy: this.#proxy,
      discovery: () => this.#discovery,
      secrets: this.#secrets,
      ready: () => this.#ready(),
      serverInfo: () => ({
        version: `heddle/${version}`,
        node: { id, cluster },
        command_line_options: { config_path: this.#options.file, mode: 'Serve' },
        ...(this.#ads === undefined ? {} : { control_plane: { connected: this.#ads.connected } }),
      }),
      refresh: () => this.#dataPlane.refresh(),
      setLogLevel: (level) => {
        log.setLevel(level);
        this.#dataPlane.setLogLevel(level);
      },
      drain: () => void this.drain(),
      quit: () => onQuit?.(),
    });
    return startAdmin({ address, port, source, metrics: this.#dataPlane.metrics, clock: this.#clock, log });
  }

  #ready(): { state: 'LIVE' | 'DRAINING' | 'INITIALIZING'; detail: string } {
    if (this.#draining !== undefined) return { state: 'DRAINING', detail: '' };
    const waiting = this.#discovery.listeners().filter(({ state }) => state !== 'active');
    if (!this.#dataPlane.serving) return { state: 'INITIALIZING', detail: 'no worker is ready' };
    if (waiting.length === 0) return { state: 'LIVE', detail: '' };
    const names = waiting.map(({ name }) => name).join(', ');
    return { state: 'INITIALIZING', detail: `listeners are not up: ${names}` };
  }

  async #drain(): Promise<void> {
    this.#environment.log.info('draining', { seconds: this.#options.drainSeconds });
    this.#ads?.freeze();
    this.#files.close();
    await this.#proxy.drain(this.#options.drainSeconds * 1_000);
    await this.close();
  }

  async #close(): Promise<void> {
    this.#ads?.close();
    this.#files.close();
    this.#discovery.close();
    await this.#admin?.close();
    await this.#dataPlane.close();
    this.#wheel.close();
  }
}
