import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Graph, ServiceStatsList, Trace, TraceList } from '../../proto/api/v1.ts';
import type { MeshSnapshot } from '../registry/mesh-snapshot.ts';
import { clampWindow, GoldenSignals } from './golden-signals.ts';
import { buildGraph } from './graph.ts';
import { acceptTraces, type IntakeResponse, readTraceRequest } from './otlp-http.ts';
import { buildServiceStats } from './service-stats.ts';
import type { TraceQuery } from './trace-query.ts';
import { TraceStore } from './trace-store.ts';
import { buildTrace } from './trace-tree.ts';

export interface TelemetryOptions {
  /** Folder of `telemetry.db`. */
  stateDir: string;
  retentionHours: number;
  /** Spans kept at most. Default 200,000, about 200 MB. */
  maxSpans?: number;
  clock: Clock;
  log: Log;
}

/** What the control plane knows of traffic. No method throws, whatever a peer sends or the disk does. */
export interface Telemetry {
  /** Answers `POST /v1/traces`; the answer is JSON. */
  ingest(body: Buffer, contentType: string, contentEncoding?: string): IntakeResponse;
  traces(query: TraceQuery): TraceList;
  /** By whole id or a unique prefix of at least 4 hex digits. */
  trace(idOrPrefix: string): Trace | undefined | 'ambiguous';
  /** The window is 1 to 300 seconds; `connected` as in {@link buildServiceStats}. */
  services(windowSeconds: number, snapshot: MeshSnapshot, connected: ReadonlySet<string>): ServiceStatsList;
  graph(windowSeconds: number): Graph;
  /** Counts since the start, for metrics. */
  counters(): TelemetryCounters;
  /** Writes what waits and closes the file. */
  close(): void;
}

export interface TelemetryCounters {
  spansReceived: number;
  /** Spans that broke OTLP's format. */
  spansRejected: number;
  /** Spans that the store could not keep. */
  spansDropped: number;
  /** Spans stored now. */
  spansStored: number;
  /** Spans not counted in the golden signals because there were too many pairs of services. */
  signalsOverflow: number;
}

/** Opens the trace store and starts counting. */
export function openTelemetry(options: TelemetryOptions): Telemetry {
  const { maxSpans = 200_000, ...rest } = options;
  const store = new TraceStore({ ...rest, maxSpans });
  const signals = new GoldenSignals(options.clock);
  let received = 0;
  let rejected = 0;
  return {
    ingest: (body, contentType, contentEncoding) => {
      const result = readTraceRequest(body, contentType, contentEncoding);
      if (!result.ok) return result.response;
      const { decoded } = result;
      received += decoded.spans.length;
      rejected += decoded.rejected;
      for (const span of decoded.spans) signals.add(span);
      store.add(decoded.spans);
      return acceptTraces(decoded.rejected, decoded.reason);
    },
    traces: (query) => ({ items: store.list(query) }),
    trace: (idOrPrefix) => {
      if (!/^[0-9a-f]{4,32}$/i.test(idOrPrefix)) return undefined;
      const [first, second] = store.find(idOrPrefix.toLowerCase());
      if (first === undefined) return undefined;
      return second === undefined ? buildTrace(first, store.read(first)) : 'ambiguous';
    },
    services: (windowSeconds, snapshot, connected) => {
      const window = clampWindow(windowSeconds);
      return buildServiceStats(window, signals.read(window), snapshot, connected);
    },
    graph: (windowSeconds) => {
      const window = clampWindow(windowSeconds);
      return buildGraph(window, signals.read(window));
    },
    counters: () => ({
      spansReceived: received,
      spansRejected: rejected,
      spansDropped: store.dropped,
      spansStored: store.spans,
      signalsOverflow: signals.overflow,
    }),
    close: () => store.close(),
  };
}
