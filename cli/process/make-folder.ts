import fs from 'node:fs';
import path from 'node:path';
import { CliError } from '../cli-error.ts';

/**
 * Makes a folder and those above it that are missing; one that is there stays as it is.
 * @param mode of the folders that are made
 * @throws CliError that names the folder and the reason when it cannot be made
 */
export function makeFolder(folder: string, mode = 0o777): void {
  try {
    make(path.resolve(folder), mode);
  } catch (error) {
    throw new CliError(`cannot make the folder ${folder}: ${(error as NodeJS.ErrnoException).message}`);
  }
}

// Node's own recursive mkdir never returns where the parent exists and takes no entries, as in /proc.
function make(folder: string, mode: number): void {
  if (fs.statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return;
  const parent = path.dirname(folder);
  if (parent !== folder) make(parent, mode);
  try {
    fs.mkdirSync(folder, { mode });
  } catch (error) {
    // Another process may have made it in the meantime.
    if (!fs.statSync(folder, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}
