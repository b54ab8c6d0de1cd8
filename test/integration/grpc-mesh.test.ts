import grpc from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ProxyProcess, TestMesh } from '../harness/mesh.ts';
import { until } from '../harness/process.ts';

const text = { serialize: (value: string) => Buffer.from(value), deserialize: (bytes: Buffer) => String(bytes) };
const method = (name: string, streams: boolean) => ({
  path: `/test.Loom/${name}`,
  requestStream: streams,
  responseStream: streams,
  requestSerialize: text.serialize,
  requestDeserialize: text.deserialize,
  responseSerialize: text.serialize,
  responseDeserialize: text.deserialize,
});
const loom = { Weave: method('Weave', false), Thread: method('Thread', true) };

let mesh: TestMesh;
let near: ProxyProcess;
let client: InstanceType<ReturnType<typeof grpc.makeGenericClientConstructor>>;
const server = new grpc.Server();

beforeAll(async () => {
  server.addService(loom, {
    Weave(call: grpc.ServerUnaryCall<string, string>, done: grpc.sendUnaryData<string>) {
      if (call.request === 'knot') done({ code: grpc.status.FAILED_PRECONDITION, details: 'a knot' });
      else done(null, `woven ${call.request}`);
    },
    Thread(call: grpc.ServerDuplexStream<string, string>) {
      call.on('data', (thread: string) => call.write(`<${thread}>`));
      call.on('end', () => call.end());
    },
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  mesh = await TestMesh.start();
  await mesh.sidecar('loom', { service: 'loom', port, protocol: 'grpc' });
  near = await mesh.sidecar('weaver', { upstreams: ['loom:80'] });
  await mesh.synced();
  const Client = grpc.makeGenericClientConstructor(loom, 'Loom');
  client = new Client(`127.0.0.1:${mesh.upstream(near, 'loom:80')}`, grpc.credentials.createInsecure());
}, 60_000);

afterAll(async () => {
  client?.close();
  await mesh?.close();
  server.forceShutdown();
});

function weave(thread: string): Promise<string> {
  return new Promise((resolve, reject) =>
    client.Weave?.(thread, (error: grpc.ServiceError | null, cloth: string) =>
      error === null ? resolve(cloth) : reject(error),
    ),
  );
}

test('unary gRPC crosses two sidecars, and its status comes back as it was', async () => {
  expect(await weave('silk')).toBe('woven silk');
  await expect(weave('knot')).rejects.toMatchObject({ code: grpc.status.FAILED_PRECONDITION, details: 'a knot' });
});

test('both directions of a gRPC stream flow at the same time', async () => {
  const call = client.Thread?.() as unknown as grpc.ClientDuplexStream<string, string>;
  const seen: string[] = [];
  call.on('data', (thread: string) => seen.push(thread));
  const status = new Promise<grpc.StatusObject>((resolve) => call.on('status', resolve));
  call.write('warp');
  await until(() => seen.length === 1, 'the first answer');
  call.write('weft');
  await until(() => seen.length === 2, 'the second answer');
  call.end();
  expect((await status).code).toBe(grpc.status.OK);
  expect(seen).toEqual(['<warp>', '<weft>']);
});

test('one HTTP/2 connection carries it all between the sidecars', async () => {
  await Promise.all(Array.from({ length: 20 }, () => weave('wool')));
  const admin = await fetch(`http://127.0.0.1:${near.ready.ports.admin}/clusters`);
  const lines = (await admin.text()).split('\n').filter((line) => line.startsWith('outbound|80||loom.'));
  expect(lines.find((line) => line.includes('::protocol::'))).toMatch(/http2$/);
  expect(lines.find((line) => line.includes('::cx_http2::'))).toMatch(/::1$/);
});
