import type { SQLInputValue } from 'node:sqlite';
import { operationOf, type SpanRecord, textAttribute } from './span-record.ts';

/** The statements of the trace store that are prepared once. */
export const statements = {
  insert: 'INSERT OR IGNORE INTO spans VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
  // The root is the span whose parent is not here; of several, the one without any, then the first in time.
  summarize: `
    INSERT OR REPLACE INTO traces
    SELECT total.*, root.operation, root.service, root.status
    FROM (
      SELECT trace_id, min(start_us), max(start_us + duration_us), count(*),
        count(DISTINCT service || '.' || namespace), sum(error),
        ',' || group_concat(DISTINCT service || '.' || namespace) || ',' || group_concat(DISTINCT destination) || ',',
        ',' || group_concat(DISTINCT route) || ','
      FROM spans WHERE trace_id = ? GROUP BY trace_id
    ) AS total, (
      SELECT operation, service, status FROM spans s WHERE trace_id = ?
      ORDER BY EXISTS (SELECT 1 FROM spans p WHERE p.trace_id = s.trace_id AND p.span_id = s.parent_span_id),
        parent_span_id <> '', start_us
      LIMIT 1
    ) AS root`,
  count: 'SELECT spans FROM traces WHERE trace_id = ?',
  read: 'SELECT * FROM spans WHERE trace_id = ? ORDER BY start_us',
  find: 'SELECT trace_id FROM traces WHERE trace_id >= ? AND trace_id < ? LIMIT 2',
  oldest: 'SELECT trace_id, start_us, spans FROM traces ORDER BY start_us LIMIT ?',
  deleteSpans: 'DELETE FROM spans WHERE trace_id = ?',
  deleteTrace: 'DELETE FROM traces WHERE trace_id = ?',
} as const;

export interface TraceRow {
  trace_id: string;
  start_us: number;
  end_us: number;
  spans: number;
  services: number;
  errors: number;
  name: string;
  service: string;
  status: number;
}

export interface SpanRow {
  trace_id: string;
  span_id: string;
  parent_span_id: string;
  kind: SpanRecord['kind'];
  name: string;
  service: string;
  namespace: string;
  workload: string;
  mode: SpanRecord['mode'];
  start_us: number;
  duration_us: number;
  status: number;
  error: number;
  route: string;
  attributes: string;
}

/** Values of a span in the order of the table's columns. */
export function valuesOf(span: SpanRecord): SQLInputValue[] {
  return [
    span.traceId,
    span.spanId,
    span.parentSpanId,
    span.kind,
    span.name,
    operationOf(span),
    span.service,
    span.namespace,
    span.workload,
    span.mode,
    span.startMicros,
    span.durationMicros,
    span.status,
    span.error ? 1 : 0,
    span.route,
    textAttribute(span, 'heddle.destination'),
    JSON.stringify(span.attributes),
  ];
}

export function spanOfRow(row: SpanRow): SpanRecord {
  return {
    traceId: row.trace_id,
    spanId: row.span_id,
    parentSpanId: row.parent_span_id,
    kind: row.kind,
    name: row.name,
    service: row.service,
    namespace: row.namespace,
    workload: row.workload,
    mode: row.mode,
    startMicros: row.start_us,
    durationMicros: row.duration_us,
    status: row.status,
    error: row.error !== 0,
    route: row.route,
    attributes: JSON.parse(row.attributes),
  };
}
