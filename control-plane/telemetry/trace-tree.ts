import type { Span, Trace } from '../../proto/api/v1.ts';
import { formatMicros } from './micros.ts';
import { numberAttribute, type SpanRecord, textAttribute } from './span-record.ts';

/**
 * Orders the spans of one trace depth first, children by start time. A span whose parent is unknown stands as a root,
 * and so does one of a circle of parents. Machines' clocks differ: a span of another proxy than its parent's is moved,
 * with all below it, as little as puts it inside its parent.
 */
export function buildTrace(traceId: string, records: readonly SpanRecord[]): Trace {
  const placed = placeAll(records);
  const start = Math.min(...placed.map(({ start }) => start));
  const end = Math.max(...placed.map(({ start, record }) => start + record.durationMicros));
  return {
    traceId,
    startTime: placed.length === 0 ? '' : formatMicros(start),
    durationMs: placed.length === 0 ? 0 : (end - start) / 1000,
    spans: placed.map((span) => toSpan(span, start)),
  };
}

interface Placed {
  record: SpanRecord;
  depth: number;
  /** Microseconds since the epoch after the clocks were put right. */
  start: number;
  root: boolean;
}

function placeAll(records: readonly SpanRecord[]): Placed[] {
  const byId = new Map(records.map((record) => [record.spanId, record]));
  const children = Map.groupBy(records, ({ parentSpanId }) => (byId.has(parentSpanId) ? parentSpanId : ''));
  for (const siblings of children.values()) siblings.sort((a, b) => a.startMicros - b.startMicros);
  const placed: Placed[] = [];
  const seen = new Set<SpanRecord>();
  const walk = (root: SpanRecord): void => {
    // A stack instead of recursion: the depth is the peer's.
    const stack: { record: SpanRecord; depth: number; shift: number; parent: Placed | undefined }[] = [
      { record: root, depth: 0, shift: 0, parent: undefined },
    ];
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      const { record, depth, parent } = next;
      if (seen.has(record)) continue;
      seen.add(record);
      const start = parent === undefined ? record.startMicros : place(record, parent, next.shift);
      const span = { record, depth, start, root: parent === undefined };
      placed.push(span);
      const below = children.get(record.spanId) ?? [];
      const shift = start - record.startMicros;
      for (const child of below.toReversed()) stack.push({ record: child, depth: depth + 1, shift, parent: span });
    }
  };
  for (const root of children.get('') ?? []) walk(root);
  for (const record of records) if (!seen.has(record)) walk(record);
  return placed;
}

/** Start of a child whose parent has been placed; `shift` is what the parent's clock was off by. */
function place(record: SpanRecord, parent: Placed, shift: number): number {
  const start = record.startMicros + shift;
  // One process has one clock, and its spans may well outlast their parents.
  if (record.workload === parent.record.workload && record.service === parent.record.service) return start;
  const latest = parent.start + Math.max(0, parent.record.durationMicros - record.durationMicros);
  return Math.min(Math.max(start, parent.start), latest);
}

function toSpan({ record, depth, start, root }: Placed, traceStart: number): Span {
  const flags = textAttribute(record, 'heddle.response_flags');
  const moved = Math.round((start - record.startMicros) / 1000);
  return {
    spanId: record.spanId,
    parentSpanId: root ? '' : record.parentSpanId,
    depth,
    kind: record.kind,
    name: record.name,
    service: record.service,
    workload: record.workload,
    startMs: (start - traceStart) / 1000,
    durationMs: record.durationMicros / 1000,
    status: record.status,
    error: record.error,
    peer: textAttribute(record, 'heddle.peer'),
    route: record.route,
    retries: numberAttribute(record, 'heddle.retries'),
    flags: flags === '-' ? '' : flags,
    reason: textAttribute(record, 'heddle.reason'),
    attributes: {
      'service.namespace': record.namespace,
      ...(record.mode === '' ? {} : { 'heddle.proxy.mode': record.mode }),
      ...(moved === 0 ? {} : { 'heddle.clock_adjusted_ms': moved }),
      ...record.attributes,
    },
  };
}
