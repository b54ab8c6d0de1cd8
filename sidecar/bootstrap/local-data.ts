import fs from 'node:fs';
import type { LocalData } from '../discovery/decode-context.ts';

const maxBytes = 4 * 1024 * 1024;

/** Files that the configuration names, and the environment of this process. */
export function localData(environment: Readonly<Record<string, string | undefined>>): LocalData {
  return { readFile: readRegularFile, environment: (name) => environment[name] };
}

/**
 * Reads a file of at most 4 MiB, through symbolic links. What is no regular file is refused before it is opened: a pipe
 * or a device would be read for ever (security.md CF-12). Throws, with the path in the message.
 */
export function readRegularFile(path: string): Buffer {
  const stat = fs.statSync(path);
  if (!stat.isFile()) throw new Error(`${path} is not a regular file`);
  if (stat.size > maxBytes) throw new Error(`${path} has ${stat.size} bytes; at most ${maxBytes} are read`);
  return fs.readFileSync(path);
}
