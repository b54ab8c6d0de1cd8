import type { SQLInputValue } from 'node:sqlite';
import { parseMicros } from './micros.ts';

/** Filters of the trace list; all given ones must hold. Unset, empty or unusable ones filter nothing. */
export interface TraceQuery {
  /** A service that took part or was called, also in vain: `<name>` or `<name>.<namespace>`. */
  service?: string | undefined;
  /** A route that matched: whole, or up to a slash (`HTTPRoute/shop/ratings` finds all its rules). */
  route?: string | undefined;
  minDurationMs?: number | undefined;
  /** Only traces with an error (or, when `false`, everything). */
  error?: boolean | undefined;
  /** 1-500, default 100. */
  limit?: number | undefined;
  /** Only traces that started before this; the `startTime` of the last one of a page gives the next page. */
  before?: string | undefined;
}

/** A statement with its values in order; the texts are ours, what the user gave is bound. */
export interface BoundQuery {
  sql: string;
  values: SQLInputValue[];
}

/** Newest first, summaries only. */
export function selectTraces(query: TraceQuery): BoundQuery {
  const conditions: string[] = [];
  const values: SQLInputValue[] = [];
  const where = (condition: string, ...bound: SQLInputValue[]) => {
    conditions.push(condition);
    values.push(...bound);
  };
  const before = query.before ? parseMicros(query.before) : undefined;
  if (before !== undefined) where('start_us < ?', before);
  if (query.error === true) where('errors > 0');
  const { minDurationMs } = query;
  if (minDurationMs !== undefined && minDurationMs > 0 && Number.isFinite(minDurationMs)) {
    where('end_us - start_us >= ?', Math.round(minDurationMs * 1000));
  }
  // Both lists are between commas; an item is matched whole, or up to the separator inside it.
  if (query.service) {
    where(
      `(instr(service_list, ',' || ? || '.') OR instr(service_list, ',' || ? || ','))`,
      query.service,
      query.service,
    );
  }
  if (query.route) {
    where(`(instr(route_list, ',' || ? || '/') OR instr(route_list, ',' || ? || ','))`, query.route, query.route);
  }
  const filter = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  values.push(clampLimit(query.limit));
  return { sql: `SELECT * FROM traces ${filter} ORDER BY start_us DESC, trace_id LIMIT ?`, values };
}

function clampLimit(limit: number | undefined): number {
  if (limit === undefined || !Number.isFinite(limit)) return 100;
  return Math.min(500, Math.max(1, Math.floor(limit)));
}
