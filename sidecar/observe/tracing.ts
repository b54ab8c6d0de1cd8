import type { Random } from '../../lib/random.ts';
import type { RequestHead } from '../stream/head.ts';
import { IdPool } from './id-pool.ts';
import type { StreamInfo, TraceContext } from './stream-info.ts';
import { formatTraceparent, parseTraceparent } from './trace-context.ts';

export interface TracingOptions {
  /** Share of new traces that is sampled, 0 to 1. A caller's decision is always kept. */
  sampling: number;
  /** Keep a client's `x-request-id` also at the gateway. Default false: outside the mesh anyone may send one. */
  trustRequestId: boolean;
  random: Random;
}

const maxRequestIdLength = 128;

/** Gives each stream its place in a trace and a request id, and writes both into the head that goes on. */
export class Tracing {
  readonly #options: TracingOptions;
  readonly #ids = new IdPool();

  constructor(options: TracingOptions) {
    this.#options = options;
  }

  start(info: StreamInfo, head: RequestHead): void {
    const { headers } = head;
    const { names, values } = headers;
    let traceparentAt = -1;
    let traceparents = 0;
    let tracestate: string | undefined;
    let requestIdAt = -1;
    // One pass for the three; the length decides nearly every comparison.
    for (let i = 0; i < names.length; i++) {
      const name = names[i] as string;
      if (name.length === 11 && name === 'traceparent') {
        traceparentAt = i;
        traceparents++;
      } else if (name.length === 10 && name === 'tracestate') {
        tracestate = tracestate === undefined ? values[i] : `${tracestate},${values[i]}`;
      } else if (name.length === 12 && name === 'x-request-id' && requestIdAt < 0) {
        requestIdAt = i;
      }
    }
    // More than one `traceparent` is as good as none (W3C Trace Context section 3.2).
    const caller = traceparents === 1 ? parseTraceparent(values[traceparentAt] as string) : undefined;
    const trace = this.#context(info, caller, tracestate);
    info.trace = trace;
    const traceparent = formatTraceparent(trace.traceId, trace.spanId, trace.sampled);
    if (traceparents > 0) headers.set('traceparent', traceparent);
    else headers.appendRaw('traceparent', 'traceparent', traceparent);
    if (caller === undefined && tracestate !== undefined) headers.remove('tracestate');

    const requestId = requestIdAt < 0 ? undefined : values[names.indexOf('x-request-id')];
    if (requestId !== undefined && this.#trusts(info, requestId)) {
      info.requestId = requestId;
      return;
    }
    info.requestId = this.#ids.uuid();
    if (requestId === undefined) headers.appendRaw('x-request-id', 'x-request-id', info.requestId);
    else headers.set('x-request-id', info.requestId);
  }

  /** A trace of its own for what carries no headers. */
  root(): TraceContext {
    return {
      traceId: this.#ids.traceId(),
      spanId: this.#ids.spanId(),
      parentSpanId: undefined,
      sampled: this.#sample(),
      tracestate: undefined,
    };
  }

  #context(
    info: StreamInfo,
    caller: ReturnType<typeof parseTraceparent>,
    tracestate: string | undefined,
  ): TraceContext {
    const context: TraceContext =
      caller === undefined
        ? this.root()
        : {
            traceId: caller.traceId,
            spanId: this.#ids.spanId(),
            parentSpanId: caller.parentId,
            sampled: caller.sampled,
            tracestate,
          };
    if (info.direction === 'gateway' && context.sampled) context.serverSpanId = this.#ids.spanId();
    return context;
  }

  #sample(): boolean {
    const { sampling, random } = this.#options;
    return sampling >= 1 || (sampling > 0 && random() < sampling);
  }

  #trusts(info: StreamInfo, requestId: string): boolean {
    if (info.direction === 'gateway' && !this.#options.trustRequestId) return false;
    return requestId !== '' && requestId.length <= maxRequestIdLength;
  }
}
