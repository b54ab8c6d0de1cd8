import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCli } from '../../cli/testing/run-cli.ts';
import { TestApi } from '../../control-plane/api/test-api.ts';

const api = new TestApi();
beforeAll(async () => {
  await api.start();
  api.state.store.transaction(() => {
    for (let i = 0; i < 1_203; i++) {
      api.state.store.put(
        {
          apiVersion: 'v1',
          kind: 'Service',
          metadata: { name: `s${i}`, namespace: i % 2 === 0 ? 'even' : 'odd' },
          spec: { ports: [{ port: 80 }] },
        },
        'api',
      );
    }
  });
});
afterAll(() => api.close());

test('heddle get shows all objects, however many pages the API makes of them', async () => {
  const server = `http://127.0.0.1:${api.port}`;
  const names = async (...flags: string[]) => {
    const { code, stdout, stderr } = await runCli(['get', 'services', '-o', 'name', ...flags], { server });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return stdout.trim().split('\n');
  };
  const all = await names('-A');
  expect(all).toHaveLength(1_203);
  expect(new Set(all).size).toBe(1_203);
  expect(await names('-n', 'odd')).toHaveLength(601);
});
