import type { Clock } from '../lib/clock.ts';
import type { LogLevel } from '../lib/log.ts';
import type { Random } from '../lib/random.ts';
import type { TimerWheel } from '../lib/timer-wheel.ts';
import type { MetricsSource } from './admin/stats-routes.ts';
import type { AdjustableLog } from './bootstrap/adjustable-log.ts';
import type { Locality } from './cluster/cluster-config.ts';
import { createObserver, type ProxyObserver } from './observe/create-observer.ts';
import { createOtlpSender, type OtlpSender } from './observe/otlp-sender.ts';
import type { OverloadConfig } from './overload/overload-config.ts';
import { OverloadManager } from './overload/overload-manager.ts';
import { calmState } from './overload/overload-state.ts';
import { systemReadings } from './overload/resource-readings.ts';
import { createProxy, type Proxy as DataPath } from './proxy.ts';
import type { SecretSource } from './tls/secret.ts';

/** What carries the traffic of a proxy, with what is told of it: in this process, or in several workers. */
export interface DataPlane {
  readonly proxy: DataPath;
  readonly metrics: MetricsSource;
  /** Whether there is anyone to accept connections. */
  readonly serving: boolean;
  /** Begins its work; configuration may come when it is over. Rejects when `signal` aborts. */
  start(signal?: AbortSignal): Promise<void>;
  /** Brings what `proxy.describe()` tells up to date. */
  refresh(): Promise<void>;
  setLogLevel(level: LogLevel): void;
  /** Ends everything at once, and sends what was gathered. */
  close(): Promise<void>;
}

/** Plain data, so that it can be given to a worker. */
export interface DataPlaneSettings {
  /** `service.name` of spans, and so on; see `ObserverOptions`. */
  readonly serviceName: string;
  readonly namespace: string;
  readonly workload: string;
  readonly mode: 'sidecar' | 'gateway';
  readonly traceSampling: number;
  /** Base URL spans are sent to; empty for nowhere. */
  readonly otlp: string;
  /** Share of requests that are logged; `undefined` for none. */
  readonly accessLogSample: number | undefined;
  readonly overload: OverloadConfig;
  readonly locality: Locality | undefined;
}

export interface DataPlaneDependencies {
  readonly secrets: SecretSource;
  /** Own SPIFFE id; empty until there is one. */
  ownId(): string;
  writeAccessLog?: ((text: string) => unknown) | undefined;
  /** Ports are shared with other processes. */
  readonly reusePort?: boolean;
  /** Part of the memory of the machine or the container that is this process's. Default 1. */
  readonly memoryShare?: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly wheel: TimerWheel;
  readonly log: AdjustableLog;
}

/** The data plane of one process. */
export class LocalDataPlane implements DataPlane {
  readonly proxy: DataPath;
  readonly metrics: ProxyObserver;
  readonly serving = true;
  readonly #otlp: OtlpSender | undefined;
  readonly #overload: OverloadManager;
  readonly #log: AdjustableLog;

  constructor(settings: DataPlaneSettings, deps: DataPlaneDependencies) {
    const { clock, random, log, wheel, secrets, writeAccessLog, reusePort = false } = deps;
    const { accessLogSample, otlp, overload, locality, ...about } = settings;
    this.#log = log;
    this.#otlp = otlp === '' ? undefined : createOtlpSender(otlp, clock);
    this.metrics = createObserver({
      ...about,
      ownId: deps.ownId,
      ...(this.#otlp === undefined ? {} : { spans: this.#otlp }),
      ...(writeAccessLog === undefined || accessLogSample === undefined
        ? {}
        : { accessLog: { write: writeAccessLog, sample: accessLogSample } }),
      clock,
      random,
      log,
    });
    const state = calmState();
    this.proxy = createProxy({
      secrets,
      observer: this.metrics,
      clock,
      random,
      log,
      wheel,
      serverName: 'heddle',
      ...(locality === undefined ? {} : { locality }),
      overload: state,
      reusePort,
      ...(overload.maxConnections === undefined ? {} : { maxConnections: overload.maxConnections }),
    });
    const { memoryShare = 1 } = deps;
    const readings = systemReadings(memoryShare);
    this.#overload = new OverloadManager(shareOf(overload, memoryShare), {
      state,
      target: this.proxy,
      readings,
      wheel,
      log,
    });
    this.metrics.addMetrics(this.#overload.families());
  }

  async start(): Promise<void> {
    this.#overload.start();
  }

  async refresh(): Promise<void> {
    // What it describes is always that of now.
  }

  setLogLevel(level: LogLevel): void {
    this.#log.setLevel(level);
  }

  async close(): Promise<void> {
    this.#overload.close();
    await this.proxy.close();
    await this.metrics.close();
    await this.#otlp?.close();
  }
}

/** What may be of the proxy as a whole, of one of its processes. */
function shareOf(config: OverloadConfig, memoryShare: number): OverloadConfig {
  const monitors = config.monitors.map((monitor) =>
    monitor.kind === 'fixed-heap' ? { ...monitor, maxBytes: Math.floor(monitor.maxBytes * memoryShare) } : monitor,
  );
  return { ...config, monitors };
}
