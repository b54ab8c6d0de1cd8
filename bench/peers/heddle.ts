import fs from 'node:fs';
import path from 'node:path';
import { sidecarProgram } from '../../cli/process/sidecar-program.ts';
import { loadAuthority, makeSvid } from '../../test/harness/certificates.ts';
import { TestMesh } from '../../test/harness/mesh.ts';
import { freePort, processTree } from '../processes.ts';
import type { Candidate, Context, RunningCandidate } from '../scenario.ts';
import { writeConfigs } from './envoy.ts';
import { candidateOf, type Peer } from './peer.ts';
import type { Shape } from './shape.ts';

const root = path.resolve(import.meta.dirname, '../..');
const version = (): string =>
  (JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string }).version;

const quiet = ['--log-level', 'warn'];
const off = ['--otlp', '', ...quiet];

const startMesh = (context: Context): Promise<TestMesh> =>
  TestMesh.start({
    namespace: 'bench',
    prefix: ['taskset', '-c', String(context.core)],
    sidecarProgram: sidecarProgram(root),
    flags: ['--log-level', 'warn'],
  });

/** Configured by the same static file as Envoy. */
export const heddlePeer: Peer = {
  name: 'heddle',
  version,
  absent: () => undefined,
  async processes(shape, context) {
    const configs = await writeConfigs(shape, context, 'heddle');
    return configs.map(({ file, port }) => ({
      command: process.execPath,
      args: [sidecarProgram(root), '-c', file, ...quiet],
      port,
    }));
  },
};

/** A static Heddle in the given shape. */
export const heddle = (shape: Shape, name?: string): Candidate => candidateOf(heddlePeer, shape, name);

async function startGateway(context: Context, name: string, flags: readonly string[]): Promise<RunningCandidate> {
  const port = await freePort();
  const upstream = await context.upstreams.http();
  const mesh = await startMesh(context);
  await mesh.apply(`
apiVersion: v1
kind: Service
metadata: {name: app}
spec: {selector: {app: app}, ports: [{name: http, port: 80, targetPort: ${upstream}}]}
---
apiVersion: heddle.dev/v1alpha1
kind: Workload
metadata: {name: app-1, labels: {app: app}}
spec: {address: 127.0.0.1, serviceAccount: app, mesh: false, ports: [{name: http, port: ${upstream}}]}
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
  const { program } = await mesh.gateway('edge', flags);
  return { name, version: version(), port, pids: () => processTree(program.pid), stop: () => mesh.close() };
}

/** HTTP/1 in, HTTP/1 out: a gateway of a real mesh in front of a service without a sidecar. */
export const heddleGateway: Candidate = {
  name: 'heddle',
  absent: () => undefined,
  start: (context) => startGateway(context, 'heddle', off),
};

/** The same gateway that also writes an access log and sends a span of every request to the control plane. */
export const heddleWithEverything: Candidate = {
  name: 'everything',
  absent: () => undefined,
  start: (context) =>
    startGateway(context, 'everything', ['--access-log', path.join(context.folder, 'access.log'), ...quiet]),
};

/** The pair of a mesh hop: the sidecar of a client, mutual TLS, the sidecar of the service. */
export const heddlePair: Candidate = {
  name: 'heddle',
  absent: () => undefined,
  async start(context): Promise<RunningCandidate> {
    const upstream = await context.upstreams.http();
    const mesh = await startMesh(context);
    const far = await mesh.sidecar('app', { service: 'app', port: upstream, flags: off });
    const near = await mesh.sidecar('client', { upstreams: ['app:80'], flags: off });
    return {
      name: 'heddle',
      version: version(),
      port: mesh.upstream(near, 'app:80'),
      pids: () => [near, far].flatMap(({ program }) => processTree(program.pid)),
      stop: () => mesh.close(),
    };
  },
};

/** The sidecar of a service alone, with a client of its mesh in front of it. */
export const heddleFar: Candidate = {
  name: 'heddle',
  absent: () => undefined,
  async start(context): Promise<RunningCandidate> {
    const upstream = await context.upstreams.http();
    const mesh = await startMesh(context);
    const { program, ready } = await mesh.sidecar('app', { service: 'app', port: upstream, flags: off });
    const authority = await loadAuthority(path.join(mesh.folder, 'control-plane', 'ca-issuing.pem'));
    const { chainPem, privateKeyPem } = await makeSvid(authority, 'spiffe://cluster.local/ns/bench/sa/client');
    const clientFolder = path.join(mesh.folder, 'bench-client');
    fs.mkdirSync(clientFolder);
    fs.copyFileSync(mesh.trustBundle, path.join(clientFolder, 'ca.pem'));
    fs.writeFileSync(
      path.join(clientFolder, 'certificate.pem'),
      `${chainPem}\n${authority.certificate.toString('pem')}\n`,
    );
    fs.writeFileSync(path.join(clientFolder, 'key.pem'), privateKeyPem);
    return {
      name: 'heddle',
      version: version(),
      port: ready.ports.inbound[upstream] as number,
      clientFolder,
      pids: () => processTree(program.pid),
      stop: () => mesh.close(),
    };
  },
};
