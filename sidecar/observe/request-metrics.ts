import { formatResponseFlags } from '../stream/response-flags.ts';
import { CellRows } from './cell-rows.ts';
import { destinationLabels, type OwnIdentity, unknown } from './destination-labels.ts';
import { histogramCells, histogramSamples, recordLatency } from './histogram-buckets.ts';
import type { MetricFamily, Sample } from './metric-family.ts';
import type { Direction, StreamInfo } from './stream-info.ts';

/** One set of labels, with the values of a stream by which it is found again. */
interface Series {
  direction: Direction;
  service: string;
  status: number;
  flags: number;
  grpcStatus: number | undefined;
  reached: boolean;
  /** Offset of its cells: duration histogram, time-to-first-byte histogram. */
  offset: number;
  labels: Record<string, string>;
}

const overflow = 'overflow';

/**
 * Counts requests and their times. A series is found by route and peer, whose strings are the same objects from
 * request to request, and then by comparing numbers: no key is built and nothing allocated.
 */
export class RequestMetrics {
  readonly #self: OwnIdentity;
  readonly #maxSeries: number;
  readonly #rows = new CellRows(2 * histogramCells);
  readonly #byRoute = new Map<string, Map<string, Series[]>>();
  readonly #all: Series[] = [];
  #overflow: Series | undefined;
  #overflowed = 0;
  readonly #retries = new Map<string, number>();

  constructor(self: OwnIdentity, maxSeries: number) {
    this.#self = self;
    this.#maxSeries = maxSeries;
  }

  get seriesCount(): number {
    return this.#all.length;
  }

  /** Requests that found no room for a series of their own. */
  get overflowed(): number {
    return this.#overflowed;
  }

  record(info: StreamInfo): void {
    const { offset } = this.#series(info);
    const { cells } = this.#rows;
    recordLatency(cells, offset, Math.max(0, info.endTime - info.startTime));
    if (info.upstreamFirstByteTime > 0) {
      recordLatency(cells, offset + histogramCells, Math.max(0, info.upstreamFirstByteTime - info.startTime));
    }
    if (info.attemptCount > 1) this.#countRetries(info);
  }

  families(): MetricFamily[] {
    const histogram = (name: string, help: string, shift: number): MetricFamily => ({
      name,
      help,
      type: 'histogram',
      collect: () =>
        this.#all.flatMap((series) => histogramSamples(name, this.#rows.cells, series.offset + shift, series.labels)),
    });
    return [
      {
        name: 'heddle_requests_total',
        help: 'Requests that ended, by who asked whom and how it went',
        type: 'counter',
        collect: () => this.#all.map((series) => this.#requestCount(series)),
      },
      histogram('heddle_request_duration_milliseconds', 'From the request head to the end of the response', 0),
      histogram(
        'heddle_request_ttfb_milliseconds',
        'From the request head to the first byte of the upstream’s response',
        histogramCells,
      ),
      {
        name: 'heddle_retries_total',
        help: 'Attempts after the first',
        type: 'counter',
        collect: () =>
          [...this.#retries].map(([service, value]) => ({ labels: { destination_service: service }, value })),
      },
    ];
  }

  /** Every request is in the duration histogram, so that its buckets make the count. */
  #requestCount(series: Series): Sample {
    let value = 0;
    for (let i = 0; i < histogramCells - 1; i++) value += this.#rows.cells[series.offset + i] as number;
    return { labels: {}, sharedLabels: series.labels, value };
  }

  #series(info: StreamInfo): Series {
    const peer = info.direction === 'inbound' ? info.downstreamPeer : info.upstreamPeer;
    const candidates = this.#byRoute.get(info.route)?.get(peer);
    if (candidates !== undefined) {
      for (let i = 0; i < candidates.length; i++) {
        const series = candidates[i] as Series;
        if (!isSeriesOf(series, info)) continue;
        // The frequent ones move to the front.
        if (i > 0) {
          candidates[i] = candidates[i - 1] as Series;
          candidates[i - 1] = series;
        }
        return series;
      }
    }
    return this.#newSeries(info, peer);
  }

  #newSeries(info: StreamInfo, peer: string): Series {
    if (this.#all.length >= this.#maxSeries) {
      this.#overflowed++;
      this.#overflow ??= this.#add(info, overflowLabels());
      return this.#overflow;
    }
    const byPeer = this.#byRoute.get(info.route) ?? new Map<string, Series[]>();
    this.#byRoute.set(info.route, byPeer);
    const candidates = byPeer.get(peer) ?? [];
    byPeer.set(peer, candidates);
    const series = this.#add(info, this.#labels(info));
    candidates.push(series);
    return series;
  }

  #add(info: StreamInfo, labels: Record<string, string>): Series {
    const series: Series = {
      direction: info.direction,
      service: info.service,
      status: info.status,
      flags: info.flags,
      grpcStatus: info.grpcStatus,
      reached: info.upstreamAddress !== '',
      offset: this.#rows.add(),
      labels,
    };
    this.#all.push(series);
    return series;
  }

  #labels(info: StreamInfo): Record<string, string> {
    return {
      ...destinationLabels(info, this.#self),
      request_protocol: info.grpcStatus === undefined ? 'http' : 'grpc',
      ...(info.grpcStatus === undefined ? {} : { grpc_response_status: String(info.grpcStatus) }),
      response_code: String(info.status),
      response_flags: formatResponseFlags(info.flags),
      route: info.route === '' ? unknown : info.route,
    };
  }

  #countRetries(info: StreamInfo): void {
    const known = this.#retries.get(info.service);
    const service = known !== undefined || this.#retries.size < this.#maxSeries ? info.service : overflow;
    this.#retries.set(service, (this.#retries.get(service) ?? 0) + info.attemptCount - 1);
  }
}

function isSeriesOf(series: Series, info: StreamInfo): boolean {
  return (
    series.status === info.status &&
    series.flags === info.flags &&
    series.direction === info.direction &&
    series.grpcStatus === info.grpcStatus &&
    series.reached === (info.upstreamAddress !== '') &&
    series.service === info.service
  );
}

function overflowLabels(): Record<string, string> {
  const names = [
    'reporter',
    'source_principal',
    'destination_service',
    'destination_service_namespace',
    'destination_principal',
    'connection_security_policy',
    'request_protocol',
    'response_code',
    'response_flags',
    'route',
  ];
  return Object.fromEntries(names.map((name) => [name, overflow]));
}
