import type { Random } from '../../../lib/random.ts';

/** All times in milliseconds (`envoy.extensions.filters.http.adaptive_concurrency.v3.GradientControllerConfig`). */
export interface GradientConfig {
  /** Which of the latencies stands for all, 0 to 1. Default 0.5. */
  readonly percentile: number;
  /** Default 1,000. */
  readonly maxLimit: number;
  /** How often the limit is set anew. */
  readonly updateMs: number;
  /** How often the latency without load is measured anew. */
  readonly minRttIntervalMs: number;
  /** Answers that this takes. Default 50. */
  readonly minRttRequests: number;
  /** Share of the interval that is added by chance, so that proxies do not measure all at once. Default 0.15. */
  readonly minRttJitter: number;
  /** The limit while it is measured, and the least there is. Default 3. */
  readonly minLimit: number;
  /** Share of the latency without load that is no sign of load. Default 0.25. */
  readonly minRttBuffer: number;
}

/** Measured at the least limit so many times in a row, the latency without load is measured anew. */
const stuckUpdates = 5;
/** Latencies kept of one period; of more, later ones take the place of earlier ones. */
const maxSamples = 1_024;

/**
 * How many requests may be under way, found by their latency: while it is near what it was without load, the limit
 * grows; when it rises, the limit falls. There is no timer: what is due is done with the next request or answer.
 */
export class GradientController {
  readonly #config: GradientConfig;
  readonly #random: Random;
  readonly #samples = new Float64Array(maxSamples);
  #count = 0;
  #limit: number;
  #active = 0;
  /** 0 until it has been measured. */
  #minRttMs = 0;
  /** While the latency without load is measured: the limit to come back to. */
  #deferredLimit: number | undefined;
  #nextUpdate: number;
  #nextMinRtt = Number.POSITIVE_INFINITY;
  #stuck = 0;

  constructor(config: GradientConfig, random: Random, now: number) {
    this.#config = config;
    this.#random = random;
    this.#limit = config.minLimit;
    this.#nextUpdate = now + config.updateMs;
    // The first thing to know is the latency without load.
    this.#deferredLimit = config.minLimit;
  }

  get limit(): number {
    return this.#limit;
  }

  get active(): number {
    return this.#active;
  }

  get minRttMs(): number {
    return this.#minRttMs;
  }

  /** Whether one more request may go; each that may must be followed by {@link end}. */
  begin(now: number): boolean {
    this.#look(now);
    if (this.#active >= this.#limit) return false;
    this.#active++;
    return true;
  }

  /** `latencyMs` of an answer; `undefined` where the request ended without one. */
  end(latencyMs: number | undefined, now: number): void {
    this.#active--;
    if (latencyMs !== undefined) this.#samples[this.#count++ % maxSamples] = latencyMs;
    this.#look(now);
  }

  #look(now: number): void {
    if (this.#deferredLimit !== undefined) {
      if (this.#count >= this.#config.minRttRequests) this.#finishMinRtt(this.#deferredLimit, now);
      return;
    }
    if (now >= this.#nextMinRtt) this.#startMinRtt();
    else if (now >= this.#nextUpdate) this.#update(now);
  }

  #startMinRtt(): void {
    this.#deferredLimit = this.#limit;
    this.#limit = this.#config.minLimit;
    this.#count = 0;
    this.#stuck = 0;
  }

  #finishMinRtt(limit: number, now: number): void {
    const { minRttIntervalMs, minRttJitter, updateMs } = this.#config;
    this.#minRttMs = this.#percentile();
    this.#limit = limit;
    this.#deferredLimit = undefined;
    this.#count = 0;
    this.#nextMinRtt = now + minRttIntervalMs * (1 + minRttJitter * this.#random());
    this.#nextUpdate = now + updateMs;
  }

  #update(now: number): void {
    const { updateMs, minLimit, maxLimit, minRttBuffer } = this.#config;
    this.#nextUpdate = now + updateMs;
    if (this.#count === 0) return;
    const sample = Math.max(this.#percentile(), 1e-3);
    this.#count = 0;
    const gradient = Math.min(2, Math.max(0.5, (this.#minRttMs * (1 + minRttBuffer)) / sample));
    const scaled = this.#limit * gradient;
    // Room for a burst, which lets the limit grow while latency stays.
    const next = Math.floor(scaled + Math.sqrt(scaled));
    this.#limit = Math.min(maxLimit, Math.max(minLimit, next));
    this.#stuck = this.#limit === minLimit ? this.#stuck + 1 : 0;
    if (this.#stuck >= stuckUpdates) this.#startMinRtt();
  }

  #percentile(): number {
    const sorted = this.#samples.slice(0, Math.min(this.#count, maxSamples)).sort();
    const index = Math.min(sorted.length - 1, Math.floor(sorted.length * this.#config.percentile));
    return sorted[index] ?? 0;
  }
}
