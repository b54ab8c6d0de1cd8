import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Log } from '../../lib/log.ts';

const schemaVersion = 1;

const schema = `
CREATE TABLE spans (
  trace_id TEXT NOT NULL, span_id TEXT NOT NULL, parent_span_id TEXT NOT NULL,
  kind TEXT NOT NULL, name TEXT NOT NULL, operation TEXT NOT NULL,
  service TEXT NOT NULL, namespace TEXT NOT NULL, workload TEXT NOT NULL, mode TEXT NOT NULL,
  start_us INTEGER NOT NULL, duration_us INTEGER NOT NULL,
  status INTEGER NOT NULL, error INTEGER NOT NULL, route TEXT NOT NULL, destination TEXT NOT NULL,
  attributes TEXT NOT NULL,
  PRIMARY KEY (trace_id, span_id)
) WITHOUT ROWID;
CREATE TABLE traces (
  trace_id TEXT PRIMARY KEY, start_us INTEGER NOT NULL, end_us INTEGER NOT NULL,
  spans INTEGER NOT NULL, services INTEGER NOT NULL, errors INTEGER NOT NULL,
  service_list TEXT NOT NULL, route_list TEXT NOT NULL,
  name TEXT NOT NULL, service TEXT NOT NULL, status INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX traces_by_start ON traces (start_us);
PRAGMA user_version = ${schemaVersion};
`;

/**
 * Opens `telemetry.db` in the state folder, of its own so that whatever befalls it leaves the configuration alone.
 * A file that is damaged or of another version is set aside as `telemetry.db.corrupt` (one is kept); where no file can
 * be had at all, traces stay in memory. Each of these is a line in the log, never an error: telemetry may be lost.
 */
export function openTraceDatabase(stateDir: string, log: Log): DatabaseSync {
  const file = path.join(stateDir, 'telemetry.db');
  try {
    return openFile(file);
  } catch (error) {
    log.warn('the trace store cannot be read and is made anew', { file, error: messageOf(error) });
  }
  try {
    setAside(file);
    return openFile(file);
  } catch (error) {
    log.warn('there can be no trace store on disk; traces are kept in memory', { file, error: messageOf(error) });
    return prepare(new DatabaseSync(':memory:'));
  }
}

/** Moves a database aside, with its log files. */
export function setAside(file: string): void {
  if (fs.existsSync(file)) fs.renameSync(file, `${file}.corrupt`);
  for (const suffix of ['-wal', '-shm']) fs.rmSync(file + suffix, { force: true });
}

function openFile(file: string): DatabaseSync {
  // SQLite makes its log files with the mode of the database.
  fs.closeSync(fs.openSync(file, 'a', 0o600));
  const database = new DatabaseSync(file);
  try {
    return prepare(database);
  } catch (error) {
    database.close();
    throw error;
  }
}

function prepare(database: DatabaseSync): DatabaseSync {
  database.exec(`
    PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 1000;
    PRAGMA cache_size = -8000; PRAGMA journal_size_limit = 16000000;
  `);
  const version = database.prepare('PRAGMA user_version').get()?.user_version;
  if (version === 0) database.exec(schema);
  else if (version !== schemaVersion) throw new Error(`schema version ${version} instead of ${schemaVersion}`);
  // Touches both tables, so that a damaged file shows itself now.
  database.prepare('SELECT count(*) FROM traces').get();
  database.prepare('SELECT trace_id FROM spans LIMIT 1').get();
  return database;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
