import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { onTestFinished } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { seededRandom } from '../../lib/random.ts';
import { TimerWheel } from '../../lib/timer-wheel.ts';
import type { ClusterConfig, EndpointConfig } from '../../sidecar/cluster/cluster-config.ts';
import type { ConfiguredFilter } from '../../sidecar/http-filter-config.ts';
import type {
  DownstreamTlsConfig,
  FilterChainConfig,
  HttpChainConfig,
  ListenerConfig,
} from '../../sidecar/net/listener-config.ts';
import type { Observer } from '../../sidecar/observe/observer.ts';
import type { Direction, StreamInfo, TcpInfo } from '../../sidecar/observe/stream-info.ts';
import { calmState } from '../../sidecar/overload/overload-state.ts';
import { createProxy, type ProxyDependencies } from '../../sidecar/proxy.ts';
import {
  type ForwardAction,
  forwardDefaults,
  noMutation,
  noRetry,
  type RetryPolicy,
  type Route,
  type RouteTable,
} from '../../sidecar/route/route-table.ts';
import type { Secret, SecretSource } from '../../sidecar/tls/secret.ts';
import { RawClient } from './raw-http.ts';

/** Keeps what the data path tells. */
export class RecordingObserver implements Observer {
  readonly streams: StreamInfo[] = [];
  readonly tcp: TcpInfo[] = [];
  readonly endpointEvents: { cluster: string; event: string; reason: string; address: string }[] = [];
  readonly refused: { listener: string; reason: string; detail: string }[] = [];
  started = 0;
  open = 0;

  onStreamStart(info: StreamInfo): void {
    this.started++;
    info.requestId = `request-${this.started}`;
  }

  onStreamEnd(info: StreamInfo): void {
    this.streams.push(info);
  }

  onTcpEnd(info: TcpInfo): void {
    this.tcp.push(info);
  }

  onRefused(listener: string, reason: string, detail: string): void {
    this.refused.push({ listener, reason, detail });
  }

  readonly detected: string[] = [];

  onFieldDropped(): void {}

  onDetected(_listener: string, protocol: string): void {
    this.detected.push(protocol);
  }

  onEndpointEvent(cluster: string, event: string, reason: string, address: string): void {
    this.endpointEvents.push({ cluster, event, reason, address });
  }

  onConnectionOpen(): void {
    this.open++;
  }

  onConnectionClose(): void {
    this.open--;
  }

  onHttpConnection(_side: string): void {}
}

/** Secrets that a test can exchange. */
export class TestSecrets implements SecretSource {
  readonly #secrets = new Map<string, Secret>();
  readonly #listeners = new Map<string, Set<(secret: Secret) => void>>();

  set(secret: Secret): void {
    this.#secrets.set(secret.name, secret);
    for (const listener of this.#listeners.get(secret.name) ?? []) listener(secret);
  }

  get(name: string): Secret | undefined {
    return this.#secrets.get(name);
  }

  subscribe(name: string, listener: (secret: Secret) => void): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }
}

/** A proxy in this process with a clock that only the test moves. Closed when the test is over. */
export class TestProxy {
  readonly clock = new FakeClock(Date.now());
  readonly wheel = new TimerWheel(10, 512, this.clock);
  readonly observer = new RecordingObserver();
  readonly secrets = new TestSecrets();
  readonly overload = calmState();
  readonly proxy: ReturnType<typeof createProxy>;

  constructor(options: Partial<Pick<ProxyDependencies, 'resolver' | 'maxConnections' | 'locality'>> = {}) {
    this.proxy = createProxy({
      secrets: this.secrets,
      observer: this.observer,
      clock: this.clock,
      random: seededRandom(1),
      log: silentLog,
      wheel: this.wheel,
      overload: this.overload,
      ...options,
    });
    onTestFinished(async () => {
      await this.proxy.close();
      this.wheel.close();
    });
  }

  /** Lets time pass, and every timer fire that is due by then. */
  advance(ms: number): void {
    for (let passed = 0; passed < ms; passed += 10) {
      this.clock.advance(10);
      this.wheel.tick();
    }
  }

  /** An HTTP listener whose one route leads to `cluster`; resolves with its port. */
  listen(cluster: string, options: HttpListenerOptions = {}): Promise<number> {
    return this.proxy.setListener(httpListener(cluster, options));
  }

  /** Lets time pass, in small steps, until something that runs is done. */
  async pump<T>(running: Promise<T>, stepMs = 10): Promise<T> {
    let done = false;
    const finished = running.finally(() => {
      done = true;
    });
    while (!done) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      this.advance(stepMs);
    }
    return finished;
  }

  /** Resolves when `condition` holds; real events make it so, not the clock. */
  until(condition: () => boolean): Promise<void> {
    return until(condition);
  }
}

/** Resolves when `condition` holds. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

export interface HttpListenerOptions {
  name?: string;
  direction?: Direction;
  port?: number;
  routes?: readonly Route[] | string;
  action?: Partial<ForwardAction>;
  filters?: readonly ConfiguredFilter[];
  tls?: DownstreamTlsConfig;
  chains?: readonly FilterChainConfig[];
  http?: Partial<HttpChainConfig>;
}

export function httpListener(cluster: string, options: HttpListenerOptions = {}): ListenerConfig {
  const { name = 'listener', direction = 'outbound', port = 0, routes } = options;
  const chain: FilterChainConfig = {
    name: 'http',
    serverNames: [],
    transport: 'any',
    tls: options.tls,
    protocol: {
      kind: 'http',
      routes:
        typeof routes === 'string'
          ? { kind: 'rds', name: routes }
          : { kind: 'inline', table: routeTable('inline', routes ?? [route(cluster, options.action)]) },
      edge: direction === 'gateway',
      idleTimeoutMs: 60_000,
      headersTimeoutMs: 10_000,
      filters: options.filters ?? [],
      ...options.http,
    },
  };
  return { name, direction, address: '127.0.0.1', port, chains: options.chains ?? [chain] };
}

export function routeTable(name: string, routes: readonly Route[], domains: readonly string[] = ['*']): RouteTable {
  return { name, virtualHosts: [{ name: domains.join(), domains, routes }] };
}

export const retryOnce: RetryPolicy = {
  ...noRetry,
  attempts: 1,
  perTryTimeoutMs: 5_000,
  on: new Set(['connect-failure', 'refused-stream', 'reset-before-request', 'gateway-error']),
};

export { noRetry };

export function route(cluster: string, action: Partial<ForwardAction> = {}): Route {
  return {
    name: `route/${cluster}`,
    match: { path: { kind: 'prefix', value: '/' }, headers: [], query: [] },
    responseHeaders: noMutation,
    action: {
      ...forwardDefaults,
      clusters: [{ name: cluster, weight: 1, requestHeaders: noMutation, responseHeaders: noMutation }],
      ...action,
    },
  };
}

export function endpoint(port: number, more: Partial<EndpointConfig> = {}): EndpointConfig {
  return { address: '127.0.0.1', port, weight: 1, healthy: true, tls: false, workload: `w-${port}`, ...more };
}

export function cluster(
  name: string,
  endpoints: readonly (number | EndpointConfig)[],
  more: Partial<ClusterConfig> = {},
): ClusterConfig {
  return {
    name,
    discovery: { kind: 'static', endpoints: endpoints.map((one) => (typeof one === 'number' ? endpoint(one) : one)) },
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
    service: `${name}.default`,
    servicePort: 80,
    ...more,
  };
}

/** A TCP server of the test; its connections are cut when the test is over. */
export async function tcpServer(onSocket: (socket: net.Socket) => void): Promise<number> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    onSocket(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as net.AddressInfo).port;
}

/** An HTTP server of the test, by Node's own module. */
export async function httpServer(handler: http.RequestListener): Promise<{ port: number; server: http.Server }> {
  const server = http.createServer(handler);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as net.AddressInfo).port, server };
}

/** A port on which nothing listens. */
export async function closedPort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A client that sees the bytes and ends with the test; what it sends waits for the connection. */
export function rawClient(port: number): RawClient {
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  onTestFinished(() => {
    socket.destroy();
  });
  return RawClient.over(socket);
}

export interface SeenResponse {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: string;
}

/** One request by Node's own client. */
export function request(
  port: number,
  path: string,
  options: http.RequestOptions & { body?: string | Buffer } = {},
): Promise<SeenResponse> {
  const { body, ...rest } = options;
  return new Promise((resolve, reject) => {
    const sent = http.request({ host: '127.0.0.1', port, path, agent: false, ...rest }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
