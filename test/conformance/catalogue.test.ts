import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../harness/process.ts';

// docs/http1-conformance.md says which test shows which row; here it is held to its word.

const doc = fs.readFileSync(path.join(root, 'docs/http1-conformance.md'), 'utf8');
const rows = [...doc.matchAll(/^\| ((?:H1|UP)-\d\d) +\|.*\| *([a-z, ]*?) *\|$/gm)].map(([, id = '', files = '']) => ({
  id,
  files: files === '' ? [] : files.split(', '),
}));

test('the page has every row of the catalogue once, in order', () => {
  const ids = (prefix: string, count: number) =>
    Array.from({ length: count }, (_, i) => `${prefix}-${String(i + 1).padStart(2, '0')}`);
  expect(rows.map(({ id }) => id)).toEqual([...ids('H1', 46), ...ids('UP', 18)]);
});

test('every row stands as a test in the files that it names, or says why not', () => {
  for (const { id, files } of rows) {
    if (files.length === 0) expect(doc).toMatch(new RegExp(`^\\| ${id} .*\\| not `, 'm'));
    for (const name of files) {
      const file = `http1-${id.startsWith('H1') ? 'requests' : 'responses'}-${name}.test.ts`;
      const text = fs.readFileSync(path.join(import.meta.dirname, file), 'utf8');
      expect(text.includes(`\ntest('${id}: `), `${id} in ${file}`).toBe(true);
    }
  }
});
