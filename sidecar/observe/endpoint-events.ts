import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { LabelledValues } from './labelled-values.ts';
import { LineLimit } from './line-limit.ts';
import { printable } from './refusals.ts';

/** Counts and logs what happens to the endpoints of clusters: ejections, health checks, pauses, panic. */
export class EndpointEvents {
  readonly counter: LabelledValues;
  readonly #log: Log;
  readonly #limit: LineLimit;

  constructor(clock: Clock, log: Log, maxSeries: number) {
    this.#log = log;
    this.#limit = new LineLimit(clock);
    this.counter = new LabelledValues(
      'heddle_endpoint_events_total',
      'counter',
      'Endpoints taken out of service, come back, or asking for a pause; clusters with too few endpoints',
      maxSeries,
    );
  }

  record(cluster: string, event: string, reason: string, address: string, detail: string): void {
    this.counter.add({ cluster, event, reason }, 1);
    const suppressed = this.#limit.take(event);
    if (suppressed === undefined) return;
    const endpoint = address === '' ? {} : { endpoint: address };
    this.#log.info(`endpoint ${event}`, { cluster, ...endpoint, reason, detail: printable(detail), ...suppressed });
  }
}
