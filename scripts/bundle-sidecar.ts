import fs from 'node:fs';
import path from 'node:path';
import { build, type Plugin } from 'vite';

// Writes the proxy as a few files of JavaScript, which start in half the time and memory of the sources they are made
// of. Nothing else changes: what runs is what `node sidecar/main.ts` runs, with the same names in stack traces.
//
//   node scripts/bundle-sidecar.ts [FOLDER]      (dist/sidecar)

const root = path.resolve(import.meta.dirname, '..');
const outDir = path.resolve(process.argv[2] ?? path.join(root, 'dist', 'sidecar'));

/** V8 keeps text of ASCII in one byte for each character, and any other in two. */
const asciiOnly: Plugin = {
  name: 'ascii-only',
  generateBundle(_, bundle) {
    for (const file of Object.values(bundle)) {
      if (file.type !== 'chunk') continue;
      // Comments are gone, so these stand in strings and regular expressions, where the escape means the same.
      file.code = file.code.replace(
        /[\u0080-\uffff]/g,
        (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
      );
    }
  },
};

/** Says what the bundle was made of, so that it is not run once that has changed. */
const manifest: Plugin = {
  name: 'manifest',
  generateBundle(_, bundle) {
    const modules = Object.values(bundle).flatMap((file) => (file.type === 'chunk' ? Object.keys(file.modules) : []));
    const own = modules
      .filter((file) => path.isAbsolute(file) && !file.includes('node_modules'))
      .map((file) => path.relative(root, file));
    const sources = [...own, 'package-lock.json'].map((file) => {
      const { size, mtimeMs } = fs.statSync(path.join(root, file));
      return { file, size, mtimeMs };
    });
    this.emitFile({ type: 'asset', fileName: 'sources.json', source: JSON.stringify(sources) });
  },
};

await build({
  configFile: false,
  root,
  logLevel: 'warn',
  plugins: [asciiOnly, manifest],
  ssr: { noExternal: true, target: 'node' },
  build: {
    ssr: true,
    outDir,
    emptyOutDir: true,
    target: 'node22',
    sourcemap: true,
    minify: false,
    rolldownOptions: {
      input: { main: 'sidecar/main.ts', worker: 'sidecar/workers/main.ts' },
      output: {
        // White space and comments go; names stay, for stack traces and heap snapshots.
        minify: { compress: false, mangle: false, codegen: true },
        entryFileNames: '[name].mjs',
        chunkFileNames: '[name]-[hash].mjs',
      },
    },
  },
});
