import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

// The rules of ARCHITECTURE.md, read off the imports of every file.

const root = path.resolve(import.meta.dirname, '..');

interface SourceFile {
  /** Relative to the root, with forward slashes. */
  name: string;
  text: string;
  /** Imported files of ours, relative to the root; packages by their name. */
  imports: string[];
}

function readSources(): SourceFile[] {
  const names = fs
    .globSync('{lib,proto,certs,control-plane,sidecar,cli,ui,bench,test,examples,scripts}/**/*.{ts,tsx}', { cwd: root })
    .map((name) => name.split(path.sep).join('/'))
    .filter((name) => !name.includes('node_modules/') && !name.startsWith('ui/dist/'));
  return names.map((name) => {
    const text = fs.readFileSync(path.join(root, name), 'utf8');
    const imports = [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, target]) =>
      (target as string).startsWith('.')
        ? path.posix.join(path.posix.dirname(name), target as string)
        : (target as string),
    );
    return { name, text, imports };
  });
}

const generated = (name: string) => name.startsWith('proto/gen/');
const isTest = (name: string) => name.endsWith('.test.ts') || name.startsWith('test/') || name.startsWith('bench/');
const sources = readSources().filter((file) => !generated(file.name));
const product = sources.filter((file) => !isTest(file.name));
const top = (name: string) => name.split('/')[0] as string;
const room = (name: string) => name.split('/').slice(0, 2).join('/');

function violations(files: readonly SourceFile[], forbidden: (file: SourceFile, target: string) => boolean): string[] {
  return files.flatMap((file) =>
    file.imports.filter((target) => forbidden(file, target)).map((target) => `${file.name} imports ${target}`),
  );
}

test('the reader of imports finds some', () => {
  expect(product.length).toBeGreaterThan(10);
  expect(product.flatMap((file) => file.imports).length).toBeGreaterThan(10);
});

test('rule 1: control plane, sidecar, cli and ui never import one another; lib and certs import no one above them', () => {
  const parts = ['control-plane', 'sidecar', 'cli', 'ui'];
  expect(
    violations(product, (file, target) => {
      const [from, to] = [top(file.name), top(target)];
      if (parts.includes(from) && parts.includes(to)) return from !== to;
      if (from === 'lib') return to !== 'lib' && target.includes('/');
      if (from === 'certs') return [...parts, 'proto'].includes(to);
      return false;
    }).filter((line) => !/imports (node:|@|[a-z-]+$)/.test(line)),
  ).toEqual([]);
});

test('rule 2: translate is pure, and xds knows nothing of the model', () => {
  const pure = /^(control-plane\/(translate|registry\/mesh-snapshot|xds\/resource)|proto\/gen|lib)|^node:crypto$/;
  expect(
    violations(
      product.filter((file) => room(file.name) === 'control-plane/translate'),
      (_, target) => !pure.test(target),
    ),
  ).toEqual([]);
  expect(
    violations(
      product.filter((file) => room(file.name) === 'control-plane/xds'),
      (_, target) => /^control-plane\/(?!xds)/.test(target),
    ),
  ).toEqual([]);
});

test('rule 3: route and balance touch no socket and await nothing', () => {
  const synchronous = product.filter((file) => ['sidecar/route', 'sidecar/balance'].includes(room(file.name)));
  expect(violations(synchronous, (_, target) => /^node:(net|tls|http|https|dgram|fs)/.test(target))).toEqual([]);
  expect(
    synchronous
      .filter((file) => /\b(async|await)\b/.test(file.text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')))
      .map((file) => file.name),
  ).toEqual([]);
});

/** A filter of several files has a folder of its own. */
const sameFilter = (file: SourceFile, target: string) =>
  path.posix.dirname(target) !== 'sidecar/filters' && path.posix.dirname(file.name) === path.posix.dirname(target);

test('rule 4: a filter never imports a filter', () => {
  expect(
    violations(
      product.filter((file) => room(file.name) === 'sidecar/filters'),
      (file, target) =>
        room(target) === 'sidecar/filters' && !target.endsWith('/filter.ts') && !sameFilter(file, target),
    ),
  ).toEqual([]);
});

test('rule 5: only main.ts reads the environment or ends the process', () => {
  const allowed = /(^|\/)main\.ts$|^examples\/|^scripts\/|^ui\//;
  expect(
    product
      .filter((file) => !allowed.test(file.name) && /process\.(env|exit)\b/.test(file.text))
      .map((file) => file.name),
  ).toEqual([]);
});

test('rule 6: nothing on the request path awaits', () => {
  const rooms = ['sidecar/http1', 'sidecar/http2', 'sidecar/stream', 'sidecar/filters', 'sidecar/tcp'];
  expect(
    product
      .filter((file) => rooms.includes(room(file.name)))
      .filter((file) => /\b(async|await)\b/.test(file.text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')))
      .map((file) => file.name),
  ).toEqual([]);
});

test('rule 7: generated code is imported at the edges only', () => {
  const edges =
    /^(control-plane\/(translate|xds|ca|api|telemetry|registration)|sidecar\/(discovery|bootstrap|admin|identity)|cli|ui|proto)(\/|$)/;
  expect(violations(product, (file, target) => generated(target) && !edges.test(file.name))).toEqual([]);
});

test('files stay short, and no room is called utils', () => {
  const lines = (text: string) => text.split('\n').length - 1;
  expect(
    sources.filter((file) => lines(file.text) > 400).map((file) => `${file.name}: ${lines(file.text)} lines`),
  ).toEqual([]);
  expect(
    sources.filter((file) => /(^|\/)(utils?|common|helpers?)(\/|\.tsx?$)/.test(file.name)).map((file) => file.name),
  ).toEqual([]);
});

test('product code has no any and no time or chance of its own', () => {
  const code = product.filter((file) => !/^(ui|examples|scripts)\//.test(file.name));
  expect(code.filter((file) => /(: any\b|as any\b|<any>)/.test(file.text)).map((file) => file.name)).toEqual([]);
  const dataPath = code.filter((file) => top(file.name) === 'sidecar');
  expect(
    dataPath.filter((file) => /\bDate\.now\(\)|\bMath\.random\(\)/.test(file.text)).map((file) => file.name),
  ).toEqual([]);
});

test('ARCHITECTURE.md names every room', () => {
  const text = fs.readFileSync(path.join(root, 'ARCHITECTURE.md'), 'utf8');
  const rooms = ['sidecar', 'control-plane'].flatMap((part) =>
    fs
      .readdirSync(path.join(root, part), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name),
  );
  expect(rooms.filter((name) => !text.includes(`\`${name}/\``))).toEqual([]);
});
