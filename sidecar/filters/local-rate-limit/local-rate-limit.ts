import type { Clock } from '../../../lib/clock.ts';
import type { Random } from '../../../lib/random.ts';
import { type FilterOverride, overrideOf } from '../../http-filter-config.ts';
import { applyHeaderMutation } from '../../route/mutate.ts';
import { type DescriptorEntry, describeRequest, type RateLimitRule } from '../../route/rate-limits.ts';
import type { HeaderMutation } from '../../route/route-table.ts';
import type { RequestHead, ResponseHead } from '../../stream/head.ts';
import { Headers } from '../../stream/headers.ts';
import { localReply } from '../../stream/local-replies.ts';
import type { DownstreamFacts } from '../../stream/stream-scope.ts';
import type { Filter, FilterCallbacks, FilterStatus, SharedFilter } from '../filter.ts';
import { type BucketsConfig, RateLimitBuckets } from './rate-limit-buckets.ts';
import { StateByPlace } from './state-by-place.ts';
import type { TokenBucket } from './token-bucket.ts';

/** Answers requests that come too fast, each proxy for itself (`envoy.filters.http.local_ratelimit`). */
export interface LocalRateLimitConfig extends BucketsConfig {
  kind: 'local-rate-limit';
  /** Share of requests that are counted, and of those over the limit that are refused; 0 to 1, by default 0. */
  enabled: number;
  enforced: number;
  /** Of the refusal, at least 400. Default 429. */
  status: number;
  /** What a gRPC caller is told: 14 UNAVAILABLE, or 8 RESOURCE_EXHAUSTED. */
  grpcStatus: 8 | 14;
  /** Which rules of the routes are meant. */
  stage: number;
  /** Every connection has its own buckets. */
  perConnection: boolean;
  /** Whether the rules of the virtual host hold where the route has its own, too (`include`), or never (`ignore`). */
  hostRules: 'override' | 'include' | 'ignore';
  /** Adds `x-ratelimit-limit`, `-remaining` and `-reset` to answers (draft-polli-ratelimit-headers-03). */
  limitHeaders: boolean;
  requestHeadersWhenNotEnforced: HeaderMutation;
  responseHeaders: HeaderMutation;
}

interface Shared {
  readonly clock: Clock;
  readonly random: Random;
}

class LocalRateLimit implements Filter {
  readonly #shared: Shared;
  readonly #callbacks: FilterCallbacks;
  readonly #config: LocalRateLimitConfig;
  readonly #buckets: RateLimitBuckets;
  /** The one with the least left. */
  #tightest: TokenBucket | undefined;

  constructor(shared: Shared, callbacks: FilterCallbacks, config: LocalRateLimitConfig, buckets: RateLimitBuckets) {
    this.#shared = shared;
    this.#callbacks = callbacks;
    this.#config = config;
    this.#buckets = buckets;
  }

  onRequestHead(head: RequestHead): FilterStatus {
    const { clock, random } = this.#shared;
    const { enforced, requestHeadersWhenNotEnforced } = this.#config;
    const now = clock.now();
    const buckets = this.#buckets.bucketsOf(descriptorsOf(this.#config, this.#callbacks), now);
    const tightest = leastOf(buckets, now);
    if (tightest === undefined) return 'continue';
    this.#tightest = tightest;
    if (tightest.untilToken(now) === 0) {
      for (const bucket of buckets) bucket.take();
      return 'continue';
    }
    if (enforced >= 1 || (enforced > 0 && random() < enforced)) {
      this.#refuse(head, tightest, now);
      return 'stop';
    }
    applyHeaderMutation(head.headers, requestHeadersWhenNotEnforced, this.#callbacks.info, head, undefined);
    return 'continue';
  }

  onResponseHead({ headers }: ResponseHead): FilterStatus {
    const bucket = this.#tightest;
    if (bucket === undefined || !this.#config.limitHeaders) return 'continue';
    const now = this.#shared.clock.now();
    headers.set('x-ratelimit-limit', String(bucket.config.maxTokens));
    headers.set('x-ratelimit-remaining', String(Math.max(0, Math.floor(bucket.tokens(now)))));
    headers.set('x-ratelimit-reset', String(Math.ceil(bucket.untilFull(now) / 1_000)));
    return 'continue';
  }

  #refuse(head: RequestHead, bucket: TokenBucket, now: number): void {
    const { status, grpcStatus, responseHeaders } = this.#config;
    const seconds = String(Math.max(1, Math.ceil(bucket.untilToken(now) / 1_000)));
    const headers = Headers.of({ 'retry-after': seconds });
    applyHeaderMutation(headers, responseHeaders, this.#callbacks.info, head, undefined);
    const limit = String(bucket.config.maxTokens);
    const message = `more requests than the limit here allows; try again in ${seconds} s`;
    this.#callbacks.reply({ ...localReply('rate-limited', { limit }, message), status, grpcStatus, headers });
  }
}

const noDescriptors: readonly (readonly DescriptorEntry[])[] = [];

function descriptorsOf(
  { descriptors, stage, hostRules }: LocalRateLimitConfig,
  callbacks: FilterCallbacks,
): readonly (readonly DescriptorEntry[])[] {
  if (descriptors.length === 0) return noDescriptors;
  const action = callbacks.route()?.action;
  const own = (action?.kind === 'forward' ? action.rateLimits : undefined) ?? [];
  const ofHost = callbacks.virtualHost()?.rateLimits ?? [];
  const included = hostRules === 'include' || (action?.kind === 'forward' && action.includeHostRateLimits === true);
  const rules: readonly RateLimitRule[] =
    hostRules !== 'ignore' && (own.length === 0 || included) ? [...own, ...ofHost] : own;
  const subject = {
    head: callbacks.head,
    cluster: callbacks.routeCluster(),
    downstreamAddress: callbacks.info.downstreamAddress,
  };
  const described: (readonly DescriptorEntry[])[] = [];
  for (const rule of rules) {
    const descriptor = rule.stage === stage ? describeRequest(rule, subject) : undefined;
    if (descriptor !== undefined) described.push(descriptor);
  }
  return described;
}

function leastOf(buckets: readonly TokenBucket[], now: number): TokenBucket | undefined {
  let least: TokenBucket | undefined;
  for (const bucket of buckets) if (least === undefined || bucket.tokens(now) < least.tokens(now)) least = bucket;
  return least;
}

/** The buckets of one configuration: shared, or of each connection. */
class Scope {
  readonly #config: LocalRateLimitConfig;
  readonly #clock: Clock;
  readonly #shared: RateLimitBuckets;
  readonly #ofConnection = new WeakMap<DownstreamFacts, RateLimitBuckets>();

  constructor(config: LocalRateLimitConfig, clock: Clock) {
    this.#config = config;
    this.#clock = clock;
    this.#shared = new RateLimitBuckets(config, clock.now());
  }

  of(connection: DownstreamFacts): RateLimitBuckets {
    if (!this.#config.perConnection) return this.#shared;
    let own = this.#ofConnection.get(connection);
    if (own === undefined) {
      own = new RateLimitBuckets(this.#config, this.#clock.now());
      this.#ofConnection.set(connection, own);
    }
    return own;
  }
}

export function createLocalRateLimit(config: LocalRateLimitConfig, deps: Shared): SharedFilter {
  const { clock, random } = deps;
  const base = new Scope(config, clock);
  const places = new StateByPlace<LocalRateLimitConfig, Scope>((own) => new Scope(own, clock));
  return (callbacks, overrides) => {
    const override = ownLimit(overrides);
    const effective = override?.config ?? config;
    if (effective.enabled === 0 || (effective.enabled < 1 && random() >= effective.enabled)) return undefined;
    const scope = override === undefined ? base : places.of(override);
    return new LocalRateLimit(deps, callbacks, effective, scope.of(callbacks.downstream));
  };
}

type OwnLimit = Pick<FilterOverride, 'place' | 'version'> & { config: LocalRateLimitConfig };

function ownLimit(overrides: readonly FilterOverride[] | undefined): OwnLimit | undefined {
  const config = overrideOf(overrides, 'local-rate-limit');
  return config === undefined ? undefined : (overrides?.find((one) => one.config === config) as OwnLimit | undefined);
}
