import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadFiles } from '../config/load-files.ts';
import { openTestState, type TestState } from '../store/test-state.ts';
import type { MeshSnapshot } from './mesh-snapshot.ts';
import { Registry } from './registry.ts';

let state: TestState;
let registry: Registry;
const unhealthy = new Set<string>();
let announceHealth: () => void = () => {};

beforeEach(() => {
  unhealthy.clear();
  state = openTestState();
  registry = new Registry({
    store: state.store,
    health: {
      isHealthy: (namespace, name) => !unhealthy.has(`${namespace}/${name}`),
      subscribe: (listener) => {
        announceHealth = listener;
        return () => {};
      },
    },
    trustDomain: 'cluster.local',
    clock: state.clock,
  });
});
afterEach(() => {
  registry.close();
  state.dispose();
});

function apply(yaml: string): MeshSnapshot {
  const { objects, problems } = loadFiles([{ name: 'test.yaml', text: yaml }], 'shop');
  expect(problems).toEqual([]);
  state.store.transaction(() => {
    for (const { resource } of objects) state.store.put(resource, 'api');
  });
  return registry.snapshots.value;
}

function conditions(kind: string, name: string, namespace = 'shop'): string[] {
  const { conditions: list = [] } = registry.statusOf({ kind, metadata: { name, namespace } });
  return list.map(({ type, status, reason }) => `${type}=${status} ${reason}`);
}

const service = (name: string, ports = '{name: http, port: 80, targetPort: 9000}') =>
  `---\napiVersion: v1\nkind: Service\nmetadata: {name: ${name}}\nspec: {selector: {app: ${name}}, ports: [${ports}]}\n`;
const workload = (name: string, app: string, more = '') =>
  `---\napiVersion: heddle.dev/v1alpha1\nkind: Workload\nmetadata: {name: ${name}, labels: {app: ${app}}}\n` +
  `spec: {address: 127.0.0.1, serviceAccount: ${app}, ports: [{name: http, port: 9000, inboundPort: 15006}]${more}}\n`;

test('a service gets the endpoints of the workloads it selects, at the port of their sidecar', () => {
  const plain = `---\napiVersion: heddle.dev/v1alpha1\nkind: Workload\nmetadata: {name: old, labels: {app: cart}}\nspec: {address: 10.0.0.9, mesh: false}\n`;
  const snapshot = apply(
    service('cart') + workload('cart-1', 'cart', ', weight: 3') + workload('web-1', 'web') + plain,
  );
  expect(snapshot.services.get('shop/cart')?.ports[0]?.endpoints).toEqual([
    {
      workload: 'shop/cart-1',
      address: '127.0.0.1',
      port: 15_006,
      meshed: true,
      spiffeId: 'spiffe://cluster.local/ns/shop/sa/cart',
      healthy: true,
      weight: 3,
      labels: { app: 'cart' },
    },
    expect.objectContaining({ workload: 'shop/old', address: '10.0.0.9', port: 9_000, meshed: false, spiffeId: '' }),
  ]);
  expect(snapshot.workloads.get('shop/cart-1')?.services).toEqual(['shop/cart']);
});

test('only what changed is new; nothing is published when nothing did', () => {
  const first = apply(service('cart') + workload('cart-1', 'cart') + service('web') + workload('web-1', 'web'));
  let published = 0;
  registry.snapshots.subscribe(() => published++);

  const second = apply(workload('cart-2', 'cart'));
  expect(second.revision).toBe(first.revision + 1);
  expect(second.services.get('shop/web')).toBe(first.services.get('shop/web'));
  expect(second.gateways).toBe(first.gateways);
  expect(second.services.get('shop/cart')).not.toBe(first.services.get('shop/cart'));
  expect(second.services.get('shop/cart')?.policy).toBe(first.services.get('shop/cart')?.policy);

  expect(apply(service('cart'))).toBe(second);
  announceHealth();
  expect(registry.snapshots.value).toBe(second);
  expect(published).toBe(1);
});

test('a workload that is not healthy stays an endpoint, marked as such, and its service says so', () => {
  apply(service('cart') + workload('cart-1', 'cart'));
  expect(conditions('Service', 'cart')).toContain('Ready=True Ready');
  unhealthy.add('shop/cart-1');
  announceHealth();
  expect(registry.snapshots.value.services.get('shop/cart')?.ports[0]?.endpoints[0]?.healthy).toBe(false);
  expect(conditions('Service', 'cart')).toContain('Ready=False NoHealthyEndpoints');
  expect(conditions('Workload', 'cart-1')).toContain('Ready=False SidecarDisconnected');
});

const policy = (name: string, spec: string, namespace = 'shop') =>
  `---\napiVersion: heddle.dev/v1alpha1\nkind: TrafficPolicy\nmetadata: {name: ${name}, namespace: ${namespace}}\nspec: ${spec}\n`;

test('policies are laid over the defaults field by field: mesh, namespace, service', () => {
  const snapshot = apply(
    service('cart') +
      service('web') +
      policy('mesh', '{retries: {attempts: 2}, balancer: {type: Random}}', 'heddle-system') +
      policy('all', '{balancer: {type: RoundRobin}, timeouts: {idle: 1m}}') +
      policy('cart', '{targetRefs: [{kind: Service, name: cart}], timeouts: {request: 30s}}'),
  );
  expect(snapshot.services.get('shop/cart')?.policy).toMatchObject({
    requestTimeoutMs: 30_000,
    perTryTimeoutMs: 30_000,
    idleTimeoutMs: 60_000,
    connectTimeoutMs: 1_000,
    retries: { attempts: 2 },
    balancer: 'RoundRobin',
    origins: ['TrafficPolicy/heddle-system/mesh', 'TrafficPolicy/shop/all', 'TrafficPolicy/shop/cart'],
  });
  expect(snapshot.services.get('shop/web')?.policy).toMatchObject({ requestTimeoutMs: 15_000, perTryTimeoutMs: 5_000 });
});

test('CF-11: a policy without its target, a younger rival, and a rule that reaches nobody say so', () => {
  apply(
    policy('lost', '{targetRefs: [{kind: Service, name: nowhere}], retries: {attempts: 2}}') +
      policy('a', '{balancer: {type: Random}}') +
      policy('b', '{balancer: {type: RoundRobin}}') +
      '---\napiVersion: heddle.dev/v1alpha1\nkind: PeerAuthentication\nmetadata: {name: pa}\n' +
      'spec: {selector: {matchLabels: {app: nobody}}, mtls: {mode: PERMISSIVE}}\n',
  );
  expect(conditions('TrafficPolicy', 'lost')).toContain('Accepted=False TargetNotFound');
  expect(conditions('TrafficPolicy', 'b')).toContain('Conflicted=True OlderPolicyWins');
  expect(conditions('PeerAuthentication', 'pa')).toContain('Attached=False NoMatchingWorkloads');
});

test('rules for mTLS come narrowest first, and a rule for ports alone keeps the mode around it', () => {
  const rule = (name: string, namespace: string, spec: string) =>
    `---\napiVersion: heddle.dev/v1alpha1\nkind: PeerAuthentication\nmetadata: {name: ${name}, namespace: ${namespace}}\nspec: ${spec}\n`;
  const { peerAuthentication } = apply(
    rule('mesh', 'heddle-system', '{mtls: {mode: STRICT}}') +
      rule('ns', 'shop', '{mtls: {mode: PERMISSIVE}}') +
      rule('port', 'shop', '{selector: {matchLabels: {app: cart}}, portLevelMtls: {"9000": {mode: STRICT}}}'),
  );
  expect(peerAuthentication.map(({ origin, namespace, mode }) => [origin, namespace, mode])).toEqual([
    ['PeerAuthentication/shop/port', 'shop', 'PERMISSIVE'],
    ['PeerAuthentication/shop/ns', 'shop', 'PERMISSIVE'],
    ['PeerAuthentication/heddle-system/mesh', '', 'STRICT'],
  ]);
  expect(peerAuthentication[0]?.portModes).toEqual(new Map([[9_000, 'STRICT']]));
});

test('an object that no longer validates is set aside alone, with the reason', () => {
  apply(service('cart'));
  state.store.put(
    { apiVersion: 'v1', kind: 'Service', metadata: { name: 'old', namespace: 'shop' }, spec: { ports: [] } },
    'api',
  );
  expect([...registry.snapshots.value.services.keys()]).toEqual(['shop/cart']);
  expect(conditions('Service', 'old')).toEqual(['Accepted=False Invalid']);
});

test('a condition tells since when it holds, and is forgotten with its object', () => {
  apply(policy('lost', '{targetRefs: [{kind: Service, name: cart}]}'));
  const at = () => {
    const status = registry.statusOf({ kind: 'TrafficPolicy', metadata: { name: 'lost', namespace: 'shop' } });
    return status.conditions?.map(({ status: value, lastTransitionTime }) => [value, lastTransitionTime]);
  };
  const start = at();
  (state.clock as import('../../lib/clock.ts').FakeClock).advance(5_000);
  expect(at()).toEqual(start);
  apply(service('cart'));
  expect(at()?.[0]?.[0]).toBe('True');
  expect(at()?.[0]?.[1]).not.toBe(start?.[0]?.[1]);
});
