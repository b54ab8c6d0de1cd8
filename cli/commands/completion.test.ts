import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ProxyList, ResourceList } from '../../proto/api/v1.ts';
import { ApiServer } from '../testing/api-server.ts';
import { runCli } from '../testing/run-cli.ts';

let api: ApiServer;
beforeAll(async () => {
  api = await ApiServer.start();
  const metadata = { name: 'ratings', namespace: 'shop' };
  const item = { apiVersion: 'v1', kind: 'Service', metadata };
  api.answer<ResourceList>('GET /api/v1/resources/services?namespace=shop', { items: [item] });
  api.answer<ResourceList>('GET /api/v1/resources/all', { items: [item] });
  api.answer('GET /api/v1/proxies', { items: [{ id: 'cart-1.shop', mode: 'sidecar' }] } as unknown as ProxyList);
});
afterAll(() => api.close());

async function complete(...words: string[]): Promise<string[]> {
  const result = await runCli(['__complete', '--', ...words], { server: api.url });
  expect(result).toMatchObject({ code: 0, stderr: '' });
  return result.stdout.split('\n').flatMap((line) => (line === '' ? [] : [line.split('\t')[0] as string]));
}

test('commands, subcommands, flags and values of flags are completed', async () => {
  expect(await complete('proxy')).toEqual(['proxy-status', 'proxy-config']);
  expect(await complete('trace', '')).toEqual(['ls', 'show']);
  expect(await complete('get', 'services', '--all')).toEqual(['--all-namespaces']);
  expect(await complete('get', 'services', '-o', '')).toEqual(['wide', 'json', 'yaml', 'name']);
  expect(await complete('completion', 'b')).toEqual(['bash']);
});

test('flags of the proxy are completed from its own help', async () => {
  expect(await complete('sidecar', '--conf')).toEqual(['--config-path', '--config-yaml']);
  expect(await complete('sidecar', '-c', 'envoy.yaml', '--mode', '')).toEqual([
    'sidecar',
    'gateway',
    'serve',
    'validate',
  ]);
});

test('kinds, namespaces, names of objects and proxies are completed from the server', async () => {
  expect(await complete('get', 'ser')).toEqual(['services']);
  expect(await complete('get', '-n', 's')).toEqual(['shop']);
  expect(await complete('describe', '-n', 'shop', 'services', 'rat')).toEqual(['ratings']);
  expect(await complete('get', '--namespace=shop', 'services', '')).toEqual(['ratings']);
  expect(await complete('pc', 'routes', '')).toEqual(['cart-1.shop']);
});

test('without a control plane completion offers what it knows, silently', async () => {
  const result = await runCli(['__complete', '--', 'get', 'services', ''], { server: 'http://127.0.0.1:1' });
  expect(result).toEqual({ code: 0, stdout: '', stderr: '' });
});

test('the bash script is valid and completes through the command line', async () => {
  const { stdout } = await runCli(['completion', 'bash']);
  const script = `${stdout}
heddle() { printf 'ratings\\tthe stars\\nrates\\nother\\n'; }
COMP_WORDS=(heddle get services rat); COMP_CWORD=3; _heddle; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const bash = spawnSync('bash', ['-c', script], { encoding: 'utf8' });
  expect(bash).toMatchObject({ status: 0, stdout: 'ratings\nrates\n', stderr: '' });
});

test.each(['zsh', 'fish'])('the %s script is printed', async (shell) => {
  const { stdout, code } = await runCli(['completion', shell]);
  expect(code).toBe(0);
  expect(stdout).toContain('heddle __complete --');
});
