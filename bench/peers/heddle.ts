import fs from 'node:fs';
import path from 'node:path';
import { TestMesh } from '../../test/harness/mesh.ts';
import { freePort, processTree } from '../processes.ts';
import type { Candidate, Context, RunningCandidate } from '../scenario.ts';

const root = path.resolve(import.meta.dirname, '../..');
const version = (): string =>
  (JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string }).version;

const off = ['--otlp', '', '--log-level', 'warn'];

const startMesh = (context: Context): Promise<TestMesh> =>
  TestMesh.start({
    namespace: 'bench',
    prefix: ['taskset', '-c', String(context.core)],
    flags: ['--log-level', 'warn'],
  });

/** HTTP/1 in, HTTP/1 out: a gateway in front of a service without a sidecar. */
export const heddleGateway: Candidate = {
  name: 'heddle',
  absent: () => undefined,
  async start(context): Promise<RunningCandidate> {
    const port = await freePort();
    const mesh = await startMesh(context);
    await mesh.apply(`
apiVersion: v1
kind: Service
metadata: {name: app}
spec: {selector: {app: app}, ports: [{name: http, port: 80, targetPort: ${context.upstreamPort}}]}
---
apiVersion: heddle.dev/v1alpha1
kind: Workload
metadata: {name: app-1, labels: {app: app}}
spec: {address: 127.0.0.1, serviceAccount: app, mesh: false, ports: [{name: http, port: ${context.upstreamPort}}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge}
spec: {gatewayClassName: heddle, listeners: [{name: http, port: ${port}, protocol: HTTP}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: app}
spec: {parentRefs: [{kind: Gateway, name: edge}], rules: [{backendRefs: [{name: app, port: 80}]}]}
`);
    const { program } = await mesh.gateway('edge', off);
    return {
      name: 'heddle',
      version: version(),
      url: `http://127.0.0.1:${port}/`,
      pids: () => processTree(program.pid),
      stop: () => mesh.close(),
    };
  },
};

/** The pair of a mesh hop: the sidecar of a client, mutual TLS, the sidecar of the service. */
export const heddlePair: Candidate = {
  name: 'heddle',
  absent: () => undefined,
  async start(context): Promise<RunningCandidate> {
    const mesh = await startMesh(context);
    const far = await mesh.sidecar('app', { service: 'app', port: context.upstreamPort, flags: off });
    const near = await mesh.sidecar('client', { upstreams: ['app:80'], flags: off });
    return {
      name: 'heddle',
      version: version(),
      url: `http://127.0.0.1:${mesh.upstream(near, 'app:80')}/`,
      pids: () => [near, far].flatMap(({ program }) => processTree(program.pid)),
      stop: () => mesh.close(),
    };
  },
};
