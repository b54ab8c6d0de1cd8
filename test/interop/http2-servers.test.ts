import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../bench/processes.ts';
import { debianProgram } from '../harness/peers.ts';
import { Program, until } from '../harness/process.ts';
import { StaticProxy } from '../harness/static-proxy.ts';

// An HTTP/2 server that nobody here wrote, as an upstream of the gateway. Node's own stands behind the conformance tests.

const nghttpd = debianProgram('nghttpd', 'nghttp2-server');
const bytes = randomBytes(8 * 1024 * 1024);
const digest = createHash('sha256').update(bytes).digest('hex');

let folder: string;
let server: Program;
let proxy: StaticProxy;

beforeAll(async () => {
  if (nghttpd.absent !== undefined) return;
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'heddle-nghttpd-'));
  fs.writeFileSync(path.join(folder, 'small'), 'hello');
  fs.writeFileSync(path.join(folder, 'large'), bytes);
  const port = await freePort();
  server = new Program('nghttpd', nghttpd.path, [
    '--no-tls',
    '-a',
    '127.0.0.1',
    '-d',
    folder,
    '--echo-upload',
    String(port),
  ]);
  proxy = await StaticProxy.start({ upstreams: [port], cluster: { protocol: 'http2' } });
  await until(async () => (await fetch(`http://127.0.0.1:${proxy.port}/small`)).ok, 'nghttpd');
}, 30_000);

afterAll(async () => {
  await proxy?.close();
  await server?.stop();
  if (folder !== undefined) fs.rmSync(folder, { recursive: true });
});

describe.skipIf(nghttpd.absent !== undefined)('nghttpd as an upstream', () => {
  const url = (name: string) => `http://127.0.0.1:${proxy.port}/${name}`;

  test('answers a hundred requests at one time, and says what it does not have', async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, async () => (await fetch(url('small'))).text()));
    expect(new Set(answers)).toEqual(new Set(['hello']));
    expect((await fetch(url('absent'))).status).toBe(404);
  });

  test('sends 8 MiB, and takes and echoes 8 MiB, whole', async () => {
    const received = Buffer.from(await (await fetch(url('large'))).arrayBuffer());
    expect(createHash('sha256').update(received).digest('hex')).toBe(digest);
    const echoed = Buffer.from(await (await fetch(url('small'), { method: 'POST', body: bytes })).arrayBuffer());
    expect(createHash('sha256').update(echoed).digest('hex')).toBe(digest);
  });
});
