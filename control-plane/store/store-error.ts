/** Why the store cannot do what it was asked. */
export type StoreErrorCode = 'disk-full' | 'read-only' | 'io-error' | 'locked' | 'corrupt' | 'closed';

/** A write or read that failed. Nothing of the transaction was kept. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** SQLite's primary result codes (`sqlite3.h`), in the low byte of the extended ones. */
const codes: Readonly<Record<number, [StoreErrorCode, string]>> = {
  5: ['locked', 'another control plane uses this state directory'],
  6: ['locked', 'another control plane uses this state directory'],
  8: ['read-only', 'the state directory is read-only'],
  10: ['io-error', 'reading or writing the state directory failed'],
  11: ['corrupt', 'the state database is damaged; restore it from a backup or move it away'],
  13: ['disk-full', 'the disk of the state directory is full'],
  14: ['io-error', 'the state database cannot be opened'],
  26: ['corrupt', 'the state database is damaged; restore it from a backup or move it away'],
};

/** Gives a failure of SQLite or of the file system its plain reason; other errors are returned as they are. */
export function toStoreError(error: unknown, path: string): unknown {
  if (error instanceof StoreError || !(error instanceof Error)) return error;
  const { errcode, code } = error as { errcode?: unknown; code?: unknown };
  if (typeof errcode === 'number') {
    const [storeCode, text] = codes[errcode & 0xff] ?? ['io-error', 'the state database failed'];
    return new StoreError(storeCode, `${text} (${path}: ${error.message})`, error);
  }
  if (code === 'ENOSPC') return new StoreError('disk-full', `the disk of the state directory is full (${path})`, error);
  if (code === 'EROFS' || code === 'EACCES' || code === 'EPERM') {
    return new StoreError('read-only', `the state directory cannot be written (${path})`, error);
  }
  return error;
}
