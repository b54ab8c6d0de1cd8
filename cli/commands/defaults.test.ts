import { expect, test } from 'vitest';
import type { DefaultRow } from '../../lib/default-row.ts';
import { runCli } from '../testing/run-cli.ts';

test('heddle defaults shows what control plane and proxy say of themselves, each with its reason', async () => {
  const table = await runCli(['defaults'], {});
  expect(table).toMatchObject({ code: 0, stderr: '' });
  expect(table.stdout).toMatch(/mesh \(TrafficPolicy\) +timeouts\.request +15 s/);
  expect(table.stdout).toMatch(/route +timeout +15 s/);
  const rows = JSON.parse((await runCli(['defaults', '-o', 'json'], {})).stdout) as DefaultRow[];
  expect(rows.filter(({ name, value, reason }) => name === '' || value === '' || reason.length < 10)).toEqual([]);
});
