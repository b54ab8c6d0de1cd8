import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../../bench/processes.ts';
import { type ProxyProcess, TestMesh } from '../harness/mesh.ts';
import { until } from '../harness/process.ts';

const installed =
  spawnSync('redis-server', ['--version']).status === 0 && spawnSync('redis-cli', ['--version']).status === 0;

let mesh: TestMesh;
let client: ProxyProcess;

beforeAll(async () => {
  if (!installed) return;
  mesh = await TestMesh.start();
  const port = await freePort();
  mesh.program('redis-server', 'redis-server', [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--dir',
    mesh.folder,
  ]);
  await mesh.sidecar('redis', { service: 'redis', port, protocol: 'tcp', servicePort: 6379 });
  client = await mesh.sidecar('client', { upstreams: ['redis:6379'] });
  await until(() => redis('PING').includes('PONG'), 'redis behind the sidecars', 15_000);
}, 60_000);

afterAll(async () => {
  await mesh?.close();
});

function redis(...args: string[]): string {
  return spawnSync('redis-cli', ['-p', String(mesh.upstream(client, 'redis:6379')), ...args], {
    encoding: 'utf8',
    timeout: 10_000,
  }).stdout;
}

// Reported as skipped where the Debian package redis-server is not installed.
test.skipIf(!installed)(
  'redis answers through the mTLS relay of two sidecars, pipelined and with large values',
  async () => {
    expect(redis('SET', 'greeting', 'hello').trim()).toBe('OK');
    expect(redis('GET', 'greeting').trim()).toBe('hello');
    const large = 'x'.repeat(100_000);
    expect(redis('SET', 'large', large).trim()).toBe('OK');
    expect(redis('GET', 'large').trim()).toBe(large);
    expect(redis('-r', '200', 'INCR', 'counter').trim().split('\n').at(-1)).toBe('200');
    await until(
      async () => (await mesh.traces()).some(({ name }) => name.startsWith('tcp')),
      'a span of the relay',
      10_000,
    );
  },
);
