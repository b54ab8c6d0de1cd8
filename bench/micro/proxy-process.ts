import fs from 'node:fs';
import { systemClock } from '../../lib/clock.ts';
import { createLog } from '../../lib/log.ts';
import { systemRandom } from '../../lib/random.ts';
import { TimerWheel } from '../../lib/timer-wheel.ts';
import type { ClusterConfig } from '../../sidecar/cluster/cluster-config.ts';
import type { ListenerConfig } from '../../sidecar/net/listener-config.ts';
import { createObserver } from '../../sidecar/observe/create-observer.ts';
import type { Observer } from '../../sidecar/observe/observer.ts';
import type { StreamInfo } from '../../sidecar/observe/stream-info.ts';
import { optimiseEarly } from '../../sidecar/optimise-early.ts';
import { createProxy } from '../../sidecar/proxy.ts';
import { forwardDefaults, noMutation, noRetry, type RouteTable } from '../../sidecar/route/route-table.ts';
import type { Secret } from '../../sidecar/tls/secret.ts';

/** What `proxy.ts` hands to a proxy process, as JSON in a file named by the first argument. */
export interface ProcessConfig {
  role: 'gateway' | 'outbound' | 'inbound';
  upstreamPort: number;
  secrets: Secret[];
  /** SPIFFE id that the far proxy proves. */
  expectedId: string;
  /** Whether metrics and traces are kept; `false` measures the data path alone. */
  observed: boolean;
  /** What the outbound proxy speaks to the inbound one. */
  hop: 'auto' | 'http1';
}

// A proxy with a fixed configuration in a process of its own, so that its CPU time can be read from outside.
optimiseEarly();
const config = JSON.parse(fs.readFileSync(process.argv[2] as string, 'utf8')) as ProcessConfig;
const { role } = config;

const cluster: ClusterConfig = {
  name: 'upstream',
  discovery: {
    kind: 'static',
    endpoints: [
      {
        address: '127.0.0.1',
        port: config.upstreamPort,
        weight: 1,
        healthy: true,
        tls: role === 'outbound',
        workload: 'bench/app',
      },
    ],
  },
  protocol: role === 'outbound' ? config.hop : 'http1',
  connectTimeoutMs: 1_000,
  idleTimeoutMs: 4_000,
  balancer: { kind: 'peak-ewma', decayMs: 10_000, defaultRttMs: 30 },
  tls:
    role === 'outbound'
      ? {
          sni: 'outbound_.80_._.app.bench.svc.cluster.local',
          expectedIds: [config.expectedId],
          certificateSecret: 'default',
          validationSecret: 'ROOTCA',
        }
      : undefined,
  breakers: {
    maxConnections: 1_024,
    maxPendingRequests: 1_024,
    maxRequests: 1_024,
    retryBudgetPercent: 20,
    minRetryConcurrency: 3,
  },
  service: 'app.bench',
  servicePort: 80,
};

const table: RouteTable = {
  name: 'bench',
  virtualHosts: [
    {
      name: 'app',
      domains: ['*'],
      routes: [
        {
          name: 'HTTPRoute/bench/app/rule/0',
          match: { path: { kind: 'prefix', value: '/' }, headers: [], query: [] },
          responseHeaders: noMutation,
          action: {
            ...forwardDefaults,
            clusters: [{ name: 'upstream', weight: 1, requestHeaders: noMutation, responseHeaders: noMutation }],
            timeoutMs: role === 'inbound' ? 0 : 15_000,
            retry: {
              ...noRetry,
              attempts: role === 'inbound' ? 0 : 1,
              perTryTimeoutMs: role === 'inbound' ? 0 : 5_000,
              on: new Set(['connect-failure', 'refused-stream', 'reset-before-request']),
            },
          },
        },
      ],
    },
  ],
};

const listener: ListenerConfig = {
  name: role,
  direction: role,
  address: '127.0.0.1',
  port: 0,
  chains: [
    {
      name: 'http',
      serverNames: [],
      transport: 'any',
      tls:
        role === 'inbound'
          ? {
              certificateSecret: 'default',
              validationSecret: 'ROOTCA',
              requireClientCertificate: true,
              allowedIds: [],
              minVersion: 'TLSv1.3',
              alpnProtocols: ['h2', 'http/1.1'],
            }
          : undefined,
      protocol: {
        kind: 'http',
        edge: role === 'gateway',
        routes: { kind: 'inline', table },
        idleTimeoutMs: 60_000,
        headersTimeoutMs: 10_000,
        filters: [],
      },
    },
  ],
};

const log = createLog((line) => process.stderr.write(line), 'warn');
let requests = 0;
const silent: Observer = {
  onStreamStart() {},
  onStreamEnd() {},
  onTcpEnd() {},
  onRefused() {},
  onFieldDropped() {},
  onDetected() {},
  onEndpointEvent() {},
  onConnectionOpen() {},
  onConnectionClose() {},
  onHttpConnection() {},
};
const observer: Observer = config.observed
  ? createObserver({
      ownId: () => 'spiffe://bench.local/ns/bench/sa/app',
      serviceName: 'bench',
      namespace: 'bench',
      workload: 'bench',
      mode: role === 'gateway' ? 'gateway' : 'sidecar',
      clock: systemClock,
      random: systemRandom,
      log,
    })
  : silent;
const counting = {
  ...observer,
  onStreamEnd(info: StreamInfo) {
    requests++;
    observer.onStreamEnd(info);
  },
};
const proxy = createProxy({
  secrets: { get: (name) => config.secrets.find((secret) => secret.name === name), subscribe: () => () => {} },
  observer: counting,
  clock: systemClock,
  random: systemRandom,
  log,
  wheel: new TimerWheel(),
});
proxy.setCluster(cluster);
process.stdout.write(`${await proxy.setListener(listener)}\n`);

// On a busy machine the quietest quarters of a second tell more than the whole.
const windows: number[] = [];
let before = process.cpuUsage();
setInterval(() => {
  const { user, system } = process.cpuUsage(before);
  before = process.cpuUsage();
  if (requests > 500) windows.push((user + system) / requests);
  requests = 0;
}, 250);
process.on('SIGTERM', () => {
  windows.sort((a, b) => a - b);
  const at = (share: number) => windows[Math.floor(windows.length * share)]?.toFixed(1);
  process.stderr.write(`${role}: quietest windows ${at(0)}, tenth ${at(0.1)}, median ${at(0.5)} µs/request\n`);
  process.exit(0);
});
