import net from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { get, startTcp } from '../harness/app.ts';
import { type ProxyProcess, TestMesh } from '../harness/mesh.ts';
import { until } from '../harness/process.ts';

let mesh: TestMesh;
let echo: { port: number; close(): Promise<void> };
let server: ProxyProcess;
let client: ProxyProcess;

beforeAll(async () => {
  mesh = await TestMesh.start();
  // Speaks first, echoes, and says goodbye only after the client has half-closed.
  echo = await startTcp((socket) => {
    socket.write('hello\n');
    socket.on('data', (chunk) => socket.write(chunk));
    socket.on('end', () => socket.end('bye\n'));
  });
  server = await mesh.sidecar('echo', { service: 'echo', port: echo.port, protocol: 'tcp', servicePort: 7 });
  client = await mesh.sidecar('client', { upstreams: ['echo:7'] });
}, 30_000);

afterAll(async () => {
  await mesh.close();
  await echo.close();
});

async function talk(payload: Buffer): Promise<Buffer> {
  const socket = net.connect({ port: mesh.upstream(client, 'echo:7'), host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => {});
  socket.end(payload);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

test('a TCP service is relayed over mTLS: server-first, half-close, and 8 MiB arrive whole', {
  timeout: 30_000,
}, async () => {
  await until(async () => String(await talk(Buffer.from('x')).catch(() => '')).includes('bye'), 'the relay');
  const payload = Buffer.alloc(8 * 1024 * 1024, 'abcdefgh');
  const answer = await talk(payload);
  expect(answer.length).toBe('hello\n'.length + payload.length + 'bye\n'.length);
  expect(answer.subarray(6, 6 + payload.length).equals(payload)).toBe(true);
});

test('its bytes are counted, and its span names both identities', async () => {
  await talk(Buffer.from('counted'));
  const metrics = await get(`http://127.0.0.1:${client.ready.ports.admin}/stats/prometheus`);
  expect(metrics.body).toMatch(/heddle_tcp_sent_bytes_total\{[^}]*echo[^}]*\} \d{2,}/);
  await until(async () => (await mesh.traces()).some(({ name }) => name.startsWith('tcp')), 'a TCP span', 10_000);
});

test('without the mesh certificate nobody reaches it', async () => {
  const inbound = server.ready.ports.inbound[echo.port] as number;
  const socket = net.connect(inbound, '127.0.0.1');
  socket.on('error', () => {});
  socket.write('plain\n');
  let answer = '';
  for await (const chunk of socket) answer += String(chunk);
  expect(answer).not.toContain('hello');
});
