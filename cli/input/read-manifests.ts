import fs from 'node:fs';
import path from 'node:path';
import type { SourceFile } from '../../proto/api/v1.ts';
import { CliError, ExitCode } from '../cli-error.ts';
import type { CliContext } from '../context.ts';

const extensions = new Set(['.yaml', '.yml', '.json']);
/** Of all files together; the API refuses more than this anyway. */
const maxBytes = 16 * 1024 * 1024;

/**
 * Reads what `-f` names: files, folders (their `.yaml`, `.yml` and `.json` files, with `recursive` also in folders
 * below) and `-` for standard input.
 * @throws CliError for what cannot be read or is more than 16 MiB.
 */
export async function readManifests(
  context: CliContext,
  names: readonly string[],
  recursive: boolean,
): Promise<SourceFile[]> {
  const files: SourceFile[] = [];
  let bytes = 0;
  const add = (name: string, text: string) => {
    bytes += Buffer.byteLength(text);
    if (bytes > maxBytes) throw new CliError(`${name}: more than 16 MiB of input`, ExitCode.no);
    files.push({ name, text });
  };
  for (const name of names) {
    if (name === '-') add('-', await readStandardInput(context.stdin));
    else for (const file of listFiles(context.cwd, name, recursive)) add(file, readFile(context.cwd, file));
  }
  if (files.length === 0) throw new CliError(`no .yaml, .yml or .json file in ${names.join(', ')}`, ExitCode.no);
  return files;
}

function listFiles(cwd: string, name: string, recursive: boolean): string[] {
  if (/^https?:\/\//.test(name)) {
    throw new CliError(`${name}: only files are read; fetch it first, look at it, then apply the file`, ExitCode.usage);
  }
  const stat = fs.statSync(path.resolve(cwd, name), { throwIfNoEntry: false });
  if (stat === undefined) throw new CliError(`${name}: no such file or directory`, ExitCode.no);
  if (!stat.isDirectory()) return [name];
  return fs
    .readdirSync(path.resolve(cwd, name), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const child = path.join(name, entry.name);
      if (entry.isDirectory()) return recursive ? listFiles(cwd, child, true) : [];
      return extensions.has(path.extname(entry.name)) ? [child] : [];
    });
}

function readFile(cwd: string, name: string): string {
  const resolved = path.resolve(cwd, name);
  try {
    if (fs.statSync(resolved).size > maxBytes) throw new CliError(`${name}: more than 16 MiB`, ExitCode.no);
    return fs.readFileSync(resolved, 'utf8');
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(`${name}: ${error instanceof Error ? error.message : String(error)}`, ExitCode.no);
  }
}

async function readStandardInput(stdin: NodeJS.ReadStream): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stdin) {
    chunks.push(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    if (bytes > maxBytes) throw new CliError('-: more than 16 MiB on standard input', ExitCode.no);
  }
  return Buffer.concat(chunks).toString('utf8');
}
