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

// The page of HTTP/2 says so for its own: rows without an id belong to the one above.

const http2 = fs.readFileSync(path.join(root, 'docs/http2-conformance.md'), 'utf8');

test('every row of the HTTP/2 page stands as a test in the files that it names', () => {
  const named = [...http2.matchAll(/^\| ((?:H2|UP)-\d\d) +\|.*\| *([^|]*?) *\|$/gm)];
  expect(named.length).toBeGreaterThan(40);
  for (const [, id = '', files = ''] of named) {
    for (const name of files.split(', ').filter((file) => !file.includes('/'))) {
      const text = fs.readFileSync(path.join(import.meta.dirname, `http2-${name}.test.ts`), 'utf8');
      expect(text.includes(`'${id}: `), `${id} in http2-${name}.test.ts`).toBe(true);
    }
  }
});

test('every row of HTTP/2 in the catalogue is on the page', () => {
  for (let row = 1; row <= 36; row++) expect(http2).toContain(`H2-${String(row).padStart(2, '0')}`);
});
