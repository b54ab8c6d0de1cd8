import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../lib/clock.ts';
import type { Resource } from '../../proto/api/v1.ts';
import { objectKey } from '../model/mesh-object.ts';
import type { Database } from './database.ts';
import type { HistoryEntry, PutResult, Store, StoreChange, StoredObject } from './store.ts';

/** Versions kept of each object. */
const historyLength = 20;

interface Row {
  readonly json: string;
  readonly source: string;
}

/** {@link Store} over SQLite. */
export class SqliteStore implements Store {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #listeners = new Set<(changes: readonly StoreChange[]) => void>();
  /** Changes of the transaction that runs, the last of each object. */
  #pending = new Map<string, StoreChange>();
  /** Committed changes that listeners are being told, the present ones first. */
  readonly #toTell: (readonly StoreChange[])[] = [];

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  get resourceVersion(): number {
    const row = this.#database.read(() =>
      this.#database.sql("SELECT value FROM counters WHERE name = 'resourceVersion'").get(),
    );
    return Number(row?.value ?? 0);
  }

  get(kind: string, namespace: string, name: string): StoredObject | undefined {
    const row = this.#database.read(() =>
      this.#database
        .sql('SELECT json, source FROM objects WHERE kind = ? AND namespace = ? AND name = ?')
        .get(kind, namespace, name),
    );
    return row === undefined ? undefined : toStored(row as unknown as Row);
  }

  list(kind?: string): readonly StoredObject[] {
    const rows = this.#database.read(() =>
      kind === undefined
        ? this.#database.sql('SELECT json, source FROM objects ORDER BY kind, namespace, name').all()
        : this.#database.sql('SELECT json, source FROM objects WHERE kind = ? ORDER BY namespace, name').all(kind),
    );
    return rows.map((row) => toStored(row as unknown as Row));
  }

  put(resource: Resource, source: string): PutResult {
    return this.transaction(() => {
      const { kind } = resource;
      const { name, namespace, labels, annotations } = resource.metadata;
      const existing = this.get(kind, namespace, name);
      if (existing !== undefined && compareContent(existing, resource, source) === 'unchanged') {
        return { action: 'unchanged', stored: existing };
      }
      const version = this.#nextVersion();
      const before = existing?.resource.metadata;
      const sameSpec = existing !== undefined && isDeepStrictEqual(body(existing.resource), body(resource));
      const stored: StoredObject = {
        source,
        resource: {
          ...body(resource),
          metadata: {
            name,
            namespace,
            ...(labels === undefined ? {} : { labels }),
            ...(annotations === undefined ? {} : { annotations }),
            uid: before?.uid ?? randomUUID(),
            generation: (before?.generation ?? 0) + (sameSpec ? 0 : 1),
            resourceVersion: String(version),
            creationTimestamp: before?.creationTimestamp ?? this.#now(),
          },
        },
      };
      const json = JSON.stringify(stored.resource);
      this.#database
        .sql(
          `INSERT INTO objects (kind, namespace, name, source, resource_version, json) VALUES (?, ?, ?, ?, ?, ?)
           ON CONFLICT (kind, namespace, name) DO UPDATE SET source = excluded.source,
             resource_version = excluded.resource_version, json = excluded.json`,
        )
        .run(kind, namespace, name, source, version, json);
      this.#remember(kind, namespace, name, version, json);
      this.#changed({ kind, namespace, name, stored });
      return { action: existing === undefined ? 'created' : 'configured', stored };
    });
  }

  preview(resource: Resource, source: string): PutResult['action'] {
    const existing = this.get(resource.kind, resource.metadata.namespace, resource.metadata.name);
    return existing === undefined ? 'created' : compareContent(existing, resource, source);
  }

  delete(kind: string, namespace: string, name: string): boolean {
    return this.transaction(() => {
      const { changes } = this.#database
        .sql('DELETE FROM objects WHERE kind = ? AND namespace = ? AND name = ?')
        .run(kind, namespace, name);
      if (changes === 0) return false;
      this.#remember(kind, namespace, name, this.#nextVersion(), null);
      this.#changed({ kind, namespace, name, stored: undefined });
      return true;
    });
  }

  history(kind: string, namespace: string, name: string): readonly HistoryEntry[] {
    const rows = this.#database.read(() =>
      this.#database
        .sql(
          `SELECT resource_version, at, json FROM history WHERE kind = ? AND namespace = ? AND name = ?
           ORDER BY resource_version DESC`,
        )
        .all(kind, namespace, name),
    );
    return rows.map((row) => ({
      resourceVersion: String(row.resource_version),
      at: String(row.at),
      resource: typeof row.json === 'string' ? (JSON.parse(row.json) as Resource) : undefined,
    }));
  }

  transaction<T>(fn: () => T): T {
    try {
      return this.#database.transaction(fn);
    } catch (error) {
      if (!this.#database.inTransaction) this.#pending = new Map();
      throw error;
    }
  }

  watch(listener: (changes: readonly StoreChange[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#database.close();
  }

  #nextVersion(): number {
    const row = this.#database
      .sql(
        `INSERT INTO counters (name, value) VALUES ('resourceVersion', 1)
         ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value`,
      )
      .get();
    return Number(row?.value);
  }

  #remember(kind: string, namespace: string, name: string, version: number, json: string | null): void {
    this.#database
      .sql('INSERT INTO history (kind, namespace, name, resource_version, at, json) VALUES (?, ?, ?, ?, ?, ?)')
      .run(kind, namespace, name, version, this.#now(), json);
    this.#database
      .sql(
        `DELETE FROM history WHERE kind = ?1 AND namespace = ?2 AND name = ?3 AND resource_version <= (
           SELECT resource_version FROM history WHERE kind = ?1 AND namespace = ?2 AND name = ?3
           ORDER BY resource_version DESC LIMIT 1 OFFSET ${historyLength})`,
      )
      .run(kind, namespace, name);
  }

  #changed(change: StoreChange): void {
    const key = objectKey(change.kind, change.namespace, change.name);
    if (this.#pending.size === 0) this.#database.afterCommit(() => this.#notify());
    this.#pending.delete(key);
    this.#pending.set(key, change);
  }

  /** A listener may write in turn: its changes are told after those it was told, to everybody in the same order. */
  #notify(): void {
    this.#toTell.push([...this.#pending.values()]);
    this.#pending = new Map();
    if (this.#toTell.length > 1) return;
    for (let changes = this.#toTell[0]; changes !== undefined; changes = this.#toTell[0]) {
      try {
        for (const listener of [...this.#listeners]) listener(changes);
      } finally {
        this.#toTell.shift();
      }
    }
  }

  #now(): string {
    return new Date(this.#clock.wallTime()).toISOString();
  }
}

function toStored(row: Row): StoredObject {
  return { source: row.source, resource: JSON.parse(row.json) as Resource };
}

/** What a user writes beside metadata, as it reads back from JSON. */
function body(resource: Resource): Omit<Resource, 'metadata' | 'status'> {
  const { metadata: _metadata, status: _status, ...rest } = resource;
  return JSON.parse(JSON.stringify(rest)) as Omit<Resource, 'metadata' | 'status'>;
}

function compareContent(existing: StoredObject, after: Resource, source: string): 'configured' | 'unchanged' {
  const before = existing.resource;
  const same =
    existing.source === source &&
    isDeepStrictEqual(body(before), body(after)) &&
    isDeepStrictEqual(before.metadata.labels ?? {}, after.metadata.labels ?? {}) &&
    isDeepStrictEqual(before.metadata.annotations ?? {}, after.metadata.annotations ?? {});
  return same ? 'unchanged' : 'configured';
}
