import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { makeFolder } from './make-folder.ts';

test('a folder is made with its parents, and one that cannot be made is a message, not a bug', () => {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'heddle-folder-'));
  onTestFinished(() => fs.rmSync(root, { recursive: true }));
  makeFolder(path.join(root, 'a/b'), 0o700);
  makeFolder(path.join(root, 'a/b'));
  expect(fs.statSync(path.join(root, 'a/b')).mode & 0o777).toBe(0o700);
  fs.writeFileSync(path.join(root, 'file'), '');
  expect(() => makeFolder(path.join(root, 'file'))).toThrow(/cannot make the folder .*file: EEXIST/);
  expect(() => makeFolder(path.join(root, 'file/below'))).toThrow(/cannot make the folder .*below: E(EXIST|NOTDIR)/);
  if (process.platform === 'linux') expect(() => makeFolder('/proc/nowhere/below')).toThrow(/cannot make the folder/);
});
