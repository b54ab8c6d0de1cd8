import type { Random } from '../../lib/random.ts';
import { overrideOf } from '../http-filter-config.ts';
import { matchesText } from '../route/match-values.ts';
import type { ValueMatch } from '../route/route-table.ts';
import type { RequestHead, ResponseHead } from '../stream/head.ts';
import { Headers } from '../stream/headers.ts';
import type { Filter, FilterCallbacks, FilterStatus, SharedFilter } from './filter.ts';

/** `envoy.filters.http.cors`: says nothing itself; routes and virtual hosts have the policies. */
export interface CorsConfig {
  kind: 'cors';
}

/** What pages of other origins may do here (`envoy.extensions.filters.http.cors.v3.CorsPolicy`). */
export interface CorsPolicy {
  kind: 'cors';
  /** An origin that fits one of them is allowed. */
  origins: readonly ValueMatch['match'][];
  /** Header values as they are sent; empty for none. */
  allowMethods: string;
  allowHeaders: string;
  exposeHeaders: string;
  maxAge: string;
  allowCredentials: boolean;
  allowPrivateNetwork: boolean;
  /** A preflight of a stranger goes to the upstream; otherwise it is answered without any permission. Default true. */
  forwardOthers: boolean;
  /** Share of requests that the policy is applied to, 0 to 1. */
  enabled: number;
}

class Cors implements Filter {
  readonly #callbacks: FilterCallbacks;
  readonly #policy: CorsPolicy;
  /** Set when it is allowed. */
  #origin: string | undefined;

  constructor(callbacks: FilterCallbacks, policy: CorsPolicy) {
    this.#callbacks = callbacks;
    this.#policy = policy;
  }

  onRequestHead(head: RequestHead): FilterStatus {
    const { headers } = head;
    const origin = headers.get('origin');
    if (origin === undefined || origin === '') return 'continue';
    const preflight = head.method === 'OPTIONS' && headers.has('access-control-request-method');
    if (this.#allows(origin)) {
      this.#origin = origin;
      if (!preflight) return 'continue';
      this.#answer(this.#permissions(origin, headers.get('access-control-request-private-network') === 'true'));
      return 'stop';
    }
    if (!preflight || this.#policy.forwardOthers) return 'continue';
    this.#answer(new Headers());
    return 'stop';
  }

  onResponseHead(head: ResponseHead): FilterStatus {
    if (this.#origin === undefined) return 'continue';
    const { allowCredentials, exposeHeaders } = this.#policy;
    const { headers } = head;
    headers.set('access-control-allow-origin', this.#origin);
    // The answer differs by origin, and caches must know.
    headers.appendRaw('vary', 'vary', 'origin');
    if (allowCredentials) headers.set('access-control-allow-credentials', 'true');
    if (exposeHeaders !== '') headers.set('access-control-expose-headers', exposeHeaders);
    return 'continue';
  }

  #allows(origin: string): boolean {
    return this.#policy.origins.some((match) => matchesText(match, origin));
  }

  #permissions(origin: string, privateNetwork: boolean): Headers {
    const { allowMethods, allowHeaders, maxAge, allowPrivateNetwork } = this.#policy;
    const headers = new Headers();
    headers.append('access-control-allow-origin', origin);
    if (allowMethods !== '') headers.append('access-control-allow-methods', allowMethods);
    if (allowHeaders !== '') headers.append('access-control-allow-headers', allowHeaders);
    if (maxAge !== '') headers.append('access-control-max-age', maxAge);
    if (privateNetwork && allowPrivateNetwork) headers.append('access-control-allow-private-network', 'true');
    return headers;
  }

  #answer(headers: Headers): void {
    this.#callbacks.reply({ status: 200, reason: '', details: {}, message: '', flags: 0, headers });
  }
}

export function createCors(random: Random): SharedFilter {
  return (callbacks, overrides) => {
    const policy = overrideOf(overrides, 'cors');
    if (policy === undefined || (policy.enabled < 1 && random() >= policy.enabled)) return undefined;
    return new Cors(callbacks, policy);
  };
}
