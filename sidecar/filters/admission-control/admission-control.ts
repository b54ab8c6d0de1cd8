import type { Clock } from '../../../lib/clock.ts';
import type { Random } from '../../../lib/random.ts';
import type { StreamInfo } from '../../observe/stream-info.ts';
import { isGrpc } from '../../stream/head.ts';
import { localReply } from '../../stream/local-replies.ts';
import type { Filter, FilterCallbacks, FilterStatus, SharedFilter } from '../filter.ts';
import { SuccessWindow } from './success-window.ts';

/**
 * Does not even send what will most likely fail: the more of the last requests failed, the more are refused
 * (`envoy.filters.http.admission_control`, after "Site Reliability Engineering", chapter 21).
 */
export interface AdmissionControlConfig {
  kind: 'admission-control';
  /** Milliseconds. Default 30,000. */
  windowMs: number;
  /** Exponent of the refusals' growth, at least 1. Default 1. */
  aggression: number;
  /** Share of successes below which requests are refused. Default 0.95. */
  successThreshold: number;
  /** With fewer requests in a second nothing is refused. Default 0. */
  minRequestsPerSecond: number;
  /** No more than this share is refused. Default 0.8. */
  maxRejection: number;
  /** Statuses from `start` up to below `end` that are successes. Default 100 to 499. */
  httpSuccess: readonly { start: number; end: number }[];
  /** gRPC statuses that are. Default: all but those that tell of the server's state. */
  grpcSuccess: readonly number[];
}

class AdmissionControl implements Filter {
  readonly #callbacks: FilterCallbacks;
  readonly #admission: Admission;
  readonly #clock: Clock;
  #admitted = false;
  #grpc = false;

  constructor(callbacks: FilterCallbacks, admission: Admission, clock: Clock) {
    this.#callbacks = callbacks;
    this.#admission = admission;
    this.#clock = clock;
  }

  onRequestHead(): FilterStatus {
    this.#grpc = isGrpc(this.#callbacks.head);
    if (this.#admission.refuses(this.#clock.now())) {
      const message = 'too many of the last requests failed; this one was not tried';
      this.#callbacks.reply(localReply('admission-denied', {}, message));
      return 'stop';
    }
    this.#admitted = true;
    return 'continue';
  }

  onDestroy(): void {
    const { info } = this.#callbacks;
    // A client that left before the answer tells nothing of the server.
    if (this.#admitted && info.status > 0) this.#admission.record(info, this.#grpc, this.#clock.now());
  }
}

class Admission {
  readonly #config: AdmissionControlConfig;
  readonly #random: Random;
  readonly #window: SuccessWindow;

  constructor(config: AdmissionControlConfig, random: Random, now: number) {
    this.#config = config;
    this.#random = random;
    this.#window = new SuccessWindow(config.windowMs, now);
  }

  refuses(now: number): boolean {
    const window = this.#window;
    window.forget(now);
    const { successThreshold, aggression, maxRejection, minRequestsPerSecond } = this.#config;
    const { requests, successes } = window;
    if (requests === 0 || requests / window.seconds < minRequestsPerSecond) return false;
    const failing = (requests - successes / successThreshold) / (requests + 1);
    if (failing <= 0) return false;
    return this.#random() < Math.min(maxRejection, failing ** (1 / aggression));
  }

  record(info: StreamInfo, grpc: boolean, now: number): void {
    this.#window.record(this.#isSuccess(info, grpc), now);
  }

  #isSuccess({ status, grpcStatus }: StreamInfo, grpc: boolean): boolean {
    const { httpSuccess, grpcSuccess } = this.#config;
    if (grpc) return grpcStatus !== undefined && grpcSuccess.includes(grpcStatus);
    return httpSuccess.some(({ start, end }) => status >= start && status < end);
  }
}

export function createAdmissionControl(
  config: AdmissionControlConfig,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
): SharedFilter {
  const admission = new Admission(config, random, clock.now());
  return (callbacks) => new AdmissionControl(callbacks, admission, clock);
}
