// Makes `node` inside npm scripts the vendored Node 24, also with npm 10, which does not link the
// binary of an optional platform package. Plain JavaScript: it runs on whatever Node the host has.
import fs from 'node:fs';
import path from 'node:path';

const binary = path.resolve('node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node');
const link = path.resolve('node_modules', '.bin', 'node');
if (fs.existsSync(binary) && !fs.existsSync(link)) {
  fs.mkdirSync(path.dirname(link), { recursive: true });
  fs.symlinkSync(path.relative(path.dirname(link), binary), link);
}
