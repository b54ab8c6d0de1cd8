import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sidecarProgram } from './sidecar-program.ts';

let root: string;
let source: string;

beforeEach(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'heddle-program-'));
  source = path.join(root, 'sidecar', 'proxy.ts');
  fs.mkdirSync(path.join(root, 'sidecar'));
  fs.writeFileSync(source, 'export {};\n');
});

afterEach(() => fs.rmSync(root, { recursive: true }));

function bundle(): void {
  const folder = path.join(root, 'dist', 'sidecar');
  fs.mkdirSync(folder, { recursive: true });
  const { size, mtimeMs } = fs.statSync(source);
  fs.writeFileSync(path.join(folder, 'sources.json'), JSON.stringify([{ file: 'sidecar/proxy.ts', size, mtimeMs }]));
}

const sources = () => path.join(root, 'sidecar', 'main.ts');

test('the bundle runs while its sources are as it was made of', () => {
  bundle();
  expect(sidecarProgram(root)).toBe(path.join(root, 'dist', 'sidecar', 'main.mjs'));
});

test('the sources run where there is no bundle', () => {
  expect(sidecarProgram(root)).toBe(sources());
});

test('the sources run when one of them has changed, or is gone', () => {
  bundle();
  fs.writeFileSync(source, 'export { };\n');
  expect(sidecarProgram(root)).toBe(sources());
  fs.rmSync(source);
  expect(sidecarProgram(root)).toBe(sources());
});

test('the sources run when the bundle cannot say what it was made of', () => {
  bundle();
  fs.writeFileSync(path.join(root, 'dist', 'sidecar', 'sources.json'), '{');
  expect(sidecarProgram(root)).toBe(sources());
});
