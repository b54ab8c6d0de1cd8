import type { Clock } from '../../lib/clock.ts';
import { type Hop, type HopEnd, hopsOf } from './hop.ts';
import { latencyBucket, latencyBuckets } from './latency-histogram.ts';
import type { SpanRecord } from './span-record.ts';

/** The longest window that can be asked for, in seconds. */
export const maxWindowSeconds = 300;

/**
 * Pairs of source and destination kept at most; one costs about 80 KB once it is used each second. The names come from
 * peers, so their number is not ours (security.md UI-17): a pair beyond is not counted.
 */
const maxPairs = 500;

/** Traffic of one pair over a window. */
export interface PairSignals {
  readonly source: HopEnd;
  readonly destination: HopEnd;
  readonly sourceId: string;
  readonly destinationId: string;
  readonly requests: number;
  readonly errors: number;
  /** Requests that went over mTLS, and those that went in plaintext. */
  readonly encrypted: number;
  readonly plaintext: number;
  /** Counts by {@link latencyBucket}. */
  readonly latency: Uint32Array;
}

/**
 * Requests, errors and latency for each pair of source and destination in one-second buckets, from spans as they
 * arrive. Kept in memory alone: after a restart the window fills again.
 */
export class GoldenSignals {
  readonly #pairs = new Map<string, Pair>();
  readonly #clock: Clock;
  /** Spans that could not be counted because there were too many pairs. */
  overflow = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get pairs(): number {
    return this.#pairs.size;
  }

  /** Counts a span, in the second in which it ended; one from the future counts now, one too old not at all. */
  add(span: SpanRecord): void {
    const now = this.#second();
    const second = Math.min(now, Math.floor((span.startMicros + span.durationMicros) / 1e6));
    if (second <= now - maxWindowSeconds) return;
    // How long a relayed connection lasted is no latency.
    const ms = span.attributes['network.transport'] === 'tcp' ? undefined : span.durationMicros / 1000;
    for (const hop of hopsOf(span)) {
      const pair = this.#pairOf(hop, now);
      if (pair === undefined) this.overflow++;
      else pair.add(hop, second, ms, span.error);
    }
  }

  /** Pairs with traffic in the last `windowSeconds` (1 to {@link maxWindowSeconds}). */
  read(windowSeconds: number): PairSignals[] {
    const now = this.#second();
    this.#forgetIdle(now);
    const result: PairSignals[] = [];
    for (const pair of this.#pairs.values()) {
      const signals = pair.read(now, windowSeconds);
      if (signals.requests > 0) result.push(signals);
    }
    return result;
  }

  #second(): number {
    return Math.floor(this.#clock.wallTime() / 1000);
  }

  #pairOf(hop: Hop, now: number): Pair | undefined {
    const key = `${hop.source.id}\n${hop.destination.id}`;
    let pair = this.#pairs.get(key);
    if (pair === undefined) {
      if (this.#pairs.size >= maxPairs) this.#forgetIdle(now);
      if (this.#pairs.size >= maxPairs) return undefined;
      pair = new Pair(hop.source, hop.destination);
      this.#pairs.set(key, pair);
    }
    return pair;
  }

  #forgetIdle(now: number): void {
    for (const [key, pair] of this.#pairs) if (pair.lastSecond <= now - maxWindowSeconds) this.#pairs.delete(key);
  }
}

/** Whole windows read of a clamped, sane number of seconds. */
export function clampWindow(seconds: number): number {
  return Number.isFinite(seconds) ? Math.min(maxWindowSeconds, Math.max(1, Math.floor(seconds))) : 60;
}

const requests = 0;
const errors = 1;
const encrypted = 2;
const plaintext = 3;
const counters = 4;
const width = counters + latencyBuckets;

/** One ring of seconds; a row is four counters and the histogram. */
class Pair {
  readonly #source: HopEnd;
  readonly #destination: HopEnd;
  readonly #rows = new Uint32Array(maxWindowSeconds * width);
  /** Which second each row counts. */
  readonly #seconds = new Float64Array(maxWindowSeconds);
  #sourceId = '';
  #destinationId = '';
  lastSecond = 0;

  constructor(source: HopEnd, destination: HopEnd) {
    this.#source = source;
    this.#destination = destination;
  }

  add(hop: Hop, second: number, ms: number | undefined, error: boolean): void {
    const slot = second % maxWindowSeconds;
    const row = slot * width;
    if (this.#seconds[slot] !== second) {
      this.#rows.fill(0, row, row + width);
      this.#seconds[slot] = second;
    }
    this.#count(row + requests);
    if (error) this.#count(row + errors);
    if (hop.mtls !== undefined) this.#count(row + (hop.mtls ? encrypted : plaintext));
    if (ms !== undefined) this.#count(row + counters + latencyBucket(ms));
    if (hop.sourceId !== '') this.#sourceId = hop.sourceId;
    if (hop.destinationId !== '') this.#destinationId = hop.destinationId;
    this.lastSecond = Math.max(this.lastSecond, second);
  }

  read(now: number, windowSeconds: number): PairSignals {
    const sum = new Float64Array(counters);
    const latency = new Uint32Array(latencyBuckets);
    for (let slot = 0; slot < maxWindowSeconds; slot++) {
      const second = this.#seconds[slot] ?? 0;
      if (second <= now - windowSeconds || second > now) continue;
      const row = slot * width;
      for (let i = 0; i < counters; i++) sum[i] = (sum[i] ?? 0) + (this.#rows[row + i] ?? 0);
      for (let i = 0; i < latencyBuckets; i++) {
        latency[i] = (latency[i] ?? 0) + (this.#rows[row + counters + i] ?? 0);
      }
    }
    return {
      source: this.#source,
      destination: this.#destination,
      sourceId: this.#sourceId,
      destinationId: this.#destinationId,
      requests: sum[requests] ?? 0,
      errors: sum[errors] ?? 0,
      encrypted: sum[encrypted] ?? 0,
      plaintext: sum[plaintext] ?? 0,
      latency,
    };
  }

  #count(index: number): void {
    this.#rows[index] = (this.#rows[index] ?? 0) + 1;
  }
}
