import { type ServiceError, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  DeregisterRequest,
  RegisterRequest,
  RegistrationServiceClient,
} from '../../proto/gen/heddle/registration/v1/registration.ts';
import { type TestIdentity, TestServing } from '../../test/harness/serving.ts';
import { testSnapshot, testWorkload } from '../translate/test-mesh.ts';

let mesh: TestServing;
let clients: RegistrationServiceClient[];

beforeEach(async () => {
  mesh = await TestServing.start();
  clients = [];
});

afterEach(async () => {
  for (const client of clients) client.close();
  await mesh.close();
});

const workload = {
  namespace: 'shop',
  name: 'cart-1',
  serviceAccount: 'cart',
  address: '127.0.0.1',
  labels: { app: 'cart' },
  ports: [{ name: 'http', appPort: 8080, inboundPort: 18_080, protocol: 'http', servicePort: 80 }],
  upstreams: [{ service: 'redis.data:6379', localPort: 7000 }],
  nodeId: 'cart-1.shop',
  service: 'cart',
};

function clientFor(identity?: TestIdentity): RegistrationServiceClient {
  const client = new RegistrationServiceClient(`127.0.0.1:${mesh.serving.port}`, mesh.credentials(identity), {
    'grpc.use_local_subchannel_pool': 1,
  });
  clients.push(client);
  return client;
}

function register(client: RegistrationServiceClient, change: object = {}): Promise<{ code: status; details: string }> {
  const request = RegisterRequest.fromPartial({ workload: { ...workload, ...change } });
  return new Promise((resolve) => client.register(request, (error: ServiceError | null) => resolve(outcome(error))));
}

function deregister(client: RegistrationServiceClient, namespace: string, name: string): Promise<{ code: status }> {
  const request = DeregisterRequest.fromPartial({ namespace, name });
  return new Promise((resolve) => client.deregister(request, (error: ServiceError | null) => resolve(outcome(error))));
}

function outcome(error: ServiceError | null): { code: status; details: string } {
  return { code: error?.code ?? status.OK, details: error?.details ?? '' };
}

test('a workload is registered as it was described, and deregistered', async () => {
  const client = clientFor(await mesh.join('cart'));
  expect(await register(client)).toEqual({ code: status.OK, details: '' });
  const { nodeId: _, ...described } = workload;
  expect(mesh.registered.get('shop/cart-1')).toMatchObject(described);
  mesh.snapshots.set(testSnapshot({ workloads: [testWorkload('cart-1')] }));
  expect((await deregister(client, 'shop', 'cart-1')).code).toBe(status.OK);
  expect(mesh.registered.size).toBe(0);
});

test('P-44: a caller speaks for its own namespace and service account only', async () => {
  mesh.snapshots.set(testSnapshot({ workloads: [testWorkload('ratings-1')] }));
  const client = clientFor(await mesh.join('cart'));
  for (const change of [{ namespace: 'bank' }, { serviceAccount: 'ratings' }, { name: 'ratings-1' }]) {
    expect((await register(client, change)).code).toBe(status.PERMISSION_DENIED);
  }
  expect((await deregister(client, 'shop', 'ratings-1')).code).toBe(status.PERMISSION_DENIED);
  expect((await deregister(client, 'bank', 'cart-1')).code).toBe(status.PERMISSION_DENIED);
  expect(await register(clientFor())).toMatchObject({ code: status.UNAUTHENTICATED });
  expect(mesh.registered.size).toBe(0);
});

test('everything wrong with a workload is told at once', async () => {
  const client = clientFor(await mesh.join('cart'));
  const answer = await register(client, {
    address: 'localhost',
    ports: [{ name: 'http', appPort: 0, inboundPort: 70_000, protocol: 'quic' }],
    upstreams: [{ service: 'UPPER', localPort: 0 }],
  });
  expect(answer.code).toBe(status.INVALID_ARGUMENT);
  for (const field of ['address', 'app_port', 'inbound_port', 'protocol', 'local_port', 'upstreams[0].service']) {
    expect(answer.details).toContain(field);
  }
  expect(mesh.registered.size).toBe(0);
});
