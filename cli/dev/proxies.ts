import path from 'node:path';
import type { ApiClient } from '../client.ts';
import type { CliContext } from '../context.ts';
import { KeptProxy } from '../process/kept-proxy.ts';
import { inboundPortFlags, type ProxyReady } from '../process/proxy.ts';
import type { Supervisor } from '../process/supervisor.ts';
import type { Application } from './application.ts';
import type { DevGateway } from './dev-schema.ts';

/** What all proxies of a mesh have in common. */
export interface SharedProxyOptions {
  readonly context: CliContext;
  readonly supervisor: Supervisor;
  readonly client: ApiClient;
  readonly stateDir: string;
  readonly logDir: string;
  readonly drainSeconds: number;
  readonly report: (line: string) => void;
}

/** Starts the sidecar of an application and waits until it is warm. */
export function startSidecar(shared: SharedProxyOptions, application: Application): Promise<ProxyReady> {
  const labels =
    application.service === undefined ? application.labels : { app: application.service, ...application.labels };
  const flags = [
    ...(application.service === undefined ? [] : [`--service=${application.service}`]),
    ...Object.entries(labels).map(([key, value]) => `--label=${key}=${value}`),
    ...application.ports.map(
      ({ name, port, protocol, servicePort }) => `--port=${name}=${port}/${protocol}:${servicePort}`,
    ),
    ...Object.entries(application.upstreams).map(([target, port]) => `--upstream=${target}=${port}`),
  ];
  const { name, namespace, serviceAccount, outboundPort } = application;
  return keep(shared, { mode: 'sidecar', name, namespace, serviceAccount, outboundPort }, (ready) => [
    ...flags,
    ...inboundPortFlags(
      application.ports.map(({ port }) => port),
      ready,
    ),
  ]);
}

/** Starts the proxy of a Gateway; answers its `<namespace>/<name>` and ports. */
export async function startGateway(
  shared: SharedProxyOptions,
  options: DevGateway,
  defaultNamespace: string,
): Promise<[string, ProxyReady]> {
  const [name = '', namespace = defaultNamespace] = options.gateway.split('/').toReversed();
  const serviceAccount = options.serviceAccount ?? name;
  const ready = await keep(shared, { mode: 'gateway', name, namespace, serviceAccount, outboundPort: -1 }, () => [
    `--gateway=${namespace}/${name}`,
    `--address=${options.address}`,
  ]);
  return [`${namespace}/${name}`, ready];
}

function keep(
  shared: SharedProxyOptions,
  identity: {
    mode: 'sidecar' | 'gateway';
    name: string;
    namespace: string;
    serviceAccount: string;
    outboundPort: number;
  },
  flags: (ready: ProxyReady | undefined) => readonly string[],
): Promise<ProxyReady> {
  const { context, supervisor, client, drainSeconds, report } = shared;
  const key = `${identity.namespace}.${identity.name}`;
  return new KeptProxy(context, supervisor, {
    ...identity,
    stateDir: path.join(shared.stateDir, 'proxies', key),
    logFile: path.join(shared.logDir, `${identity.mode}-${key}.log`),
    client,
    adminPort: 0,
    drainSeconds,
    flags,
    report,
  }).start();
}
