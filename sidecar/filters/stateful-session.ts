import type { Clock } from '../../lib/clock.ts';
import { overrideOf } from '../http-filter-config.ts';
import { cookieValue, setCookie } from '../route/cookie-value.ts';
import { decodeSession, encodeSession } from '../route/session-value.ts';
import type { RequestHead, ResponseHead } from '../stream/head.ts';
import type { Filter, FilterCallbacks, FilterStatus, SharedFilter } from './filter.ts';

/** Binds a client to the endpoint that served it first (`envoy.filters.http.stateful_session`). */
export interface StatefulSessionConfig {
  kind: 'stateful-session';
  /** Without, a client goes elsewhere when its endpoint is gone or out of service; with it, it gets 503. */
  strict: boolean;
  state: CookieState | HeaderState;
}

export interface CookieState {
  kind: 'cookie';
  name: string;
  /** Only requests below it take part; empty for all. */
  path: string;
  /** 0 for as long as the browser runs. */
  ttlSeconds: number;
}

export interface HeaderState {
  kind: 'header';
  /** Lower case; of the request and of the response. */
  name: string;
}

class StatefulSession implements Filter {
  readonly #callbacks: FilterCallbacks;
  readonly #config: StatefulSessionConfig;
  readonly #clock: Clock;

  constructor(callbacks: FilterCallbacks, config: StatefulSessionConfig, clock: Clock) {
    this.#callbacks = callbacks;
    this.#config = config;
    this.#clock = clock;
  }

  onRequestHead(head: RequestHead): FilterStatus {
    const { info } = this.#callbacks;
    info.boundEndpoint = this.#remembered(head);
    info.boundStrictly = info.boundEndpoint !== undefined && this.#config.strict;
    return 'continue';
  }

  onResponseHead(head: ResponseHead): FilterStatus {
    const { boundEndpoint, upstreamAddress, reason } = this.#callbacks.info;
    // What the proxy answers itself binds to nothing.
    if (reason !== '' || upstreamAddress === '' || upstreamAddress === boundEndpoint) return 'continue';
    const { state } = this.#config;
    if (state.kind === 'header') {
      head.headers.set(state.name, Buffer.from(upstreamAddress).toString('base64'));
      return 'continue';
    }
    const { name, path, ttlSeconds } = state;
    const expires = ttlSeconds === 0 ? 0 : Math.floor(this.#clock.wallTime() / 1_000) + ttlSeconds;
    const value = encodeSession({ address: upstreamAddress, expires });
    const maxAgeSeconds = ttlSeconds === 0 ? undefined : ttlSeconds;
    head.headers.append('set-cookie', setCookie(name, value, { maxAgeSeconds, path, others: [] }));
    return 'continue';
  }

  /** The endpoint that the client names. It may name any, but only one of the cluster is found. */
  #remembered(head: RequestHead): string | undefined {
    const { state } = this.#config;
    if (state.kind === 'header') {
      const value = head.headers.get(state.name);
      return value === undefined ? undefined : Buffer.from(value.slice(0, 512), 'base64').toString('latin1');
    }
    const value = cookieValue(head.headers, state.name);
    const session = value === '' ? undefined : decodeSession(value);
    if (session === undefined) return undefined;
    const isOver = session.expires > 0 && session.expires * 1_000 <= this.#clock.wallTime();
    return isOver ? undefined : session.address;
  }
}

export function createStatefulSession(config: StatefulSessionConfig, { clock }: { clock: Clock }): SharedFilter {
  return (callbacks, overrides) => {
    const inForce = overrideOf(overrides, 'stateful-session') ?? config;
    const { state } = inForce;
    if (state.kind === 'cookie' && !isBelow(callbacks.head.path, state.path)) return undefined;
    return new StatefulSession(callbacks, inForce, clock);
  };
}

/** Whether a browser would send a cookie of this path with a request for that one (RFC 6265, section 5.1.4). */
function isBelow(requested: string, path: string): boolean {
  if (path === '' || path === '/') return true;
  if (!requested.startsWith(path)) return false;
  return path.endsWith('/') || requested.length === path.length || /[/?]/.test(requested[path.length] as string);
}
