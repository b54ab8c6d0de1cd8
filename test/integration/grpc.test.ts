import * as grpc from '@grpc/grpc-js';
import { expect, onTestFinished, test } from 'vitest';
import { forwardDefaults, type RetryPolicy } from '../../sidecar/route/route-table.ts';
import { until } from '../harness/data-path.ts';
import { retryPolicy, StaticProxy, type StaticProxyOptions } from '../harness/static-proxy.ts';

// gRPC as its users know it: the client and the server are @grpc/grpc-js, the proxies between them real.

const bytes = { requestSerialize: (b: Buffer) => b, requestDeserialize: (b: Buffer) => b } as const;
const method = (path: string, requestStream: boolean, responseStream: boolean) => ({
  path,
  requestStream,
  responseStream,
  ...bytes,
  responseSerialize: (b: Buffer) => b,
  responseDeserialize: (b: Buffer) => b,
});
const service = {
  unary: method('/test.Test/Unary', false, false),
  serverStream: method('/test.Test/ServerStream', false, true),
  bidi: method('/test.Test/Bidi', true, true),
} satisfies grpc.ServiceDefinition;

type Handlers = Partial<Record<keyof typeof service, grpc.UntypedHandleCall>>;

async function startServer(handlers: Handlers): Promise<number> {
  const server = new grpc.Server();
  server.addService(service, handlers as grpc.UntypedServiceImplementation);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  onTestFinished(() => server.forceShutdown());
  return port;
}

/** Two proxies in real time between a client and the server: outbound, then inbound. */
async function startPair(upstream: number, forward: StaticProxyOptions['forward'] = {}) {
  const cluster = { protocol: 'http2' as const };
  const inbound = await StaticProxy.start({
    upstreams: [upstream],
    direction: 'inbound',
    cluster,
    forward: { timeoutMs: 0 },
  });
  const outbound = await StaticProxy.start({ upstreams: [inbound.port], direction: 'outbound', cluster, forward });
  const client = new grpc.Client(`127.0.0.1:${outbound.port}`, grpc.credentials.createInsecure());
  onTestFinished(async () => {
    client.close();
    await outbound.close();
    await inbound.close();
  });
  return { client, inbound, outbound };
}

interface Outcome {
  code: number;
  details: string;
  message: string | undefined;
}

function unary(client: grpc.Client, text: string, options: grpc.CallOptions = {}): Promise<Outcome> {
  const { path, requestSerialize, responseDeserialize } = service.unary;
  return new Promise((resolve) => {
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, Buffer.from(text), options, (error, value) =>
      resolve({ code: error?.code ?? 0, details: error?.details ?? '', message: value?.toString() }),
    );
  });
}

type UnaryCall = grpc.ServerUnaryCall<Buffer, Buffer>;
type Callback = grpc.sendUnaryData<Buffer>;

test('calls, messages, statuses and metadata go through both ways', async () => {
  const port = await startServer({
    unary: (call: UnaryCall, callback: Callback) => {
      if (call.request.toString() === 'fail') callback({ code: grpc.status.NOT_FOUND, details: 'no such caf\u00e9' });
      else callback(null, call.request);
    },
  });
  const { client, outbound } = await startPair(port);
  expect(await unary(client, 'hello')).toEqual({ code: 0, details: '', message: 'hello' });
  expect(await unary(client, 'fail')).toMatchObject({ code: grpc.status.NOT_FOUND, details: 'no such caf\u00e9' });
  const labels = { request_protocol: 'grpc' };
  expect(await outbound.metric('heddle_requests_total', { ...labels, grpc_response_status: '0' })).toBe(1);
  expect(await outbound.metric('heddle_requests_total', { ...labels, grpc_response_status: '5' })).toBe(1);
});

test('an error of a proxy is a status with a message', async () => {
  const { client } = await startPair(1);
  const outcome = await unary(client, 'x');
  expect(outcome.code).toBe(grpc.status.UNAVAILABLE);
  expect(outcome.details).toContain('no connection to app.test');
});

test('P-22 RS-17: a deadline shrinks on its way, and its end is DEADLINE_EXCEEDED', async () => {
  const deadlines: number[] = [];
  const port = await startServer({
    unary: (call: UnaryCall, callback: Callback) => {
      deadlines.push(Number(call.getDeadline()));
      if (call.request.toString() !== 'hang') callback(null, call.request);
    },
  });
  const { client } = await startPair(port, { timeoutMs: 0 });
  const deadline = Date.now() + 5_000;
  expect((await unary(client, 'x', { deadline })).code).toBe(0);
  // The server counts from its own clock, which is ours.
  expect(deadlines[0]).toBeLessThanOrEqual(deadline + 50);
  expect((await unary(client, 'hang', { deadline: Date.now() + 300 })).code).toBe(grpc.status.DEADLINE_EXCEEDED);
});

test('a client that cancels is heard by the server', async () => {
  let cancelled = false;
  const port = await startServer({
    serverStream: (call: grpc.ServerWritableStream<Buffer, Buffer>) => {
      call.on('cancelled', () => {
        cancelled = true;
      });
      call.write(Buffer.from('first'));
    },
  });
  const { client, outbound, inbound } = await startPair(port);
  const { path, requestSerialize, responseDeserialize } = service.serverStream;
  const call = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, Buffer.from('x'));
  const codes: number[] = [];
  call.on('error', (error: grpc.ServiceError) => codes.push(error.code));
  await new Promise((resolve) => call.once('data', resolve));
  call.cancel();
  await until(() => cancelled && codes.length === 1);
  expect(codes).toEqual([grpc.status.CANCELLED]);
  await until(() => [outbound, inbound].every((proxy) => proxy.describe().clusters[0]?.activeRequests === 0));
});

test('a server that breaks off is heard by the client', async () => {
  const port = await startServer({
    serverStream: (call: grpc.ServerWritableStream<Buffer, Buffer>) => {
      call.write(Buffer.from('first'));
      setTimeout(() => call.emit('error', { code: grpc.status.ABORTED, details: 'enough' }), 20);
    },
  });
  const { client } = await startPair(port);
  const { path, requestSerialize, responseDeserialize } = service.serverStream;
  const call = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, Buffer.from('x'));
  const error = await new Promise<grpc.ServiceError>((resolve) => call.on('error', resolve).resume());
  expect(error).toMatchObject({ code: grpc.status.ABORTED, details: 'enough' });
});

test('streams outlive the time-out of their route while something is sent', async () => {
  const port = await startServer({
    bidi: (call: grpc.ServerDuplexStream<Buffer, Buffer>) => {
      call.on('data', (message: Buffer) => call.write(message));
      call.on('end', () => call.end());
    },
    serverStream: (call: grpc.ServerWritableStream<Buffer, Buffer>) => {
      let sent = 0;
      const timer = setInterval(() => {
        call.write(Buffer.from(String(sent++)));
        if (sent < 8) return;
        clearInterval(timer);
        call.end();
      }, 100);
    },
  });
  const { client } = await startPair(port, {
    timeoutMs: 300,
    retry: { ...forwardDefaults.retry, perTryTimeoutMs: 250 },
  });
  const { path, requestSerialize, responseDeserialize } = service.serverStream;
  const down = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, Buffer.from('x'));
  const numbers: string[] = [];
  down.on('data', (message: Buffer) => numbers.push(message.toString()));
  await new Promise((resolve, reject) => down.on('end', resolve).on('error', reject));
  expect(numbers).toHaveLength(8);
  const both = client.makeBidiStreamRequest(service.bidi.path, requestSerialize, responseDeserialize);
  const echoed: string[] = [];
  both.on('data', (message: Buffer) => echoed.push(message.toString()));
  for (let i = 0; i < 8; i++) {
    both.write(Buffer.from(String(i)));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  both.end();
  await new Promise((resolve, reject) => both.on('end', resolve).on('error', reject));
  expect(echoed).toEqual(['0', '1', '2', '3', '4', '5', '6', '7']);
});

test('a call that the server refuses as unavailable is tried again where the policy says so', async () => {
  let calls = 0;
  const port = await startServer({
    unary: (call: UnaryCall, callback: Callback) => {
      calls++;
      if (calls === 1) callback({ code: grpc.status.UNAVAILABLE, details: 'not yet' });
      else callback(null, call.request);
    },
  });
  const retry: RetryPolicy = { ...retryPolicy, on: new Set(['unavailable' as const]) };
  const { client } = await startPair(port, { retry });
  expect(await unary(client, 'x')).toMatchObject({ code: 0, message: 'x' });
  expect(calls).toBe(2);
});
