import type { HttpProtocol } from '../cluster/upstream-http.ts';
import type { MetricFamily } from './metric-family.ts';
import type { StreamInfo } from './stream-info.ts';

export type Side = 'downstream' | 'upstream';

const rows: readonly { side: Side; protocol: HttpProtocol }[] = [
  { side: 'downstream', protocol: 'http1' },
  { side: 'downstream', protocol: 'http2' },
  { side: 'upstream', protocol: 'http1' },
  { side: 'upstream', protocol: 'http2' },
];

/** Counts connections and streams by the version of HTTP that they speak, on both sides of the proxy. */
export class HttpVersionMetrics {
  readonly #connections = new Float64Array(rows.length);
  readonly #streams = new Float64Array(rows.length);

  onConnection(side: Side, protocol: HttpProtocol): void {
    const row = (side === 'upstream' ? 2 : 0) + (protocol === 'http2' ? 1 : 0);
    this.#connections[row] = (this.#connections[row] as number) + 1;
  }

  /** Counts the stream of the client, and those to endpoints: one for each attempt that got a connection. */
  record(info: StreamInfo): void {
    const downstream = info.protocol === '2' ? 1 : 0;
    this.#streams[downstream] = (this.#streams[downstream] as number) + 1;
    if (info.upstreamProtocol === '') return;
    const upstream = info.upstreamProtocol === '2' ? 3 : 2;
    this.#streams[upstream] = (this.#streams[upstream] as number) + info.attemptCount;
  }

  families(): MetricFamily[] {
    return [
      family('heddle_http_connections_total', 'HTTP connections begun, by side and version', this.#connections),
      family('heddle_http_streams_total', 'Requests that ended, by side and version', this.#streams),
    ];
  }
}

function family(name: string, help: string, values: Float64Array): MetricFamily {
  return {
    name,
    help,
    type: 'counter',
    collect: () =>
      rows.map(({ side, protocol }, row) => ({ labels: { side, protocol }, value: values[row] as number })),
  };
}
