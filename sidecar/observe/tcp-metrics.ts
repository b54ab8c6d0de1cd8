import { formatResponseFlags } from '../stream/response-flags.ts';
import { destinationLabels, type OwnIdentity } from './destination-labels.ts';
import { LabelledValues } from './labelled-values.ts';
import type { MetricFamily } from './metric-family.ts';
import type { TcpInfo } from './stream-info.ts';

/** Counts relayed connections and their bytes, when they end. */
export class TcpMetrics {
  readonly #self: OwnIdentity;
  readonly #closed: LabelledValues;
  readonly #sent: LabelledValues;
  readonly #received: LabelledValues;

  constructor(self: OwnIdentity, maxSeries: number) {
    this.#self = self;
    this.#closed = new LabelledValues(
      'heddle_tcp_connections_closed_total',
      'counter',
      'Relayed connections that ended',
      maxSeries,
    );
    this.#sent = new LabelledValues('heddle_tcp_sent_bytes_total', 'counter', 'Bytes sent to the client', maxSeries);
    this.#received = new LabelledValues(
      'heddle_tcp_received_bytes_total',
      'counter',
      'Bytes received from the client',
      maxSeries,
    );
  }

  record(info: TcpInfo): void {
    const labels = { ...destinationLabels(info, this.#self), response_flags: formatResponseFlags(info.flags) };
    this.#closed.add(labels, 1);
    this.#sent.add(labels, info.bytesSent);
    this.#received.add(labels, info.bytesReceived);
  }

  families(): MetricFamily[] {
    return [this.#sent, this.#received, this.#closed];
  }
}
