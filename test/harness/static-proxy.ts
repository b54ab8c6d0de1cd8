import { type Clock, FakeClock, systemClock } from '../../lib/clock.ts';
import { createLog } from '../../lib/log.ts';
import { seededRandom } from '../../lib/random.ts';
import { TimerWheel } from '../../lib/timer-wheel.ts';
import type { ClusterConfig, EndpointConfig } from '../../sidecar/cluster/cluster-config.ts';
import type { DownstreamTlsConfig, HttpChainConfig } from '../../sidecar/net/listener-config.ts';
import { createObserver, type ProxyObserver } from '../../sidecar/observe/create-observer.ts';
import type { Direction } from '../../sidecar/observe/stream-info.ts';
import { createProxy } from '../../sidecar/proxy.ts';
import type { ProxyDescription } from '../../sidecar/proxy-description.ts';
import {
  type ForwardAction,
  forwardDefaults,
  noMutation,
  noRetry,
  type RetryPolicy,
  type Route,
} from '../../sidecar/route/route-table.ts';
import type { Secret, SecretSource } from '../../sidecar/tls/secret.ts';

export interface StaticProxyOptions {
  /** Ports of 127.0.0.1 behind the one route. */
  upstreams: readonly number[];
  /** Default `gateway`, which is the edge; `inbound` and `outbound` are inside the mesh. */
  direction?: Direction;
  /** Default 10,000. */
  headersTimeoutMs?: number;
  /** Default 60,000. */
  idleTimeoutMs?: number;
  /** Versions taken. Default both. */
  codec?: HttpChainConfig['codec'];
  forward?: Partial<ForwardAction>;
  cluster?: Partial<ClusterConfig>;
  routes?: readonly Route[];
  /** Hosts that the route table knows. Default: all. */
  domains?: readonly string[];
  tls?: DownstreamTlsConfig;
  secrets?: readonly Secret[];
  /** With one, time stands still but for {@link StaticProxy.advance}. */
  clock?: FakeClock;
}

/** Name of the cluster, which is the `listener` label of what its endpoints did wrong. */
export const clusterName = 'outbound|80||app.test.svc.cluster.local';
export const listenerName = 'static';

/** The control plane's default, and `gateway-error`, so that answers are retried too. */
export const retryPolicy: RetryPolicy = {
  ...noRetry,
  attempts: 1,
  perTryTimeoutMs: 5_000,
  on: new Set(['connect-failure', 'refused-stream', 'reset-before-request', 'reset', 'gateway-error'] as const),
};

const defaultForward: ForwardAction = {
  ...forwardDefaults,
  clusters: [{ name: clusterName, weight: 1, requestHeaders: noMutation, responseHeaders: noMutation }],
  retry: retryPolicy,
};

/** The real proxy in this process, with one listener, one route for every host and path, and one cluster. */
export class StaticProxy {
  readonly proxy: ReturnType<typeof createProxy>;
  readonly observer: ProxyObserver;
  /** Lines that it logged. */
  readonly logged: string[];
  readonly #wheel: TimerWheel;
  readonly #clock: Clock;
  #port = 0;

  private constructor(options: StaticProxyOptions) {
    this.#clock = options.clock ?? systemClock;
    this.#wheel = new TimerWheel(20, 512, this.#clock);
    const logged: string[] = [];
    this.logged = logged;
    const log = createLog((line) => logged.push(line));
    const random = seededRandom(7);
    this.observer = createObserver({
      ownId: () => '',
      serviceName: 'static',
      namespace: 'test',
      workload: 'static-1',
      mode: options.direction === undefined || options.direction === 'gateway' ? 'gateway' : 'sidecar',
      clock: this.#clock,
      random,
      log,
    });
    this.proxy = createProxy({
      secrets: secretSource(options.secrets ?? []),
      observer: this.observer,
      clock: this.#clock,
      random,
      log,
      wheel: this.#wheel,
      serverName: 'heddle',
    });
  }

  static async start(options: StaticProxyOptions): Promise<StaticProxy> {
    const started = new StaticProxy(options);
    const { direction = 'gateway' } = options;
    started.proxy.setCluster(clusterOf(options));
    started.#port = await started.proxy.setListener({
      name: listenerName,
      direction,
      address: '127.0.0.1',
      port: 0,
      chains: [
        {
          name: 'http',
          serverNames: [],
          transport: options.tls === undefined ? 'any' : 'tls',
          tls: options.tls,
          protocol: {
            kind: 'http',
            routes: { kind: 'inline', table: tableOf(options) },
            edge: direction === 'gateway',
            idleTimeoutMs: options.idleTimeoutMs ?? 60_000,
            headersTimeoutMs: options.headersTimeoutMs ?? 10_000,
            codec: options.codec ?? 'auto',
            filters: [],
          },
        },
      ],
    });
    return started;
  }

  get port(): number {
    return this.#port;
  }

  describe(): ProxyDescription {
    return this.proxy.describe();
  }

  /** Nobody is connected and no request runs. */
  get quiet(): boolean {
    const { listeners, clusters } = this.describe();
    return (
      listeners.every(({ connections }) => connections === 0) &&
      clusters.every(({ activeRequests, pendingRequests }) => activeRequests + pendingRequests === 0)
    );
  }

  /** Lets a fake clock run, in steps, so that timers which timers start run too. */
  advance(ms: number): void {
    const clock = this.#clock;
    if (!(clock instanceof FakeClock)) throw new Error('this proxy lives in real time');
    for (let passed = 0; passed < ms; passed += 20) {
      clock.advance(Math.min(20, ms - passed));
      this.#wheel.tick();
    }
  }

  /** The value of a counter or gauge in the metrics as they are scraped; 0 where there is none. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    const { body } = await this.observer.renderMetrics();
    let sum = 0;
    for (const line of body.split('\n')) {
      if (!line.startsWith(`${name}{`) && !line.startsWith(`${name} `)) continue;
      if (Object.entries(labels).every(([key, value]) => line.includes(`${key}="${value}"`)))
        sum += Number(line.slice(line.lastIndexOf(' ') + 1));
    }
    return sum;
  }

  /** How often the reason was counted in `heddle_refused_total`; every reason together without one. */
  refused(reason?: string, listener: string = listenerName): Promise<number> {
    return this.metric('heddle_refused_total', { listener, ...(reason === undefined ? {} : { reason }) });
  }

  async close(): Promise<void> {
    await this.proxy.close();
    await this.observer.close();
    this.#wheel.close();
  }
}

function clusterOf(options: StaticProxyOptions): ClusterConfig {
  const endpoints = options.upstreams.map(
    (port): EndpointConfig => ({
      address: '127.0.0.1',
      port,
      weight: 1,
      healthy: true,
      tls: false,
      workload: `test/app-${port}`,
    }),
  );
  return {
    name: clusterName,
    discovery: { kind: 'static', endpoints },
    protocol: 'http1',
    connectTimeoutMs: 1_000,
    idleTimeoutMs: 4_000,
    balancer: { kind: 'round-robin' },
    tls: undefined,
    breakers: {
      maxConnections: 1_024,
      maxPendingRequests: 1_024,
      maxRequests: 1_024,
      retryBudgetPercent: 20,
      minRetryConcurrency: 3,
    },
    service: 'app.test',
    servicePort: 80,
    ...options.cluster,
  };
}

function tableOf(options: StaticProxyOptions) {
  const route: Route = {
    name: 'everything',
    match: { path: { kind: 'prefix', value: '/' }, headers: [], query: [] },
    action: { ...defaultForward, ...options.forward },
    responseHeaders: noMutation,
  };
  return {
    name: 'static',
    virtualHosts: [{ name: 'any', domains: options.domains ?? ['*'], routes: [...(options.routes ?? []), route] }],
  };
}

function secretSource(secrets: readonly Secret[]): SecretSource {
  return {
    get: (name) => secrets.find((secret) => secret.name === name),
    subscribe: () => () => {},
  };
}
