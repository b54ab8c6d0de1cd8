import type { Endpoint } from '../cluster/endpoint.ts';
import { matchHeaders } from '../route/match-values.ts';
import type { RetryPolicy } from '../route/route-table.ts';
import type { AttemptFailure } from './attempt.ts';
import { attemptHeader, type CallHeaders } from './call-headers.ts';
import type { RequestHead, ResponseHead } from './head.ts';
import { wantsEvents } from './response-rules.ts';
import { askedDelay, backoffDelay } from './retry-delay.ts';
import { isIdempotentMethod, mayRetryFailure, mayRetryResponse, wasNotProcessed } from './retry-guard.ts';
import { tunedRetry } from './retry-tuning.ts';

const noneTried: readonly Endpoint[] = [];

/** The retries that one request may have, and those that it had. */
export class RetryPlan {
  readonly policy: RetryPolicy;
  readonly idempotent: boolean;
  /** Milliseconds; 0 for any time, as for an answer that begins with the first event. */
  readonly tryTimeoutMs: number;
  readonly #grpc: boolean;
  /** Retries made. */
  made = 0;
  #left: number;
  #tried: Endpoint[] | undefined;

  /** Marks the head of a request that may be retried here, for the proxies behind us. */
  constructor(routePolicy: RetryPolicy, head: RequestHead, said: CallHeaders, grpc: boolean) {
    const policy = said.tuning === undefined ? routePolicy : tunedRetry(routePolicy, said.tuning);
    this.policy = policy;
    this.idempotent = said.idempotencyKey || isIdempotentMethod(head.method);
    this.#grpc = grpc;
    this.tryTimeoutMs = wantsEvents(head) ? 0 : policy.perTryTimeoutMs;
    // The outermost proxy retries; the others see its mark and leave it to that one.
    this.#left = said.attempted || head.upgrade !== undefined || !this.#covers(head) ? 0 : policy.attempts;
    if (this.#left > 0) head.headers.appendRaw(attemptHeader, attemptHeader, '1');
  }

  /** One more retry is allowed, as far as the policy goes. */
  get open(): boolean {
    return this.#left > 0;
  }

  get tried(): readonly Endpoint[] {
    return this.#tried ?? noneTried;
  }

  /** A try that takes too long is raced by another one, in place of being given up. */
  get hedges(): boolean {
    return this.policy.hedgeOnPerTryTimeout && this.idempotent;
  }

  mayRetryFailure(kind: AttemptFailure['kind'] | 'timeout'): boolean {
    return mayRetryFailure(this.policy, kind, this.idempotent);
  }

  /** `fromMesh`: the endpoint proved an identity of the mesh, so that its word on what it did is a proxy's. */
  mayRetryResponse(head: ResponseHead, fromMesh: boolean): boolean {
    if (fromMesh && wasNotProcessed(head) && this.mayRetryFailure('connect-failure')) return true;
    return mayRetryResponse(this.policy, head, this.idempotent, this.#grpc);
  }

  /** Milliseconds until the next try after a failure. */
  delay(random: number): number {
    return backoffDelay(this.policy, this.made + 1, random);
  }

  /**
   * Milliseconds until the next try after this answer; `undefined` when there must be none: the upstream says so, or it
   * refuses us for asking too often and does not say when to come again.
   */
  delayAfter(head: ResponseHead, random: number, wallMs: number): number | undefined {
    const asked = askedDelay(this.policy, head, this.#grpc, wallMs);
    if (asked === 'never') return undefined;
    if (asked === undefined && head.status === 429) return undefined;
    return Math.max(asked ?? 0, this.delay(random));
  }

  /** A retry is made, away from this endpoint; its number goes into the head. */
  take(endpoint: Endpoint, head: RequestHead): void {
    this.#left--;
    this.made++;
    this.avoid(endpoint);
    head.headers.set(attemptHeader, String(this.made + 1));
  }

  /** The next try goes to another endpoint, where there is one. */
  avoid(endpoint: Endpoint): void {
    this.#tried ??= [];
    this.#tried.push(endpoint);
  }

  #covers(head: RequestHead): boolean {
    const { requestHeaders } = this.policy;
    return requestHeaders.length === 0 || requestHeaders.some((matcher) => matchHeaders([matcher], head));
  }
}
