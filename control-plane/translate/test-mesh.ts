import type {
  EffectiveTrafficPolicy,
  HeaderEdit,
  MeshEndpoint,
  MeshGateway,
  MeshRoute,
  MeshRule,
  MeshService,
  MeshSnapshot,
  MeshWorkload,
  ServicePort,
} from '../registry/mesh-snapshot.ts';
import type { ProxyNode } from './proxy-node.ts';

/** Small snapshots for tests: every function fills in what a test does not speak of. */

export const noEdit: HeaderEdit = { set: [], add: [], remove: [] };

export const defaultPolicy: EffectiveTrafficPolicy = {
  requestTimeoutMs: 15_000,
  perTryTimeoutMs: 5_000,
  idleTimeoutMs: 300_000,
  connectTimeoutMs: 1_000,
  retries: { attempts: 1, on: ['connect-failure', 'refused-stream'], statuses: [] },
  retryBudget: { percent: 20, minConcurrency: 3 },
  balancer: 'PeakEwma',
  limits: { connections: 1_024, pendingRequests: 1_024, requests: 1_024 },
  origins: [],
};

export function testSnapshot(parts: {
  services?: readonly MeshService[];
  workloads?: readonly MeshWorkload[];
  gateways?: readonly MeshGateway[];
  tlsSecrets?: readonly string[];
  peerAuthentication?: MeshSnapshot['peerAuthentication'];
  revision?: number;
}): MeshSnapshot {
  const byKey = <T extends { namespace: string; name: string }>(list: readonly T[] = []) =>
    new Map(list.map((item) => [`${item.namespace}/${item.name}`, item]));
  return {
    revision: parts.revision ?? 1,
    trustDomain: 'cluster.local',
    services: byKey(parts.services),
    workloads: byKey(parts.workloads),
    gateways: byKey(parts.gateways),
    tlsSecrets: byKey(
      (parts.tlsSecrets ?? []).map((name) => ({
        namespace: 'shop',
        name,
        certificatePem: `certificate of ${name}`,
        privateKeyPem: `key of ${name}`,
      })),
    ),
    peerAuthentication: parts.peerAuthentication ?? [],
  };
}

export function testService(name: string, parts: Partial<MeshService> = {}): MeshService {
  const namespace = parts.namespace ?? 'shop';
  return {
    namespace,
    name,
    fqdn: `${name}.${namespace}.svc.cluster.local`,
    labels: {},
    ports: [testPort(80, { endpoints: [testEndpoint(`${namespace}/${name}-1`)] })],
    routes: [],
    policy: defaultPolicy,
    ...parts,
  };
}

export function testPort(port: number, parts: Partial<ServicePort> = {}): ServicePort {
  return { name: 'http', port, protocol: 'http', endpoints: [], ...parts };
}

export function testEndpoint(workload: string, parts: Partial<MeshEndpoint> = {}): MeshEndpoint {
  const [namespace = '', name = ''] = workload.split('/');
  return {
    workload,
    address: `10.0.0.${/\d+$/.exec(name)?.[0] ?? 1}`,
    port: 15_006,
    meshed: true,
    spiffeId: `spiffe://cluster.local/ns/${namespace}/sa/${name.replace(/-\d+$/, '')}`,
    healthy: true,
    weight: 1,
    labels: {},
    ...parts,
  };
}

export function testWorkload(name: string, parts: Partial<MeshWorkload> = {}): MeshWorkload {
  return {
    namespace: 'shop',
    name,
    serviceAccount: name.replace(/-\d+$/, ''),
    labels: { app: name.replace(/-\d+$/, '') },
    address: '10.0.0.1',
    ports: [{ name: 'http', appPort: 8080, inboundPort: 15_006, protocol: 'http' }],
    upstreams: [],
    meshed: true,
    services: [`shop/${name.replace(/-\d+$/, '')}`],
    ...parts,
  };
}

export function testRoute(name: string, rules: readonly MeshRule[], parts: Partial<MeshRoute> = {}): MeshRoute {
  const namespace = parts.namespace ?? 'shop';
  return {
    origin: `HTTPRoute/${namespace}/${name}`,
    namespace,
    hostnames: [],
    createdAt: '2025-01-01T00:00:00Z',
    rules,
    ...parts,
  };
}

/** A rule to `<service>` or `<service>=<weight>`, all in namespace shop on port 80. */
export function testRule(backends: readonly string[], parts: Partial<MeshRule> = {}): MeshRule {
  return {
    matches: [testMatch({ path: { type: 'PathPrefix', value: '/' } })],
    requestHeaders: noEdit,
    responseHeaders: noEdit,
    redirect: undefined,
    rewrite: undefined,
    backends: backends.map((backend) => {
      const [name, weight = '1'] = backend.split('=');
      return {
        service: `shop/${name}`,
        port: 80,
        weight: Number(weight),
        requestHeaders: noEdit,
        responseHeaders: noEdit,
      };
    }),
    invalidBackendWeight: 0,
    requestTimeoutMs: undefined,
    backendRequestTimeoutMs: undefined,
    ...parts,
  };
}

export function testMatch(parts: Partial<MeshRule['matches'][number]>): MeshRule['matches'][number] {
  return { path: { type: 'PathPrefix', value: '/' }, method: undefined, headers: [], queryParams: [], ...parts };
}

export function testGateway(
  listeners: readonly Partial<MeshGateway['listeners'][number]>[],
  name = 'edge',
): MeshGateway {
  return {
    namespace: 'shop',
    name,
    listeners: listeners.map((listener) => ({
      name: 'http',
      port: 8080,
      protocol: 'HTTP' as const,
      hostname: '',
      certificates: [],
      routes: [],
      ...listener,
    })),
  };
}

export function testNode(workload: string, parts: Partial<ProxyNode> = {}): ProxyNode {
  return {
    id: `${workload}.shop`,
    workload,
    namespace: 'shop',
    serviceAccount: workload.replace(/-\d+$/, ''),
    mode: 'sidecar',
    gateway: '',
    outboundPort: 15_001,
    listenerAddress: '0.0.0.0',
    ...parts,
  };
}
