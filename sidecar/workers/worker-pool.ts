import type { Clock } from '../../lib/clock.ts';
import type { Log, LogLevel } from '../../lib/log.ts';
import type { TimerWheel } from '../../lib/timer-wheel.ts';
import type { ClusterConfig, EndpointConfig } from '../cluster/cluster-config.ts';
import type { DataPlane } from '../data-plane.ts';
import type { HeldResources } from '../discovery/held-resources.ts';
import type { SecretStore } from '../identity/secret-store.ts';
import type { ListenerConfig } from '../net/listener-config.ts';
import { statsOf } from '../observe/create-observer.ts';
import { Exposition } from '../observe/exposition.ts';
import { type MetricFamily, scalar } from '../observe/metric-family.ts';
import { processMetrics } from '../observe/process-metrics.ts';
import type { Proxy as DataPath } from '../proxy.ts';
import type { ProxyDescription } from '../proxy-description.ts';
import type { RouteTable } from '../route/route-table.ts';
import { mergeDescriptions } from './merge-descriptions.ts';
import { mergeMetrics, type ProcessMetrics } from './merge-metrics.ts';
import { RestartPlan } from './restart-plan.ts';
import type { CollectedFamily, RawResource, WorkerSettings } from './worker-messages.ts';
import { WorkerGone, WorkerProcess } from './worker-process.ts';
import { WorkerState } from './worker-state.ts';

export interface WorkerPoolOptions {
  /** At least 2. */
  readonly workers: number;
  readonly settings: Omit<WorkerSettings, 'worker' | 'workers'>;
  readonly secrets: SecretStore;
  /** What the proxy is now; empty both until it has an identity. */
  identity(): { spiffeId: string; trustDomain: string };
  /** The raw form of what discovery hands over. */
  held(): HeldResources;
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly log: Log;
}

/** How long a worker may take to end when it is told to, in milliseconds. */
const endingMs = 2_000;

interface Seat {
  readonly number: number;
  readonly plan: RestartPlan;
  /** The one that has all of the configuration, or is getting it. */
  process: WorkerProcess | undefined;
  ready: boolean;
  /** What it counted when it was last asked. */
  collected: readonly CollectedFamily[];
}

/**
 * Several processes that carry the traffic of one proxy on the same ports. This one holds identity, discovery and the
 * admin port, and tells each worker the same. A worker that crashes takes only its own connections with it: the others
 * go on, and another one is started and told all that holds. This process never ends because of a worker.
 */
export class WorkerPool implements DataPlane, DataPath {
  readonly #options: WorkerPoolOptions;
  readonly #state = new WorkerState();
  readonly #seats: readonly Seat[];
  readonly #stopWatchingSecrets: () => void;
  readonly #own: readonly MetricFamily[];
  #described: ProxyDescription = { listeners: [], clusters: [], routeTables: [] };
  /** Counters of workers that are gone. */
  #past: readonly CollectedFamily[] = [];
  #toldIdentity = '';
  #logLevel: LogLevel;
  #restarts = 0;
  #closed = false;
  #wake: (() => void)[] = [];

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    this.#logLevel = options.settings.logLevel;
    this.#seats = Array.from({ length: options.workers }, (_, index) => ({
      number: index + 1,
      plan: new RestartPlan(),
      process: undefined,
      ready: false,
      collected: [],
    }));
    this.#own = [
      scalar('heddle_workers_ready', 'gauge', 'Workers that accept connections', () => this.#ready().length),
      scalar('heddle_workers_looping', 'gauge', 'Workers that end as quickly as they begin', () => this.#looping()),
      scalar(
        'heddle_worker_restarts_total',
        'counter',
        'Workers started in place of one that ended',
        () => this.#restarts,
      ),
      ...processMetrics(options.clock),
    ];
    this.#stopWatchingSecrets = options.secrets.onChange((name) => this.#tellSecret(name));
  }

  get proxy(): DataPath {
    return this;
  }

  get serving(): boolean {
    return this.#ready().length > 0;
  }

  readonly metrics = {
    renderMetrics: async () => new Exposition(families(await this.#collect())).render(),
    stats: async () => families(await this.#collect()).flatMap(statsOf),
  };

  /** Resolves when every worker accepts; one that ends before that is started again. */
  async start(signal?: AbortSignal): Promise<void> {
    const stop = (): void => this.#wakeAll();
    signal?.addEventListener('abort', stop, { once: true });
    for (const seat of this.#seats) void this.#fill(seat);
    while (this.#ready().length < this.#seats.length) {
      await this.#untilReady();
      if (this.#closed || signal?.aborted) throw new Error('stopped before it was ready');
    }
    signal?.removeEventListener('abort', stop);
  }

  async refresh(): Promise<void> {
    const parts = await this.#askAll<ProxyDescription>((worker) => worker.ask({ kind: 'describe' }));
    this.#described = mergeDescriptions(parts);
  }

  setLogLevel(level: LogLevel): void {
    this.#logLevel = level;
    for (const worker of this.#present()) worker.tell({ kind: 'log-level', level });
  }

  setCluster({ name }: ClusterConfig): void {
    const resource = this.#raw('cluster', name);
    if (resource === undefined) return;
    this.#state.clusters.set(name, { resource, endpoints: undefined });
    this.#tellAll({ kind: 'set', resource });
  }

  async untilResolved(name: string): Promise<void> {
    await this.#askAll((worker) => worker.ask({ kind: 'resolved', name }));
  }

  removeCluster(name: string): void {
    this.#state.clusters.delete(name);
    this.#tellAll({ kind: 'remove', type: 'cluster', name });
  }

  setEndpoints(name: string, endpoints: readonly EndpointConfig[]): void {
    const cluster = this.#state.clusters.get(name);
    if (cluster === undefined) return;
    cluster.endpoints = endpoints;
    this.#tellAll({ kind: 'endpoints', name, endpoints });
  }

  setRouteTable({ name }: RouteTable): void {
    const resource = this.#raw('route', name);
    if (resource === undefined) return;
    this.#state.tables.set(name, resource);
    this.#tellAll({ kind: 'set', resource });
  }

  removeRouteTable(name: string): void {
    this.#state.tables.delete(name);
    this.#tellAll({ kind: 'remove', type: 'route', name });
  }

  /** Resolves when every worker that runs has bound the port; rejects when one cannot. */
  async setListener({ name, port }: ListenerConfig): Promise<number> {
    const resource = this.#raw('listener', name);
    if (resource === undefined) throw new Error(`the listener ${name} is not there any more`);
    const before = this.#state.listeners.get(name);
    const wanted = { resource, port: port === 0 ? (before?.port ?? 0) : port };
    this.#state.listeners.set(name, wanted);
    try {
      // A port left to chance is chosen by the first worker; the others share it.
      while (wanted.port === 0 || this.#present().length === 0) {
        const [first] = this.#present();
        if (first === undefined) await this.#untilReady();
        else wanted.port = (await this.#listen(first, wanted)) ?? 0;
        if (this.#closed) throw new Error('closed');
      }
      await Promise.all(this.#present().map((worker) => this.#listen(worker, wanted)));
    } catch (error) {
      if (before === undefined) this.#state.listeners.delete(name);
      else this.#state.listeners.set(name, before);
      throw error;
    }
    return wanted.port;
  }

  async removeListener(name: string): Promise<void> {
    this.#state.listeners.delete(name);
    this.#tellAll({ kind: 'remove', type: 'listener', name });
  }

  /** As of the last {@link refresh}; the ports are always those of now. */
  describe(): ProxyDescription {
    const described = new Map(this.#described.listeners.map((one) => [one.name, one]));
    const listeners = [...this.#state.listeners].map(([name, { port }]) => {
      const plain = { name, direction: 'gateway', address: '', port, chains: [], connections: 0 } as const;
      return { ...(described.get(name) ?? plain), port };
    });
    return { ...this.#described, listeners };
  }

  /** Workers see to their own memory. */
  closeIdle(): number {
    return 0;
  }

  resetLargest(): number {
    return 0;
  }

  /** Every worker stops accepting and finishes what runs; none is started again. */
  async drain(maxMs: number): Promise<void> {
    this.#closed = true;
    const drained = this.#askAll((worker) => worker.ask({ kind: 'drain', maxMs }));
    // One that does not answer any more holds nobody up.
    await new Promise<void>((resolve) => {
      const timer = this.#options.wheel.start(maxMs + endingMs, resolve);
      void drained.then(() => {
        timer.stop();
        resolve();
      });
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stopWatchingSecrets();
    this.#wakeAll();
    await Promise.all(
      this.#present().map(async (worker) => {
        const timer = this.#options.wheel.start(endingMs, () => worker.kill());
        await worker.ask({ kind: 'close' }).catch(() => {});
        worker.end();
        await worker.ended;
        timer.stop();
      }),
    );
  }

  /** Starts a worker and brings it to where the others are. Resolves when it accepts connections, or when it ended. */
  async #fill(seat: Seat): Promise<void> {
    const { workers, settings, clock, secrets, log } = this.#options;
    const worker = new WorkerProcess();
    seat.process = worker;
    let readyAt = Number.POSITIVE_INFINITY;
    void worker.ended.then((how) => this.#onEnded(seat, how, readyAt));
    try {
      const own = { ...settings, logLevel: this.#logLevel, worker: seat.number, workers };
      // Not awaited: what comes meanwhile must come behind what is replayed, and messages are taken in their order.
      const started = worker.ask({ kind: 'start', settings: own });
      worker.tell({ kind: 'identity', ...this.#options.identity() });
      await Promise.all([started, this.#state.replay(worker, secrets)]);
      seat.ready = true;
      readyAt = clock.now();
      log.info('worker is ready', { worker: seat.number, pid: worker.pid });
      this.#wakeAll();
    } catch (error) {
      if (error instanceof WorkerGone) return;
      log.error('worker cannot serve', {
        worker: seat.number,
        error: error instanceof Error ? error.message : String(error),
      });
      worker.kill();
    }
  }

  #onEnded(seat: Seat, how: string, readyAt: number): void {
    this.#past = mergeMetrics([
      { worker: '', families: this.#past },
      { worker: '', families: seat.collected.filter(({ type }) => type !== 'gauge') },
    ]);
    Object.assign(seat, { process: undefined, ready: false, collected: [] });
    if (this.#closed) return;
    const { clock, wheel, log } = this.#options;
    const delayMs = seat.plan.delayAfter(Math.max(0, clock.now() - readyAt));
    const facts = { worker: seat.number, how, restartMs: delayMs };
    if (seat.plan.looping) log.error('worker crashes in a loop', facts);
    else log.error('worker has ended', facts);
    this.#restarts++;
    if (delayMs === 0) void this.#fill(seat);
    else wheel.start(delayMs, () => void (this.#closed || this.#fill(seat)));
  }

  async #listen(
    worker: WorkerProcess,
    { resource, port }: { resource: RawResource; port: number },
  ): Promise<number | undefined> {
    try {
      return (await worker.ask({ kind: 'listen', resource, port })) as number;
    } catch (error) {
      // The one that takes its place is told with all the rest.
      if (error instanceof WorkerGone) return undefined;
      throw error;
    }
  }

  #raw(type: RawResource['type'], name: string): RawResource | undefined {
    const held = this.#options.held().of(type).get(name);
    if (held === undefined) return undefined;
    const { typeUrl, value } = held.packed;
    return { type, name, version: held.version, typeUrl, value };
  }

  #tellSecret(name: string): void {
    this.#state.secrets.add(name);
    const secret = this.#options.secrets.get(name);
    if (secret !== undefined) this.#tellAll({ kind: 'secret', secret });
  }

  /** An identity that is new goes before what may need it. */
  #tellAll(message: Parameters<WorkerProcess['tell']>[0]): void {
    const identity = this.#options.identity();
    const text = JSON.stringify(identity);
    for (const worker of this.#present()) {
      if (text !== this.#toldIdentity) worker.tell({ kind: 'identity', ...identity });
      worker.tell(message);
    }
    this.#toldIdentity = text;
  }

  async #askAll<T>(ask: (worker: WorkerProcess) => Promise<unknown>): Promise<T[]> {
    const answers = await Promise.allSettled(this.#present().map(ask));
    // One that has just been started has nothing to say yet.
    return answers.flatMap((answer) =>
      answer.status === 'fulfilled' && answer.value !== undefined ? [answer.value as T] : [],
    );
  }

  async #collect(): Promise<CollectedFamily[]> {
    await Promise.all(
      this.#seats.map(async (seat) => {
        const answer = await seat.process?.ask({ kind: 'metrics' }).catch(() => undefined);
        if (answer !== undefined) seat.collected = answer as readonly CollectedFamily[];
      }),
    );
    const parts: ProcessMetrics[] = this.#seats.map(({ number, collected }) => ({
      worker: String(number),
      families: collected,
    }));
    const own = this.#own.map((family) => {
      const { name, help, type } = family;
      return { name, help, type, samples: family.collect() };
    });
    return mergeMetrics([...parts, { worker: '', families: this.#past }, { worker: 'supervisor', families: own }]);
  }

  #present(): WorkerProcess[] {
    return this.#seats.flatMap(({ process }) => (process === undefined ? [] : [process]));
  }

  #ready(): WorkerProcess[] {
    return this.#seats.flatMap(({ process, ready }) => (process === undefined || !ready ? [] : [process]));
  }

  #looping(): number {
    return this.#seats.filter(({ plan }) => plan.looping).length;
  }

  #wakeAll(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  #untilReady(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }
}

function families(collected: readonly CollectedFamily[]): MetricFamily[] {
  return collected.map(({ samples, ...about }) => ({ ...about, collect: () => [...samples] }));
}
