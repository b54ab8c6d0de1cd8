import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { isObject, readAttributes, truncate } from './any-value.ts';
import { type AttributeValue, numberAttribute, type SpanRecord, textAttribute } from './span-record.ts';

/** Spans of one request, and how many were left out with the first reason. */
export interface DecodedSpans {
  spans: SpanRecord[];
  rejected: number;
  /** Empty when nothing was rejected. */
  reason: string;
}

const nameLimit = 1024;

/**
 * Reads an `ExportTraceServiceRequest` in the JSON encoding of OTLP 1.x: ids in hex, int64 as text or number, unknown
 * fields ignored. A span that breaks the format is rejected alone. Never throws; `undefined` when the value is no such
 * request at all.
 */
export function decodeTraces(request: unknown): DecodedSpans | undefined {
  if (!isObject(request)) return undefined;
  const resourceSpans = request.resourceSpans ?? [];
  if (!Array.isArray(resourceSpans)) return undefined;
  const result: DecodedSpans = { spans: [], rejected: 0, reason: '' };
  for (const group of resourceSpans) {
    if (!isObject(group)) continue;
    const origin = readOrigin(isObject(group.resource) ? readAttributes(group.resource.attributes) : {});
    for (const scope of Array.isArray(group.scopeSpans) ? group.scopeSpans : []) {
      for (const span of isObject(scope) && Array.isArray(scope.spans) ? scope.spans : []) {
        const record = readSpan(span, origin);
        if (typeof record === 'string') {
          result.rejected++;
          result.reason ||= record;
        } else {
          result.spans.push(record);
        }
      }
    }
  }
  return result;
}

type Origin = Pick<SpanRecord, 'service' | 'namespace' | 'workload' | 'mode'>;

function readOrigin(attributes: Record<string, AttributeValue>): Origin {
  const text = (key: string) => truncate(textAttribute({ attributes }, key), 253);
  const mode = text('heddle.proxy.mode');
  return {
    service: text('service.name') || 'unknown',
    namespace: text('service.namespace') || 'default',
    workload: text('service.instance.id'),
    mode: mode === 'sidecar' || mode === 'gateway' ? mode : '',
  };
}

/** The span, or why it is refused. */
function readSpan(span: unknown, origin: Origin): SpanRecord | string {
  if (!isObject(span)) return 'a span is not an object';
  const traceId = readId(span.traceId, 32);
  if (traceId === undefined) return 'traceId is not 32 hex digits, or all zero';
  const spanId = readId(span.spanId, 16);
  if (spanId === undefined) return 'spanId is not 16 hex digits, or all zero';
  const noParent = span.parentSpanId === undefined || span.parentSpanId === null || span.parentSpanId === '';
  const parentSpanId = noParent ? '' : readId(span.parentSpanId, 16);
  if (parentSpanId === undefined) return 'parentSpanId is not 16 hex digits';
  const start = readMicros(span.startTimeUnixNano);
  const end = readMicros(span.endTimeUnixNano);
  if (start === undefined || end === undefined) return 'startTimeUnixNano or endTimeUnixNano is not a time';
  const attributes = { ...readAttributes(span.attributes), ...readAttempts(span.events) };
  const status = numberAttribute({ attributes }, 'http.response.status_code');
  return {
    traceId,
    spanId,
    parentSpanId,
    kind: readKind(span.kind),
    name: truncate(typeof span.name === 'string' ? span.name : '', nameLimit),
    ...origin,
    startMicros: start,
    durationMicros: Math.max(0, end - start),
    status: Number.isInteger(status) && status >= 100 && status <= 999 ? status : 0,
    error: isError(span.status) || status >= 500,
    route: truncate(textAttribute({ attributes }, 'heddle.route'), nameLimit),
    attributes,
  };
}

/** Lower-case hex of that many digits; an id of zeros is invalid in W3C trace context. */
function readId(value: unknown, digits: number): string | undefined {
  if (typeof value !== 'string' || value.length !== digits || !/^[0-9a-fA-F]+$/.test(value) || /^0+$/.test(value)) {
    return undefined;
  }
  return value.toLowerCase();
}

/** Nanoseconds since the epoch, as text or number, in whole microseconds: those fit a double until the year 2255. */
function readMicros(value: unknown): number | undefined {
  if (typeof value === 'number') return value > 0 && value < 9e18 ? Math.floor(value / 1000) : undefined;
  if (typeof value !== 'string' || !/^[1-9]\d{3,18}$/.test(value)) return undefined;
  return Number(value.slice(0, -3));
}

/** OTLP numbers kinds one higher than the API does: its 0 is SPAN_KIND_UNSPECIFIED. Status codes are the same in both. */
const otlpKind = (kind: SpanKind): number => kind + 1;

function readKind(value: unknown): SpanRecord['kind'] {
  if (value === otlpKind(SpanKind.SERVER) || value === 'SPAN_KIND_SERVER') return 'server';
  if (value === otlpKind(SpanKind.CLIENT) || value === 'SPAN_KIND_CLIENT') return 'client';
  return 'internal';
}

function isError(status: unknown): boolean {
  return isObject(status) && (status.code === SpanStatusCode.ERROR || status.code === 'STATUS_CODE_ERROR');
}

/** Events named `attempt` (a failed try) become `heddle.attempt.<n>` with their attributes (last parts of their keys) as one line. */
function readAttempts(events: unknown): Record<string, AttributeValue> {
  if (!Array.isArray(events)) return {};
  const attempts = events.filter((event) => isObject(event) && event.name === 'attempt').slice(0, 16);
  return Object.fromEntries(
    attempts.map((event, index) => {
      const pairs = Object.entries(readAttributes(event.attributes)).map(
        ([key, value]) => `${key.replace(/^.*\./, '')}=${value}`,
      );
      return [`heddle.attempt.${index + 1}`, truncate(pairs.join(' '), nameLimit)];
    }),
  );
}
