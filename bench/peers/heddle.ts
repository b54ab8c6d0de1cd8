import type { ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { freePort, processTree, readyLine, start, stop } from '../processes.ts';
import type { Candidate, Context, RunningCandidate } from '../scenario.ts';

const root = path.resolve(import.meta.dirname, '../..');
const version = (): string =>
  (JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string }).version;

/** A real control plane with the given resources, and the means to start proxies under it. */
class BenchMesh {
  readonly #context: Context;
  readonly #folder: string;
  readonly #children: ChildProcess[] = [];
  #api = '';
  #xds = 0;
  #bundle = '';

  constructor(context: Context, name: string) {
    this.#context = context;
    this.#folder = path.join(context.folder, name);
    fs.mkdirSync(path.join(this.#folder, 'config'), { recursive: true });
  }

  async start(yaml: string): Promise<void> {
    fs.writeFileSync(path.join(this.#folder, 'config', 'mesh.yaml'), yaml);
    const child = this.#run('control-plane', [
      '--state-dir',
      path.join(this.#folder, 'state'),
      '--config-dir',
      path.join(this.#folder, 'config'),
      '--api-port',
      '0',
      '--xds-port',
      '0',
      '--log-level',
      'warn',
    ]);
    const ready = (await readyLine(child, 'the control plane')) as {
      ports: { api: number; xds: number };
      trustBundle: string;
    };
    this.#api = `http://127.0.0.1:${ready.ports.api}`;
    this.#xds = ready.ports.xds;
    this.#bundle = ready.trustBundle;
  }

  /** Starts a proxy and gives its process and ready line. */
  async proxy(serviceAccount: string, args: readonly string[]): Promise<{ child: ChildProcess; ready: ProxyReady }> {
    const response = await fetch(`${this.#api}/api/v1/tokens`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-heddle-client': 'bench' },
      body: JSON.stringify({ namespace: 'bench', serviceAccount }),
    });
    const { token } = (await response.json()) as { token: string };
    const child = this.#run('sidecar', [
      ...['--name', serviceAccount, '--namespace', 'bench', '--service-account', serviceAccount],
      ...['--control-plane', `127.0.0.1:${this.#xds}`, '--trust-bundle', this.#bundle, '--join-token', token],
      ...['--admin-port', '0', '--otlp', '', '--log-level', 'warn', ...args],
    ]);
    return { child, ready: (await readyLine(child, `the proxy ${serviceAccount}`)) as unknown as ProxyReady };
  }

  async stop(): Promise<void> {
    for (const child of this.#children.reverse()) await stop(child);
  }

  #run(part: string, args: readonly string[]): ChildProcess {
    const child = start(this.#context.core, process.execPath, [path.join(root, part, 'main.ts'), ...args]);
    this.#children.push(child);
    return child;
  }
}

interface ProxyReady {
  ports: { upstreams: Record<string, number>; listeners: Record<string, number> };
}

/** HTTP/1 in, HTTP/1 out: a gateway in front of a service without a sidecar. */
export const heddleGateway: Candidate = {
  name: 'heddle',
  absent: () => undefined,
  async start(context): Promise<RunningCandidate> {
    const port = await freePort();
    const mesh = new BenchMesh(context, 'heddle-gateway');
    await mesh.start(`
apiVersion: v1
kind: Service
metadata: {name: app, namespace: bench}
spec: {selector: {app: app}, ports: [{name: http, port: 80, targetPort: ${context.upstreamPort}}]}
---
apiVersion: heddle.dev/v1alpha1
kind: Workload
metadata: {name: app-1, namespace: bench, labels: {app: app}}
spec: {address: 127.0.0.1, serviceAccount: app, mesh: false, ports: [{name: http, port: ${context.upstreamPort}}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, namespace: bench}
spec: {gatewayClassName: heddle, listeners: [{name: http, port: ${port}, protocol: HTTP}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: app, namespace: bench}
spec: {parentRefs: [{kind: Gateway, name: edge}], rules: [{backendRefs: [{name: app, port: 80}]}]}
`);
    const { child } = await mesh.proxy('edge', [
      '--mode',
      'gateway',
      '--gateway',
      'bench/edge',
      '--outbound-port',
      '-1',
    ]);
    return {
      name: 'heddle',
      version: version(),
      url: `http://127.0.0.1:${port}/`,
      pids: () => processTree(child.pid as number),
      stop: () => mesh.stop(),
    };
  },
};

/** The pair of a mesh hop: the sidecar of a client, mutual TLS, the sidecar of the service. */
export const heddlePair: Candidate = {
  name: 'heddle',
  absent: () => undefined,
  async start(context): Promise<RunningCandidate> {
    const mesh = new BenchMesh(context, 'heddle-pair');
    await mesh.start('');
    const far = await mesh.proxy('app', [
      '--service',
      'app',
      '--label',
      'app=app',
      '--port',
      `http=${context.upstreamPort}/http:80`,
      '--outbound-port',
      '-1',
    ]);
    const near = await mesh.proxy('client', ['--outbound-port', '-1', '--upstream', 'app.bench:80=0']);
    const [port] = Object.values(near.ready.ports.upstreams);
    return {
      name: 'heddle',
      version: version(),
      url: `http://127.0.0.1:${port}/`,
      pids: () => [near.child, far.child].flatMap(({ pid }) => processTree(pid as number)),
      stop: () => mesh.stop(),
    };
  },
};
