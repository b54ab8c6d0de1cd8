import fs from 'node:fs';
import { StoreError, toStoreError } from './store-error.ts';

/**
 * Makes the state directory, for its owner alone (0700, security.md L-101). One that others may enter is closed to
 * them; when that is not ours to do, it is refused.
 */
export function prepareStateDirectory(directory: string): void {
  try {
    fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
    if ((fs.statSync(directory).mode & 0o077) !== 0) fs.chmodSync(directory, 0o700);
  } catch (error) {
    throw toStoreError(error, directory);
  }
}

/**
 * Makes an empty file 0600 before anything is written into it, so that its content is never readable by others; a
 * file that already is, is refused.
 */
export function prepareStateFile(path: string): void {
  try {
    fs.closeSync(fs.openSync(path, fs.constants.O_CREAT | fs.constants.O_RDWR | fs.constants.O_NOFOLLOW, 0o600));
    const { mode } = fs.statSync(path);
    if ((mode & 0o077) !== 0) {
      throw new StoreError('io-error', `${path} holds private keys but others may read it; run: chmod 600 ${path}`);
    }
  } catch (error) {
    throw toStoreError(error, path);
  }
}
