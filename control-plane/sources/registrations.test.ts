import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { openTestState, type TestState, testService } from '../store/test-state.ts';
import { apiSource, deletionProblem, ownershipProblem } from './ownership.ts';
import type { RegisteredWorkload } from './registered-workload.ts';
import { RegistrationError, registrationSource, StoredRegistrations } from './registrations.ts';

let clock: FakeClock;
let state: TestState;
let registrations: StoredRegistrations;
beforeEach(() => {
  clock = new FakeClock();
  state = openTestState(clock);
  registrations = new StoredRegistrations(state.store, clock, silentLog);
});
afterEach(() => {
  registrations.close();
  state.dispose();
});

function cart(more: Partial<RegisteredWorkload> = {}): RegisteredWorkload {
  return {
    namespace: 'shop',
    name: 'cart-1',
    serviceAccount: 'cart',
    labels: { version: 'v1' },
    address: '127.0.0.1',
    ports: [{ name: 'http', appPort: 9_000, inboundPort: 19_000, protocol: 'http', servicePort: 80 }],
    upstreams: [{ service: 'redis.data:6379', localPort: 7_000 }],
    service: 'cart',
    ...more,
  };
}

function advance(ms: number): void {
  for (let passed = 0; passed < ms; passed += 1_000) {
    clock.advance(1_000);
    registrations.tick();
  }
}

test('a registration becomes a durable workload, and the service it asks for', () => {
  registrations.register(cart());
  expect(state.store.get('Workload', 'shop', 'cart-1')?.resource).toMatchObject({
    metadata: { labels: { app: 'cart', version: 'v1' } },
    spec: {
      address: '127.0.0.1',
      serviceAccount: 'cart',
      ports: [{ name: 'http', port: 9_000, inboundPort: 19_000, protocol: 'http' }],
      upstreams: [{ service: 'redis', namespace: 'data', port: 6_379, localPort: 7_000 }],
      mesh: true,
    },
  });
  expect(state.store.get('Service', 'shop', 'cart')?.resource.spec).toEqual({
    selector: { 'heddle.dev/service': 'cart' },
    ports: [{ name: 'http', port: 80, targetPort: 'http', appProtocol: 'http' }],
  });
  const version = state.store.resourceVersion;
  registrations.register(cart());
  expect(state.store.resourceVersion).toBe(version);
});

test('a service that someone wrote is left alone; when it goes, the one for the workloads comes back', () => {
  state.store.put(testService('cart'), apiSource);
  registrations.register(cart());
  expect(state.store.get('Service', 'shop', 'cart')?.source).toBe(apiSource);
  state.store.delete('Service', 'shop', 'cart');
  const made = state.store.get('Service', 'shop', 'cart');
  expect(made?.source).toBe(registrationSource);
  expect(ownershipProblem(made!, apiSource)).toBeUndefined();
  expect(deletionProblem(made!, apiSource)).toMatch(/goes with the last of them/);
});

test('several versions stand behind one service, which goes with the last of them', () => {
  registrations.register(cart());
  registrations.register(cart({ name: 'cart-2', ports: [{ ...cart().ports[0]!, appPort: 9_002, servicePort: 0 }] }));
  expect(state.store.get('Service', 'shop', 'cart')?.resource.spec).toMatchObject({ ports: [{ port: 80 }] });
  registrations.deregister('shop', 'cart-1');
  expect(state.store.get('Service', 'shop', 'cart')).toBeDefined();
  registrations.deregister('shop', 'cart-2');
  expect(state.store.list()).toEqual([]);
});

test('what is malformed or belongs to another identity is refused and changes nothing', () => {
  registrations.register(cart());
  const refused = (more: Partial<RegisteredWorkload>) => {
    try {
      registrations.register(cart(more));
    } catch (error) {
      return error instanceof RegistrationError ? `${error.code}: ${error.message}` : String(error);
    }
    return 'accepted';
  };
  expect(refused({ serviceAccount: 'evil' })).toBe('conflict: workload shop/cart-1 belongs to service account cart');
  expect(refused({ name: '../x' })).toMatch(/^invalid: .*metadata.name/);
  expect(refused({ address: 'example.com' })).toMatch(/^invalid: .*must be an IP address/);
  expect(refused({ labels: { app: '<b>' } })).toMatch(/^invalid: /);
  expect(refused({ service: 'Not A Name' })).toMatch(/^invalid: /);
  expect(refused({ upstreams: [{ service: 'x:99999', localPort: 1 }] })).toMatch(/^invalid: /);
  expect(refused({ name: 'other', service: 'UPPER' })).toMatch(/^invalid: /);
  expect(state.store.list().map(({ resource }) => resource.metadata.name)).toEqual(['cart', 'cart-1']);
});

test('a workload without its sidecar gets no requests after 10 s, and is removed after 10 minutes', () => {
  advance(40_000);
  let told = 0;
  registrations.subscribe(() => told++);
  registrations.register(cart());
  registrations.setConnected('shop', 'cart-1', true);
  advance(60_000);
  registrations.setConnected('shop', 'cart-1', false);
  advance(9_000);
  expect([registrations.isHealthy('shop', 'cart-1'), told]).toEqual([true, 0]);
  advance(1_000);
  expect([registrations.isHealthy('shop', 'cart-1'), told]).toEqual([false, 1]);
  registrations.setConnected('shop', 'cart-1', true);
  expect([registrations.isHealthy('shop', 'cart-1'), told]).toEqual([true, 2]);

  registrations.setConnected('shop', 'cart-1', false);
  advance(599_000);
  expect(state.store.get('Workload', 'shop', 'cart-1')).toBeDefined();
  advance(1_000);
  expect(state.store.list()).toEqual([]);
});

test('a restart of the control plane takes no endpoint away for 30 s', () => {
  registrations.register(cart());
  registrations.register(cart({ name: 'cart-2' }));
  registrations.close();
  clock.advance(3_600_000);
  registrations = new StoredRegistrations(state.store, clock, silentLog);
  advance(29_000);
  expect(registrations.isHealthy('shop', 'cart-1')).toBe(true);
  registrations.setConnected('shop', 'cart-1', true);
  advance(1_000);
  expect([registrations.isHealthy('shop', 'cart-1'), registrations.isHealthy('shop', 'cart-2')]).toEqual([true, false]);
});

test('a workload written by hand keeps its own words when its sidecar registers', () => {
  const byHand = {
    apiVersion: 'heddle.dev/v1alpha1',
    kind: 'Workload',
    metadata: { name: 'cart-1', namespace: 'shop' },
  };
  state.store.put({ ...byHand, spec: { address: '10.0.0.1', serviceAccount: 'cart' } }, apiSource);
  registrations.register(cart());
  registrations.deregister('shop', 'cart-1');
  expect(state.store.get('Workload', 'shop', 'cart-1')?.resource.spec).toMatchObject({ address: '10.0.0.1' });
});
