import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { prepareStateFile } from './state-directory.ts';
import { StoreError, toStoreError } from './store-error.ts';

const schema = `
  CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS objects (
    kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    source TEXT NOT NULL, resource_version INTEGER NOT NULL, json TEXT NOT NULL,
    PRIMARY KEY (kind, namespace, name)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS history (
    kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    resource_version INTEGER NOT NULL, at TEXT NOT NULL, json TEXT,
    PRIMARY KEY (kind, namespace, name, resource_version)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS tokens (
    hash BLOB PRIMARY KEY, namespace TEXT NOT NULL, service_account TEXT NOT NULL,
    expires_at INTEGER NOT NULL, used_at INTEGER
  ) STRICT, WITHOUT ROWID;
  PRAGMA user_version = 1;
`;

/**
 * The SQLite file of the control plane. WAL with `synchronous=FULL`: a commit is on the disk when it returns. One
 * process at a time; a second one is refused.
 */
export class Database {
  readonly #path: string;
  readonly #sqlite: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #depth = 0;
  #afterCommit: (() => void)[] = [];
  #closed = false;

  constructor(path: string) {
    this.#path = path;
    prepareStateFile(path);
    let sqlite: DatabaseSync | undefined;
    try {
      sqlite = new DatabaseSync(path);
      sqlite.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
      const [check] = sqlite.prepare('PRAGMA quick_check(1)').all();
      if (check?.quick_check !== 'ok') throw new StoreError('corrupt', `the state database is damaged (${path})`);
      const version = Number(sqlite.prepare('PRAGMA user_version').get()?.user_version ?? 0);
      if (version > 1) throw new StoreError('corrupt', `the state database is of a newer version of Heddle (${path})`);
      sqlite.exec(`BEGIN IMMEDIATE; ${schema} COMMIT;`);
      this.#sqlite = sqlite;
    } catch (error) {
      sqlite?.close();
      throw toStoreError(error, path);
    }
  }

  /** A prepared statement, kept for the next time. */
  sql(text: string): StatementSync {
    if (this.#closed) throw new StoreError('closed', 'the store is closed');
    let statement = this.#statements.get(text);
    if (statement === undefined) {
      statement = this.#sqlite.prepare(text);
      this.#statements.set(text, statement);
    }
    return statement;
  }

  /** Runs `fn` in one transaction; a throw undoes all of it. Nested calls join the outer transaction. */
  transaction<T>(fn: () => T): T {
    if (this.#closed) throw new StoreError('closed', 'the store is closed');
    if (this.#depth > 0) return fn();
    let result: T;
    try {
      this.#sqlite.exec('BEGIN IMMEDIATE');
      this.#depth++;
      result = fn();
      this.#sqlite.exec('COMMIT');
    } catch (error) {
      this.#afterCommit = [];
      // A full disk makes SQLite roll back by itself.
      if (this.#sqlite.isTransaction) this.#sqlite.exec('ROLLBACK');
      throw toStoreError(error, this.#path);
    } finally {
      this.#depth = 0;
    }
    const callbacks = this.#afterCommit;
    this.#afterCommit = [];
    for (const callback of callbacks) callback();
    return result;
  }

  /** Whether a transaction is open. */
  get inTransaction(): boolean {
    return this.#depth > 0;
  }

  /** Runs `callback` once the present transaction is committed, and never when it is undone. */
  afterCommit(callback: () => void): void {
    this.#afterCommit.push(callback);
  }

  /** Runs a read, giving its failures their plain reason. */
  read<T>(fn: () => T): T {
    try {
      return fn();
    } catch (error) {
      throw toStoreError(error, this.#path);
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#statements.clear();
    this.#sqlite.close();
  }
}
