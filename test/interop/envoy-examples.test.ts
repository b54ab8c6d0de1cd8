import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeServerCertificate } from '../harness/certificates.ts';
import { envoyProgram } from '../harness/peers.ts';
import { root } from '../harness/process.ts';

// What our examples mean to Envoy itself. Skipped where it cannot be installed from PyPI.

const peer = envoyProgram();
const missing = peer.absent !== undefined;
const examples = fs.readdirSync(path.join(root, 'examples/envoy')).filter((file) => file.endsWith('.yaml'));
let folder: string;

beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'heddle-envoy-interop-'));
  const { chainPem, privateKeyPem } = await makeServerCertificate('localhost');
  fs.writeFileSync(path.join(folder, 'cert.pem'), chainPem);
  fs.writeFileSync(path.join(folder, 'key.pem'), privateKeyPem);
});

afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

test.skipIf(missing).each(examples)('Envoy takes examples/envoy/%s', (example) => {
  const file = path.join(root, 'examples/envoy', example);
  const { status, stderr, stdout } = spawnSync(peer.path ?? '', ['--mode', 'validate', '-c', file, '-l', 'error'], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 30_000,
  });
  expect([status, stdout + stderr]).toEqual([0, expect.stringContaining('OK')]);
});
