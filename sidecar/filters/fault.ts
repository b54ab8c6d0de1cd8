import type { Clock } from '../../lib/clock.ts';
import type { Random } from '../../lib/random.ts';
import type { Timer, TimerWheel } from '../../lib/timer-wheel.ts';
import { overrideOf } from '../http-filter-config.ts';
import { matchHeaders } from '../route/match-values.ts';
import type { ValueMatch } from '../route/route-table.ts';
import type { RequestHead } from '../stream/head.ts';
import type { Headers } from '../stream/headers.ts';
import { localReply } from '../stream/local-replies.ts';
import { responseFlags } from '../stream/response-flags.ts';
import type { Filter, FilterCallbacks, FilterStatus, SharedFilter } from './filter.ts';

/**
 * Delays and refuses requests on purpose, and slows answers down (`envoy.filters.http.fault`). `share` is between 0
 * and 1. A fault `from: 'header'` is what the request asks for in its `x-envoy-fault-…` fields, which nobody outside of
 * the mesh can send.
 */
export interface FaultConfig {
  kind: 'fault';
  delay: { share: number; by: { from: 'config'; ms: number } | { from: 'header' } } | undefined;
  abort: { share: number; by: FaultAnswer | { from: 'header' } } | undefined;
  /** KiB in a second. */
  responseRate: { share: number; by: { from: 'config'; kibps: number } | { from: 'header' } } | undefined;
  /** Only requests to this cluster; empty for all. */
  upstreamCluster: string;
  /** Only requests that match all of them. */
  headers: readonly ValueMatch[];
  /** Only requests of these in `x-envoy-downstream-service-node`; empty for all. */
  downstreamNodes: readonly string[];
  /** At most so many at a time, over all routes of the filter; `undefined` for any number. */
  maxActive: number | undefined;
}

export interface FaultAnswer {
  from: 'config';
  status: number;
  /** For a fault that is told in gRPC's own codes. */
  grpcStatus: number | undefined;
}

interface Shared {
  readonly clock: Clock;
  readonly random: Random;
  readonly wheel: TimerWheel;
  /** Streams with a fault that is not over. */
  active: number;
}

/** Answers that are slowed down go on in pieces, one in such a time. Milliseconds. */
const pieceMs = 50;

class Fault implements Filter {
  readonly #shared: Shared;
  readonly #callbacks: FilterCallbacks;
  readonly #config: FaultConfig;
  #delay: Timer | undefined;
  #abort: FaultAnswer | undefined;
  #limiter: ResponseLimiter | undefined;
  #counted = false;

  constructor(shared: Shared, callbacks: FilterCallbacks, config: FaultConfig) {
    this.#shared = shared;
    this.#callbacks = callbacks;
    this.#config = config;
  }

  onRequestHead({ headers }: RequestHead): FilterStatus {
    const { maxActive } = this.#config;
    if (maxActive !== undefined && this.#shared.active >= maxActive) return 'continue';
    const { delayMs, answer, kibps } = this.#choose(headers);
    if (delayMs === 0 && answer === undefined && kibps === 0) return 'continue';
    this.#counted = true;
    this.#shared.active++;
    this.#abort = answer;
    if (kibps > 0) this.#limiter = new ResponseLimiter(this.#shared, this.#callbacks, this, kibps);
    if (delayMs > 0) {
      this.#callbacks.info.flags |= responseFlags.DI.bit;
      this.#delay = this.#shared.wheel.start(delayMs, () => this.#onDelayOver());
      return 'stop';
    }
    return answer === undefined ? 'continue' : this.#refuse(answer);
  }

  onResponseData(chunk: Buffer): FilterStatus {
    return this.#limiter === undefined ? 'continue' : this.#limiter.onData(chunk);
  }

  onDestroy(): void {
    this.#delay?.stop();
    this.#limiter?.stop();
    if (this.#counted) this.#shared.active--;
  }

  #onDelayOver(): void {
    if (this.#abort === undefined) this.#callbacks.resumeRequest(this);
    else this.#refuse(this.#abort);
  }

  #refuse({ status, grpcStatus }: FaultAnswer): FilterStatus {
    const reply = localReply('fault-injected', {}, 'this request was refused on purpose, by fault injection');
    this.#callbacks.reply({ ...reply, status, ...(grpcStatus === undefined ? {} : { grpcStatus }) });
    return 'stop';
  }

  #choose(headers: Headers): { delayMs: number; answer: FaultAnswer | undefined; kibps: number } {
    const { delay, abort, responseRate } = this.#config;
    const chosen = { delayMs: 0, answer: undefined as FaultAnswer | undefined, kibps: 0 };
    if (delay !== undefined && this.#hits(delay.share, headers, 'x-envoy-fault-delay-request-percentage')) {
      chosen.delayMs =
        delay.by.from === 'config' ? delay.by.ms : numberIn(headers, 'x-envoy-fault-delay-request', 0, 3_600_000);
    }
    if (abort !== undefined && this.#hits(abort.share, headers, 'x-envoy-fault-abort-request-percentage')) {
      chosen.answer = abort.by.from === 'config' ? abort.by : answerIn(headers);
    }
    if (
      responseRate !== undefined &&
      this.#hits(responseRate.share, headers, 'x-envoy-fault-throughput-response-percentage')
    ) {
      const { by } = responseRate;
      chosen.kibps =
        by.from === 'config' ? by.kibps : numberIn(headers, 'x-envoy-fault-throughput-response', 1, 1_000_000);
    }
    return chosen;
  }

  /** A percentage in the request can make it less, never more. */
  #hits(share: number, headers: Headers, percentageHeader: string): boolean {
    const asked = headers.has(percentageHeader) ? numberIn(headers, percentageHeader, 0, 100) / 100 : 1;
    const least = Math.min(share, asked);
    return least >= 1 || (least > 0 && this.#shared.random() < least);
  }
}

/** Lets the data of an answer pass at a rate. */
class ResponseLimiter {
  readonly #callbacks: FilterCallbacks;
  readonly #filter: Filter;
  readonly #clock: Clock;
  readonly #timer: Timer;
  readonly #bytesPerMs: number;
  #credit = 0;
  #at: number;
  #held = 0;

  constructor({ clock, wheel }: Shared, callbacks: FilterCallbacks, filter: Filter, kibps: number) {
    this.#clock = clock;
    this.#callbacks = callbacks;
    this.#filter = filter;
    this.#bytesPerMs = (kibps * 1_024) / 1_000;
    this.#at = clock.now();
    this.#timer = wheel.timer(() => this.#onPiece());
  }

  onData(chunk: Buffer): FilterStatus {
    this.#earn();
    if (chunk.length <= this.#credit) {
      this.#credit -= chunk.length;
      return 'continue';
    }
    this.#held = chunk.length;
    this.#timer.start(pieceMs);
    return 'stop';
  }

  stop(): void {
    this.#timer.stop();
  }

  /** What is not used within the time of two pieces is lost, so that a pause earns no burst. */
  #earn(): void {
    const now = this.#clock.now();
    this.#credit = Math.min(this.#credit + (now - this.#at) * this.#bytesPerMs, this.#bytesPerMs * pieceMs * 2);
    this.#at = now;
  }

  #onPiece(): void {
    this.#earn();
    const bytes = Math.min(this.#held, Math.floor(this.#credit));
    this.#credit -= bytes;
    this.#held -= bytes;
    // Before it goes on, since the next chunk may come while it does.
    if (this.#held > 0) this.#timer.start(pieceMs);
    if (bytes > 0) this.#callbacks.resumeResponse(this.#filter, bytes);
  }
}

function answerIn(headers: Headers): FaultAnswer | undefined {
  const status = numberIn(headers, 'x-envoy-fault-abort-request', 200, 599);
  if (status > 0) return { from: 'config', status, grpcStatus: undefined };
  const grpc = headers.has('x-envoy-fault-abort-grpc-request');
  if (!grpc) return undefined;
  return { from: 'config', status: 200, grpcStatus: numberIn(headers, 'x-envoy-fault-abort-grpc-request', 0, 16) };
}

/** A decimal number of a field; 0 when it is none or out of bounds. */
function numberIn(headers: Headers, name: string, least: number, most: number): number {
  const value = headers.get(name);
  if (value === undefined || !/^\d{1,9}$/.test(value)) return 0;
  const number = Number(value);
  return number < least || number > most ? 0 : number;
}

export function createFault(config: FaultConfig, deps: Pick<Shared, 'clock' | 'random' | 'wheel'>): SharedFilter {
  const shared: Shared = { ...deps, active: 0 };
  return (callbacks, overrides) => {
    const own = overrideOf(overrides, 'fault') ?? config;
    return isMeant(own, callbacks) ? new Fault(shared, callbacks, own) : undefined;
  };
}

function isMeant({ upstreamCluster, headers, downstreamNodes }: FaultConfig, callbacks: FilterCallbacks): boolean {
  const { head } = callbacks;
  if (upstreamCluster !== '' && callbacks.routeCluster() !== upstreamCluster) return false;
  if (headers.length > 0 && !matchHeaders(headers, head)) return false;
  if (downstreamNodes.length === 0) return true;
  return downstreamNodes.includes(head.headers.get('x-envoy-downstream-service-node') ?? '');
}
