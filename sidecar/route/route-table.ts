/** A named set of virtual hosts, as RDS brings it (`envoy.config.route.v3.RouteConfiguration`). */
export interface RouteTable {
  name: string;
  virtualHosts: readonly VirtualHost[];
}

export interface VirtualHost {
  name: string;
  /** Exact names, `*.suffix`, `prefix.*` or `*`; with or without a port. Searched in that order. */
  domains: readonly string[];
  /** The first that matches wins. */
  routes: readonly Route[];
}

export interface Route {
  /** Who wrote it, for people: `HTTPRoute/shop/ratings/rule/0`. */
  name: string;
  match: RouteMatch;
  action: RouteAction;
  requestHeaders: HeaderMutation;
  responseHeaders: HeaderMutation;
}

export interface RouteMatch {
  path:
    | { kind: 'prefix'; value: string }
    /** Matches whole segments: `/a` matches `/a` and `/a/b`, not `/ab`. */
    | { kind: 'path-separated-prefix'; value: string }
    | { kind: 'exact'; value: string }
    /** Matches the whole path without the query. */
    | { kind: 'regex'; value: RegExp };
  /** Header names are lower case; `:method` and `:authority` are allowed. All must match. */
  headers: readonly ValueMatch[];
  query: readonly ValueMatch[];
}

export interface ValueMatch {
  name: string;
  match: { kind: 'exact'; value: string } | { kind: 'regex'; value: RegExp } | { kind: 'present' };
  invert: boolean;
}

export type RouteAction = ForwardAction | RedirectAction | RespondAction;

export interface ForwardAction {
  kind: 'forward';
  /** At least one; the sum of weights is above 0. */
  clusters: readonly WeightedCluster[];
  /** Whole request with all tries, in milliseconds; 0 for none. Default 15,000. */
  timeoutMs: number;
  /** Neither side sends anything for so long, in milliseconds; 0 for none. Default 300,000. */
  idleTimeoutMs: number;
  retry: RetryPolicy;
  pathRewrite:
    | { kind: 'prefix'; value: string }
    | { kind: 'full'; value: string }
    | { kind: 'regex'; pattern: RegExp; substitution: string }
    | undefined;
  hostRewrite: string | undefined;
}

export interface WeightedCluster {
  name: string;
  weight: number;
  requestHeaders: HeaderMutation;
  responseHeaders: HeaderMutation;
}

export interface RedirectAction {
  kind: 'redirect';
  status: 301 | 302 | 303 | 307 | 308;
  scheme: string | undefined;
  host: string | undefined;
  port: number | undefined;
  path: { kind: 'full'; value: string } | { kind: 'prefix'; value: string } | undefined;
  stripQuery: boolean;
}

export interface RespondAction {
  kind: 'respond';
  status: number;
  body: string;
}

export interface RetryPolicy {
  /** Tries after the first; 0 for none. Default 1. */
  attempts: number;
  /** Milliseconds for each try; 0 for none. Default 5,000. */
  perTryTimeoutMs: number;
  /** Envoy's `retry_on` words that are understood: connect-failure, refused-stream, reset-before-request, reset, 5xx, gateway-error, retriable-status-codes. */
  on: ReadonlySet<RetryCondition>;
  statuses: readonly number[];
  /** Full jitter between 0 and a ceiling that doubles from base to max, in milliseconds. Default 25 and 250. */
  backoffBaseMs: number;
  backoffMaxMs: number;
}

export type RetryCondition =
  | 'connect-failure'
  | 'refused-stream'
  | 'reset-before-request'
  | 'reset'
  | '5xx'
  | 'gateway-error'
  | 'retriable-status-codes';

export interface HeaderMutation {
  readonly set: readonly HeaderValue[];
  readonly add: readonly HeaderValue[];
  /** Lower-case names. */
  readonly remove: readonly string[];
}

export interface HeaderValue {
  name: string;
  value: string;
}

export const noMutation: HeaderMutation = { set: [], add: [], remove: [] };
