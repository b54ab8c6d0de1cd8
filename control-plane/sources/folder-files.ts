import fs from 'node:fs';
import path from 'node:path';
import { yamlLimits } from '../../lib/yaml/yaml-limits.ts';

/** Files looked at in one folder. */
const maxFiles = 1_000;

/** A file of a watched folder, read or not. */
export interface FolderFile {
  /** Absolute, as it is named in the folder; not what a link leads to. */
  readonly path: string;
  readonly content: { readonly text: string } | { readonly problem: string };
  /** Changes when the file does. */
  readonly signature: string;
}

/**
 * Reads the `.yaml`, `.yml` and `.json` files of a folder, sorted by name; not those of folders in it, nor hidden
 * ones. A link is followed inside the folder only, as Kubernetes mounts configuration (`x.yaml` → `..data/x.yaml`).
 * What is not a regular file, too large, or writable for everybody is a problem of that file. Throws when the folder
 * itself cannot be read. `known` is the last result: files with the same signature are not read again.
 */
export function readFolder(directory: string, known: ReadonlyMap<string, FolderFile>): FolderFile[] {
  const root = fs.realpathSync(directory);
  const names = fs
    .readdirSync(directory)
    .filter((name) => !name.startsWith('.') && /\.(?:ya?ml|json)$/i.test(name))
    .sort();
  return names.flatMap((name, index) => {
    const file = path.join(directory, name);
    if (index >= maxFiles) return [refused(file, `only ${maxFiles} files of a folder are read`)];
    const read = readFile(file, root, known.get(file));
    return read === undefined ? [] : [read];
  });
}

/** `undefined` when it is gone by now. */
function readFile(file: string, root: string, known: FolderFile | undefined): FolderFile | undefined {
  let descriptor: number | undefined;
  try {
    const target = fs.realpathSync(file);
    if (!target.startsWith(`${root}${path.sep}`)) return refused(file, 'is a link that leads out of the folder');
    // Opening a FIFO must not wait for somebody who writes into it.
    descriptor = fs.openSync(target, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK);
    const { mode, size, mtimeMs, ctimeMs, ino } = fs.fstatSync(descriptor);
    if ((mode & fs.constants.S_IFMT) !== fs.constants.S_IFREG) return refused(file, 'is not a regular file');
    if (size > yamlLimits.bytes) return refused(file, `has ${size} bytes; at most ${yamlLimits.bytes} are read`);
    if ((mode & 0o002) !== 0) return refused(file, 'can be written by everybody; run chmod o-w on it');
    const signature = `${target} ${ino} ${size} ${mtimeMs} ${ctimeMs}`;
    if (known?.signature === signature) return known;
    const bytes = Buffer.alloc(size);
    const length = fs.readSync(descriptor, bytes, 0, size, 0);
    return { path: file, signature, content: decode(bytes.subarray(0, length)) };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && !isLink(file)) return undefined;
    return refused(file, `cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    if (descriptor !== undefined) fs.closeSync(descriptor);
  }
}

function refused(file: string, problem: string): FolderFile {
  return { path: file, signature: problem, content: { problem } };
}

/** A link to nothing is a mistake to tell about; a file that is not there any more is not. */
function isLink(file: string): boolean {
  return fs.lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}

function decode(bytes: Buffer): FolderFile['content'] {
  // An editor that truncates and then writes must not look like a wish to delete everything.
  if (bytes.length === 0) return { problem: 'is empty; remove the file to delete its objects' };
  try {
    return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { problem: 'is not UTF-8 text' };
  }
}
