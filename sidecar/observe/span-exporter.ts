import { exportRequest, OtlpWriter } from './otlp-json.ts';
import { type SpanContext, writeStreamSpans, writeTcpSpan } from './span-json.ts';
import type { StreamInfo, TcpInfo, TraceContext } from './stream-info.ts';

/** Where spans go. */
export interface SpanSink {
  /** Sends one OTLP/HTTP JSON body; rejects when it was not accepted. */
  send(body: string): Promise<void>;
  /** False while sending is pointless; spans then wait in the queue. Absent means always. */
  accepting?(): boolean;
}

export interface SpanExporterOptions {
  sink: SpanSink;
  /** Resource attributes in OTLP/JSON. */
  resource: string;
  context: () => SpanContext;
  /** Default 2,048; what does not fit is dropped and counted. */
  queueLimit?: number;
  /** Default 256. */
  batchSize?: number;
  /** Milliseconds between batches when they do not fill up. Default 500. */
  intervalMs?: number;
}

type Item = { stream: StreamInfo; trace: TraceContext } | { tcp: TcpInfo; trace: TraceContext };

/**
 * Keeps finished streams in a bounded queue and sends them in batches, one at a time. Nothing here can hold up or
 * fail a request: a collector that is slow or gone costs spans, which are counted (security.md P-60).
 */
export class SpanExporter {
  readonly #options: Required<SpanExporterOptions>;
  #queue: Item[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #closed = false;
  #dropped = 0;
  #sent = 0;

  constructor(options: SpanExporterOptions) {
    this.#options = { queueLimit: 2_048, batchSize: 256, intervalMs: 500, ...options };
  }

  /** Streams that were not exported: the queue was full, or sending failed. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Streams exported. */
  get sent(): number {
    return this.#sent;
  }

  get queued(): number {
    return this.#queue.length;
  }

  addStream(stream: StreamInfo, trace: TraceContext): void {
    this.#add({ stream, trace });
  }

  addTcp(tcp: TcpInfo, trace: TraceContext): void {
    this.#add({ tcp, trace });
  }

  /** Sends what is queued, as long as the sink takes it. */
  async flush(): Promise<void> {
    await this.#sending;
    while (this.#queue.length > 0 && this.#accepting()) {
      this.#sendBatch();
      await this.#sending;
    }
  }

  /** Flushes; what comes later is dropped. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.flush();
  }

  #add(item: Item): void {
    if (this.#closed || this.#queue.length >= this.#options.queueLimit) {
      this.#dropped++;
      return;
    }
    this.#queue.push(item);
    if (this.#queue.length >= this.#options.batchSize && this.#sending === undefined && this.#accepting()) {
      this.#sendBatch();
    } else {
      this.#timer ??= setTimeout(() => this.#onTimer(), this.#options.intervalMs).unref();
    }
  }

  #onTimer(): void {
    this.#timer = undefined;
    if (this.#queue.length === 0) return;
    if (this.#sending === undefined && this.#accepting()) this.#sendBatch();
    else this.#timer = setTimeout(() => this.#onTimer(), this.#options.intervalMs).unref();
  }

  #accepting(): boolean {
    return this.#options.sink.accepting?.() ?? true;
  }

  #sendBatch(): void {
    const batch = this.#queue.splice(0, this.#options.batchSize);
    this.#sending = this.#send(batch).finally(() => {
      this.#sending = undefined;
      if (this.#queue.length > 0 && !this.#closed) {
        this.#timer ??= setTimeout(() => this.#onTimer(), this.#options.intervalMs).unref();
      }
    });
  }

  async #send(batch: readonly Item[]): Promise<void> {
    try {
      await this.#options.sink.send(exportRequest(this.#options.resource, this.#encode(batch)));
      this.#sent += batch.length;
    } catch {
      this.#dropped += batch.length;
    }
  }

  #encode(batch: readonly Item[]): string {
    const context = this.#options.context();
    const writer = new OtlpWriter();
    for (const [i, item] of batch.entries()) {
      if (i > 0) writer.raw(',');
      if ('tcp' in item) writeTcpSpan(writer, item.tcp, item.trace, context);
      else writeStreamSpans(writer, item.stream, item.trace, context);
    }
    return writer.toString();
  }
}
