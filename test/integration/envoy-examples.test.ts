import { execFile } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import * as grpc from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeServerCertificate } from '../harness/certificates.ts';
import { Program, root } from '../harness/process.ts';

// Each file of examples/envoy as a person would start it, but on free ports.

const curl = promisify(execFile);
let folder: string;
const closing: (() => unknown)[] = [];

beforeEach(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'heddle-envoy-examples-'));
  const { chainPem, privateKeyPem } = await makeServerCertificate('localhost');
  fs.writeFileSync(path.join(folder, 'cert.pem'), chainPem);
  fs.writeFileSync(path.join(folder, 'key.pem'), privateKeyPem);
});

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  fs.rmSync(folder, { recursive: true, force: true });
});

async function service(
  answer: (request: http.IncomingMessage, response: http.ServerResponse) => void,
): Promise<number> {
  const server = http.createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(
    () => server.closeAllConnections(),
    () => server.close(),
  );
  return (server.address() as AddressInfo).port;
}

/** Starts an example with other upstream ports; answers the ports of its listeners. */
async function start(example: string, upstreams: Readonly<Record<number, number>>): Promise<Record<string, number>> {
  const text = fs
    .readFileSync(path.join(root, 'examples/envoy', example), 'utf8')
    .replace(/port_value: (\d+)/g, (_, port: string) => `port_value: ${upstreams[Number(port)] ?? 0}`);
  const file = path.join(folder, example);
  fs.writeFileSync(file, text);
  const program = new Program(example, process.execPath, [path.join(root, 'sidecar/main.ts'), '-c', file], {
    cwd: folder,
  });
  closing.push(() => program.stop());
  return (await program.ready<{ ports: { listeners: Record<string, number> } }>()).ports.listeners;
}

test('front-proxy.yaml ends TLS, sends paths to services, and sends HTTP on to HTTPS', async () => {
  const api = await service((request, response) => response.end(`api saw ${request.url}`));
  const web = await service((request, response) => response.end(`web saw ${request.url}`));
  const { https, http: plain } = await start('front-proxy.yaml', { 8001: api, 8002: web });
  const get = async (url: string, ...flags: string[]) =>
    (await curl('curl', ['-s', '-i', '--cacert', path.join(folder, 'cert.pem'), ...flags, url])).stdout;
  expect(await get(`https://localhost:${https}/api/cart`)).toMatch(/api saw \/cart$/);
  expect(await get(`https://localhost:${https}/home`)).toMatch(/x-served-by: front-proxy[\s\S]*web saw \/home$/);
  expect(await get(`http://localhost:${plain}/home`)).toMatch(
    /^HTTP\/1.1 301[\s\S]*location: https:\/\/localhost:10443\/home/i,
  );
});

test('canary.yaml splits by weight, obeys a header, and retries what fails', async () => {
  let failed = 0;
  const v1 = await service((_, response) => response.end('v1'));
  const broken = await service((_, response) => {
    failed++;
    response.writeHead(503).end('broken');
  });
  const v2 = await service((_, response) => response.end('v2'));
  const { front } = await start('canary.yaml', { 8001: v1, 8011: broken, 8002: v2 });
  const get = async (headers: Record<string, string> = {}) => {
    const response = await fetch(`http://127.0.0.1:${front}/`, { headers });
    return `${response.status} ${await response.text()}`;
  };
  expect(await get({ 'x-version': '2' })).toBe('200 v2');
  const seen = new Set<string>();
  for (let count = 0; count < 60; count++) seen.add(await get());
  expect(failed).toBeGreaterThan(0);
  expect(seen).toContain('200 v1');
  expect([...seen].filter((one) => !['200 v1', '200 v2'].includes(one))).toEqual([]);
});

test('grpc.yaml sends a call to its service, with trailers, and answers calls of no service itself', async () => {
  const greet = {
    path: '/shop.Cart/Get',
    requestStream: false,
    responseStream: false,
    requestSerialize: (text: string) => Buffer.from(text),
    requestDeserialize: String,
    responseSerialize: (text: string) => Buffer.from(text),
    responseDeserialize: String,
  };
  const server = new grpc.Server();
  server.addService(
    { get: greet },
    {
      get: (call: { request: string }, done: (error: null, value: string) => void) =>
        done(null, `cart of ${call.request}`),
    },
  );
  closing.push(() => server.forceShutdown());
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  const listeners = await start('grpc.yaml', { 8001: port });
  const client = new grpc.Client(`127.0.0.1:${listeners.grpc}`, grpc.credentials.createInsecure());
  closing.push(() => client.close());
  const call = (path: string) =>
    new Promise<string>((resolve) =>
      client.makeUnaryRequest(path, greet.requestSerialize, greet.responseDeserialize, 'ann', (error, value) =>
        resolve(error === null ? String(value) : (grpc.status[error.code] ?? '')),
      ),
    );
  expect(await call('/shop.Cart/Get')).toBe('cart of ann');
  expect(await call('/shop.Cart/Put')).toBe('UNIMPLEMENTED');
  expect(await call('/shop.Other/Get')).toBe('UNIMPLEMENTED');
});

test('tcp.yaml passes bytes on in both directions', async () => {
  const echo = net.createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
  await once(echo, 'listening');
  closing.push(() => echo.close());
  const { database } = await start('tcp.yaml', { 8001: (echo.address() as AddressInfo).port });
  const client = net.connect({ port: database ?? 0, host: '127.0.0.1' });
  closing.push(() => client.destroy());
  client.end('hello\0world');
  const chunks: Buffer[] = [];
  for await (const chunk of client) chunks.push(chunk as Buffer);
  expect(String(Buffer.concat(chunks))).toBe('hello\0world');
});
