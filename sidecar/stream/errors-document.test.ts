import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { localReplyKinds } from './local-replies.ts';

const document = fs.readFileSync(path.resolve(import.meta.dirname, '../../docs/errors.md'), 'utf8');

test.each(Object.entries(localReplyKinds))('docs/errors.md tells of %s with its status and flag', (reason, kind) => {
  const row = document.split('\n').find((line) => line.startsWith('|') && line.includes(`\`${reason}\``));
  expect(row, `no row for ${reason}`).toBeDefined();
  const cells = row?.split('|').map((cell) => cell.trim()) ?? [];
  // What a filter's configuration chooses has no number of its own.
  if (cells[2] !== 'as configured') expect(cells[2]).toContain(String(kind.status));
  expect(cells[3]).toBe(kind.flag);
});
