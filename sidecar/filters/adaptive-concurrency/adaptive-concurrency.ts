import type { Clock } from '../../../lib/clock.ts';
import type { Random } from '../../../lib/random.ts';
import { localReply } from '../../stream/local-replies.ts';
import type { Filter, FilterCallbacks, FilterStatus, SharedFilter } from '../filter.ts';
import { type GradientConfig, GradientController } from './gradient-controller.ts';

/** Lets no more requests be under way than what is behind can bear (`envoy.filters.http.adaptive_concurrency`). */
export interface AdaptiveConcurrencyConfig {
  kind: 'adaptive-concurrency';
  gradient: GradientConfig;
  /** Of the refusal, at least 400. Default 503. */
  status: number;
}

class AdaptiveConcurrency implements Filter {
  readonly #callbacks: FilterCallbacks;
  readonly #controller: GradientController;
  readonly #status: number;
  readonly #clock: Clock;
  #began = -1;

  constructor(callbacks: FilterCallbacks, controller: GradientController, status: number, clock: Clock) {
    this.#callbacks = callbacks;
    this.#controller = controller;
    this.#status = status;
    this.#clock = clock;
  }

  onRequestHead(): FilterStatus {
    const now = this.#clock.now();
    if (this.#controller.begin(now)) {
      this.#began = now;
      return 'continue';
    }
    const limit = String(this.#controller.limit);
    const message = `more than ${limit} requests are under way, which is what is behind can bear now`;
    this.#callbacks.reply({ ...localReply('concurrency-limit', { limit }, message), status: this.#status });
    return 'stop';
  }

  onDestroy(): void {
    if (this.#began < 0) return;
    // The first byte counts: how long a stream lasts says nothing of the load.
    const { upstreamFirstByteTime } = this.#callbacks.info;
    const latencyMs = upstreamFirstByteTime > 0 ? upstreamFirstByteTime - this.#began : undefined;
    this.#controller.end(latencyMs, this.#clock.now());
  }
}

export function createAdaptiveConcurrency(
  { gradient, status }: AdaptiveConcurrencyConfig,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
): SharedFilter {
  const controller = new GradientController(gradient, random, clock.now());
  return (callbacks) => new AdaptiveConcurrency(callbacks, controller, status, clock);
}
