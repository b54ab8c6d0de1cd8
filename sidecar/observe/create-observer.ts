import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Random } from '../../lib/random.ts';
import { accessLogLine, tcpLogLine } from './access-log-line.ts';
import { BatchWriter } from './batch-writer.ts';
import { EndpointEvents } from './endpoint-events.ts';
import { Exposition, type RenderedMetrics } from './exposition.ts';
import { HopAttributes } from './hop-attributes.ts';
import { HttpVersionMetrics } from './http-version-metrics.ts';
import { LabelledValues } from './labelled-values.ts';
import { type MetricFamily, scalar } from './metric-family.ts';
import type { Observer } from './observer.ts';
import { attributeKey, attributesOf } from './otlp-json.ts';
import { processMetrics } from './process-metrics.ts';
import { Refusals } from './refusals.ts';
import { RequestMetrics } from './request-metrics.ts';
import { SpanExporter, type SpanSink } from './span-exporter.ts';
import { TcpMetrics } from './tcp-metrics.ts';
import { Tracing } from './tracing.ts';
import { WallOffset } from './wall-offset.ts';

export interface ObserverOptions {
  /** Own SPIFFE id; empty until there is one. */
  ownId: () => string;
  /** `service.name` of spans: label `app`, or the service's or workload's name. */
  serviceName: string;
  namespace: string;
  /** `service.instance.id` of spans. */
  workload: string;
  mode: 'sidecar' | 'gateway';
  /** Share of new traces that is sampled, 0 to 1. Default 1. */
  traceSampling?: number;
  /** Where spans go; without one, traces are passed on but nothing is sent. */
  spans?: SpanSink;
  /** Without one, no access log is written. `sample` is the share of requests logged, default 1. */
  accessLog?: { write: (text: string) => unknown; sample?: number };
  /** Keep a client's `x-request-id` also at the gateway. Default false. */
  trustRequestId?: boolean;
  /** Label sets each metric may have (security.md L-89). Default 10,000. */
  maxSeries?: number;
  clock: Clock;
  random: Random;
  log: Log;
}

/** An observer with what the process around it needs. */
export interface ProxyObserver extends Observer {
  /** The metrics in the Prometheus text format. */
  renderMetrics(): Promise<RenderedMetrics>;
  /** The same as a flat list, for people. */
  stats(): { name: string; value: number }[];
  /** What both are made of. */
  families(): readonly MetricFamily[];
  /** Shows metrics of others with its own; before the first scrape. */
  addMetrics(more: readonly MetricFamily[]): void;
  /** Writes the access log and sends the spans gathered so far. */
  flush(): Promise<void>;
  /** Flushes and stops; later spans are dropped. */
  close(): Promise<void>;
}

/** Composes metrics, access log, tracing and the log of refusals. */
export function createObserver(options: ObserverOptions): ProxyObserver {
  const { clock, random, log, accessLog, maxSeries = 10_000 } = options;
  const wall = new WallOffset();
  wall.observe(clock.now(), clock.wallTime());
  const tracing = new Tracing({
    sampling: options.traceSampling ?? 1,
    trustRequestId: options.trustRequestId ?? false,
    random,
  });
  const exporter = options.spans && createExporter(options, options.spans, wall);
  const requests = new RequestMetrics(options, maxSeries);
  const tcp = new TcpMetrics(options, maxSeries);
  const versions = new HttpVersionMetrics();
  const refusals = new Refusals(clock, log, maxSeries);
  const endpoints = new EndpointEvents(clock, log, maxSeries);
  const dropped = new LabelledValues(
    'heddle_dropped_fields_total',
    'counter',
    'Fields left out of requests that went on',
    maxSeries,
  );
  const connections = new LabelledValues('heddle_connections', 'gauge', 'Open client connections', maxSeries);
  const detected = new LabelledValues(
    'heddle_protocol_detected_total',
    'counter',
    'Connections by what their first bytes were found to be',
    maxSeries,
  );
  const opened = new LabelledValues('heddle_connections_total', 'counter', 'Client connections accepted', maxSeries);
  const writer = accessLog && new BatchWriter({ write: accessLog.write });
  const sample = accessLog?.sample ?? 1;
  const isLogged = () => sample >= 1 || random() < sample;
  let scrapeMs = 0;
  const families: MetricFamily[] = [
    ...requests.families(),
    ...tcp.families(),
    ...versions.families(),
    refusals.counter,
    endpoints.counter,
    dropped,
    connections,
    opened,
    detected,
    ...ownMetrics(requests, exporter, writer),
    scalar('heddle_scrape_milliseconds', 'gauge', 'How long the last scrape held the process up', () => scrapeMs),
    ...processMetrics(clock),
  ];
  const exposition = new Exposition(families);

  return {
    onStreamStart(info, head) {
      wall.observe(info.startTime, info.startWallTime);
      tracing.start(info, head);
    },
    onStreamEnd(info) {
      requests.record(info);
      versions.record(info);
      if (writer !== undefined && isLogged()) writer.add(accessLogLine(info));
      if (exporter !== undefined && info.trace?.sampled === true) exporter.addStream(info, info.trace);
    },
    onTcpEnd(info) {
      tcp.record(info);
      if (writer !== undefined && isLogged()) writer.add(tcpLogLine(info));
      if (exporter === undefined) return;
      const trace = tracing.root();
      if (trace.sampled) exporter.addTcp(info, trace);
    },
    onRefused: (listener, reason, detail, peerAddress) => refusals.record(listener, reason, detail, peerAddress),
    onFieldDropped: (listener, reason) => dropped.add({ listener, reason }, 1),
    onDetected: (listener, protocol) => detected.add({ listener, protocol }, 1),
    onEndpointEvent: (cluster, event, reason, address, detail) =>
      endpoints.record(cluster, event, reason, address, detail),
    onConnectionOpen(listener) {
      connections.add({ listener }, 1);
      opened.add({ listener }, 1);
    },
    onHttpConnection: (side, protocol) => versions.onConnection(side, protocol),
    onConnectionClose: (listener) => connections.add({ listener }, -1),
    async renderMetrics() {
      const start = clock.now();
      const rendered = await exposition.render();
      scrapeMs = clock.now() - start;
      return rendered;
    },
    stats: () => families.flatMap(statsOf),
    families: () => families,
    addMetrics: (more) => void families.push(...more),
    async flush() {
      writer?.flush();
      await exporter?.flush();
    },
    async close() {
      writer?.flush();
      await exporter?.close();
    },
  };
}

function createExporter(options: ObserverOptions, sink: SpanSink, wall: WallOffset): SpanExporter {
  const resource = attributesOf((to) =>
    to
      .text(attributeKey('service.name'), options.serviceName)
      .text(attributeKey('service.namespace'), options.namespace)
      .text(attributeKey('service.instance.id'), options.workload)
      .text(attributeKey('heddle.proxy.mode'), options.mode),
  );
  const hops = new HopAttributes();
  const toWall = (monotonicMs: number) => wall.toWall(monotonicMs);
  return new SpanExporter({ sink, resource, context: () => ({ ownId: options.ownId(), toWall, hops }) });
}

/** How telemetry itself does. */
function ownMetrics(
  requests: RequestMetrics,
  exporter: SpanExporter | undefined,
  writer: BatchWriter | undefined,
): MetricFamily[] {
  return [
    scalar('heddle_metric_series', 'gauge', 'Label sets of request metrics', () => requests.seriesCount),
    scalar('heddle_metric_overflow_total', 'counter', 'Requests counted as overflow', () => requests.overflowed),
    scalar('heddle_spans_exported_total', 'counter', 'Streams sent as spans', () => exporter?.sent ?? 0),
    scalar('heddle_spans_dropped_total', 'counter', 'Streams not sent as spans', () => exporter?.dropped ?? 0),
    scalar('heddle_access_log_lines_total', 'counter', 'Lines written', () => writer?.written ?? 0),
    scalar('heddle_access_log_dropped_total', 'counter', 'Lines the sink did not take', () => writer?.dropped ?? 0),
  ];
}

export function statsOf(family: MetricFamily): { name: string; value: number }[] {
  return family
    .collect()
    .filter((one) => one.metricName?.endsWith('_bucket') !== true)
    .map((one) => {
      const labels = Object.entries({ ...one.sharedLabels, ...one.labels });
      const text = labels.map(([name, value]) => `${name}=${JSON.stringify(String(value))}`).join(',');
      return { name: `${one.metricName ?? family.name}${text === '' ? '' : `{${text}}`}`, value: one.value };
    });
}
