import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '..');

function readTree(folder: string): Map<string, string> {
  const files = fs.globSync('**/*.ts', { cwd: folder }).sort();
  return new Map(files.map((file) => [file, fs.readFileSync(path.join(folder, file), 'utf8')]));
}

test('npm run generate gives exactly what is committed', { timeout: 60_000 }, () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'heddle-generated-'));
  try {
    const output = path.join(folder, 'gen');
    execFileSync(process.execPath, [path.join(root, 'scripts/generate.ts'), output]);
    const [committed, generated] = [readTree(path.join(root, 'proto/gen')), readTree(output)];
    expect([...generated.keys()]).toEqual([...committed.keys()]);
    expect([...generated].filter(([file, text]) => committed.get(file) !== text).map(([file]) => file)).toEqual([]);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
});
