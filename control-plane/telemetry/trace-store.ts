import path from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { TraceSummary } from '../../proto/api/v1.ts';
import { formatMicros } from './micros.ts';
import type { SpanRecord } from './span-record.ts';
import { messageOf, openTraceDatabase, setAside } from './trace-database.ts';
import { selectTraces, type TraceQuery } from './trace-query.ts';
import { type SpanRow, spanOfRow, statements, type TraceRow, valuesOf } from './trace-rows.ts';

export interface TraceStoreOptions {
  stateDir: string;
  /** Traces older than this are deleted. */
  retentionHours: number;
  /** Spans kept at most; the oldest traces go first. */
  maxSpans: number;
  clock: Clock;
  log: Log;
}

/** Spans wait so long to be written together, in milliseconds. */
const batchDelayMs = 200;
/** Spans waiting at most; more are written at once. */
const maxPending = 5000;
/** Spans of one trace at most; later ones are dropped. */
const maxTraceSpans = 2000;
const sweepIntervalMs = 30_000;
/** Traces deleted in one turn of the event loop. */
const sweepStep = 100;

/**
 * Spans in SQLite. Writes are batched and may be lost with the machine's power; no method throws: when the database
 * fails, spans are dropped and counted, and when it is damaged it is made anew.
 */
export class TraceStore {
  readonly #options: TraceStoreOptions;
  #database: DatabaseSync;
  #statements: Record<keyof typeof statements, StatementSync>;
  #pending: SpanRecord[] = [];
  #flushTimer: NodeJS.Timeout | undefined;
  #sweepTimer: NodeJS.Timeout | undefined;
  #spans = 0;
  #lastWarning = Number.NEGATIVE_INFINITY;
  /** Spans that could not be kept. */
  dropped = 0;

  constructor(options: TraceStoreOptions) {
    this.#options = options;
    this.#database = openTraceDatabase(options.stateDir, options.log);
    this.#statements = this.#prepare();
    this.#scheduleSweep(sweepIntervalMs);
  }

  /** Spans stored. */
  get spans(): number {
    return this.#spans;
  }

  add(spans: readonly SpanRecord[]): void {
    for (const span of spans) this.#pending.push(span);
    if (this.#pending.length >= maxPending) this.flush();
    else this.#flushTimer ??= setTimeout(() => this.flush(), batchDelayMs).unref();
  }

  /** Writes what waits; reads do so first, so that they see every span taken. */
  flush(): void {
    clearTimeout(this.#flushTimer);
    this.#flushTimer = undefined;
    const batch = this.#pending;
    if (batch.length === 0) return;
    this.#pending = [];
    const written = this.#guard(() => this.#transaction(() => this.#write(batch)));
    if (written === undefined) this.dropped += batch.length;
    else if (this.#spans > this.#options.maxSpans) this.#scheduleSweep(0);
  }

  list(query: TraceQuery): TraceSummary[] {
    this.flush();
    const { sql, values } = selectTraces(query);
    const rows = this.#guard(() => this.#database.prepare(sql).all(...values)) ?? [];
    return (rows as unknown as TraceRow[]).map((row) => ({
      traceId: row.trace_id,
      name: row.name,
      service: row.service,
      startTime: formatMicros(row.start_us),
      durationMs: (row.end_us - row.start_us) / 1000,
      spans: row.spans,
      services: row.services,
      errors: row.errors,
      status: row.status,
    }));
  }

  /** Ids that begin with `prefix` (lower-case hex), two at most. */
  find(prefix: string): string[] {
    this.flush();
    // 'g' follows the last hex digit.
    const rows = this.#guard(() => this.#statements.find.all(prefix, `${prefix}g`)) ?? [];
    return rows.map((row) => String(row.trace_id));
  }

  read(traceId: string): SpanRecord[] {
    this.flush();
    const rows = this.#guard(() => this.#statements.read.all(traceId)) ?? [];
    return (rows as unknown as SpanRow[]).map(spanOfRow);
  }

  /** Deletes one step of what is over age or number, and comes back for more until nothing is. */
  sweep(): void {
    const oldest = (this.#options.clock.wallTime() - this.#options.retentionHours * 3_600_000) * 1000;
    const deleted = this.#guard(() => this.#transaction(() => this.#sweepStep(oldest))) ?? 0;
    this.#scheduleSweep(deleted > 0 ? 0 : sweepIntervalMs);
  }

  close(): void {
    this.flush();
    clearTimeout(this.#sweepTimer);
    this.#guard(() => this.#database.close());
  }

  #sweepStep(oldest: number): number {
    let deleted = 0;
    for (const row of this.#statements.oldest.all(sweepStep) as unknown as TraceRow[]) {
      if (row.start_us >= oldest && this.#spans <= this.#options.maxSpans) break;
      this.#statements.deleteSpans.run(row.trace_id);
      this.#statements.deleteTrace.run(row.trace_id);
      this.#spans -= row.spans;
      deleted++;
    }
    return deleted;
  }

  #write(batch: readonly SpanRecord[]): true {
    for (const [traceId, spans] of Map.groupBy(batch, (span) => span.traceId)) {
      let count = Number(this.#statements.count.get(traceId)?.spans ?? 0);
      const before = count;
      for (const span of spans) {
        if (count >= maxTraceSpans) this.dropped++;
        // An exporter that had no answer sends again: the same span counts once.
        else count += Number(this.#statements.insert.run(...valuesOf(span)).changes);
      }
      if (count === before) continue;
      this.#statements.summarize.run(traceId, traceId);
      this.#spans += count - before;
    }
    return true;
  }

  #transaction<T>(work: () => T): T {
    this.#database.exec('BEGIN IMMEDIATE');
    const spans = this.#spans;
    try {
      const result = work();
      this.#database.exec('COMMIT');
      return result;
    } catch (error) {
      this.#spans = spans;
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  /** Runs database work; a failure is logged at most once a minute, and a damaged file is replaced. */
  #guard<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      const { clock, log } = this.#options;
      if (clock.now() - this.#lastWarning >= 60_000) {
        this.#lastWarning = clock.now();
        log.warn('the trace store failed; spans are dropped', { error: messageOf(error) });
      }
      if (isCorruption(error)) this.#replace();
      return undefined;
    }
  }

  #replace(): void {
    const { stateDir, log } = this.#options;
    try {
      this.#database.close();
      setAside(path.join(stateDir, 'telemetry.db'));
    } catch (error) {
      log.warn('the damaged trace store cannot be set aside', { error: messageOf(error) });
    }
    this.#database = openTraceDatabase(stateDir, log);
    this.#statements = this.#prepare();
  }

  #prepare(): Record<keyof typeof statements, StatementSync> {
    this.#spans = Number(this.#database.prepare('SELECT total(spans) AS spans FROM traces').get()?.spans ?? 0);
    const entries = Object.entries(statements).map(([name, sql]) => [name, this.#database.prepare(sql)]);
    return Object.fromEntries(entries) as Record<keyof typeof statements, StatementSync>;
  }

  #scheduleSweep(delayMs: number): void {
    clearTimeout(this.#sweepTimer);
    this.#sweepTimer = setTimeout(() => this.sweep(), delayMs).unref();
  }
}

/** SQLITE_CORRUPT and SQLITE_NOTADB. */
function isCorruption(error: unknown): boolean {
  const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : 0;
  return code === 11 || code === 26;
}
