/** One finished span as it came from a proxy, within the limits of {@link ./otlp.ts}. Times are whole microseconds. */
export interface SpanRecord {
  /** 32 lower-case hex digits. */
  readonly traceId: string;
  /** 16 lower-case hex digits. */
  readonly spanId: string;
  /** Empty for a root. */
  readonly parentSpanId: string;
  readonly kind: 'server' | 'client' | 'internal';
  readonly name: string;
  /** `service.name`. */
  readonly service: string;
  /** `service.namespace`; `default` where the resource names none. */
  readonly namespace: string;
  /** `service.instance.id`. */
  readonly workload: string;
  /** `heddle.proxy.mode`. */
  readonly mode: 'sidecar' | 'gateway' | '';
  /** Since the Unix epoch. */
  readonly startMicros: number;
  readonly durationMicros: number;
  /** HTTP status, or 0. */
  readonly status: number;
  readonly error: boolean;
  /** `heddle.route`. */
  readonly route: string;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

export type AttributeValue = string | number | boolean;

/** Method and path where they are known, which say more to a reader than the span's name; the name otherwise. */
export function operationOf(span: SpanRecord): string {
  const method = textAttribute(span, 'http.request.method');
  const path = textAttribute(span, 'url.path');
  return method === '' || path === '' ? span.name : `${method} ${path}`.slice(0, 1024);
}

/** A text attribute, or empty when it is absent or no text. */
export function textAttribute(span: { attributes: SpanRecord['attributes'] }, key: string): string {
  const value = span.attributes[key];
  return typeof value === 'string' ? value : '';
}

/** A numeric attribute, or 0 when it is absent or no number. */
export function numberAttribute(span: { attributes: SpanRecord['attributes'] }, key: string): number {
  const value = span.attributes[key];
  return typeof value === 'number' ? value : 0;
}
