import type { Clock } from '../../lib/clock.ts';
import type { BalancedEndpoint } from './balancer.ts';
import type { LoadReport } from './load-report.ts';
import type { TurnWeights } from './round-robin.ts';

export interface ReportedWeightsOptions {
  /** A weight counts after reports have come for so long; and no longer than so long after the last. Milliseconds. */
  blackoutMs: number;
  expirationMs: number;
  /** Weights are reckoned anew so often, in milliseconds. */
  updateMs: number;
  clock: Clock;
}

/**
 * Weights for round robin from the load that endpoints report: requests per second for each unit of utilization (gRFC
 * A58). An endpoint without a report counts as the mean of the others; with fewer than two reports all count alike.
 */
export class ReportedWeights<E extends BalancedEndpoint> implements TurnWeights<E> {
  readonly #options: ReportedWeightsOptions;
  #endpoints: readonly E[] = [];
  #weights = new Map<E, number>();
  #mean = 0;
  largest = 0;
  #nextUpdate = Number.NEGATIVE_INFINITY;

  constructor(options: ReportedWeightsOptions) {
    this.#options = options;
  }

  update(endpoints: readonly E[]): void {
    this.#endpoints = endpoints;
    this.#nextUpdate = Number.NEGATIVE_INFINITY;
  }

  get active(): boolean {
    const now = this.#options.clock.now();
    if (now >= this.#nextUpdate) this.#reckon(now);
    return this.#weights.size >= 2;
  }

  weight(endpoint: E): number {
    return this.#weights.get(endpoint) ?? this.#mean;
  }

  #reckon(now: number): void {
    const { blackoutMs, expirationMs, updateMs } = this.#options;
    this.#nextUpdate = now + updateMs;
    this.#weights = new Map();
    this.largest = 0;
    let sum = 0;
    for (const endpoint of this.#endpoints) {
      const { signals } = endpoint;
      if (now - signals.reportedAt >= expirationMs) {
        // When reports begin again, the blackout does too.
        signals.reportedWeight = 0;
        signals.reportsSince = Number.NEGATIVE_INFINITY;
      }
      if (signals.reportedWeight === 0 || now - signals.reportsSince < blackoutMs) continue;
      this.#weights.set(endpoint, signals.reportedWeight);
      sum += signals.reportedWeight;
      this.largest = Math.max(this.largest, signals.reportedWeight);
    }
    this.#mean = this.#weights.size === 0 ? 0 : sum / this.#weights.size;
  }
}

/** Notes a report. One without utilization or requests says nothing. */
export function noteLoadReport(
  { signals }: BalancedEndpoint,
  report: LoadReport,
  errorPenalty: number,
  now: number,
): void {
  const { requestsPerSecond, errorsPerSecond } = report;
  const utilization = report.applicationUtilization > 0 ? report.applicationUtilization : report.cpuUtilization;
  if (requestsPerSecond === 0 || utilization === 0) return;
  signals.reportedWeight = requestsPerSecond / (utilization + (errorsPerSecond / requestsPerSecond) * errorPenalty);
  if (signals.reportsSince === Number.NEGATIVE_INFINITY) signals.reportsSince = now;
  signals.reportedAt = now;
}
