import type { MetadataMatch } from '../balance/balancer.ts';
import type { RoutingPriority } from '../cluster/priority-load.ts';
import type { FilterOverrides } from '../http-filter-config.ts';
import type { StreamInfo } from '../observe/stream-info.ts';
import type { RequestHead, ResponseHead } from '../stream/head.ts';
import type { UpgradeRules } from '../stream/upgrade-policy.ts';
import type { HashPolicy } from './hash-policy.ts';
import type { RateLimitRule } from './rate-limits.ts';
import type { RetryCondition } from './retry-conditions.ts';

/** A named set of virtual hosts, as RDS brings it (`envoy.config.route.v3.RouteConfiguration`). */
export interface RouteTable {
  name: string;
  virtualHosts: readonly VirtualHost[];
  /** Lower-case names of request fields that are taken from what comes from outside the mesh. */
  internalOnlyHeaders?: readonly string[];
}

export interface VirtualHost {
  name: string;
  /** Exact names, `*.suffix`, `prefix.*` or `*`; with or without a port. Searched in that order. */
  domains: readonly string[];
  /** The first that matches wins. */
  routes: readonly Route[];
  /** Requests that came in plain text, all or those from outside the mesh, are redirected to https (301). */
  requireTls?: 'external' | 'all';
  /** For rate limits, where a route has none of its own. */
  rateLimits?: readonly RateLimitRule[];
  /** What it has to say to filters, with what the places around it say. */
  overrides?: FilterOverrides;
}

export interface Route {
  /** Who wrote it, for people: `HTTPRoute/shop/ratings/rule/0`. */
  name: string;
  match: RouteMatch;
  action: RouteAction;
  /** For the answers that the route gives itself; a cluster's have their own. */
  responseHeaders: HeaderMutation;
  /** What it has to say to filters, with what the places around it say. */
  overrides?: FilterOverrides;
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
  /** The path is compared without regard to case; an expression carries its own flag. */
  ignoreCase?: boolean;
  /** The route takes this share of the requests that it matches, 0 to 1 (`runtime_fraction`). */
  share?: number;
  /** Only gRPC requests. */
  grpc?: boolean;
}

export interface ValueMatch {
  name: string;
  match:
    | { kind: 'exact'; value: string }
    | { kind: 'prefix'; value: string }
    | { kind: 'suffix'; value: string }
    | { kind: 'contains'; value: string }
    | { kind: 'regex'; value: RegExp }
    /** A decimal integer, from `start` to below `end`. */
    | { kind: 'range'; start: number; end: number }
    | { kind: 'present' };
  invert: boolean;
  /** A field that is absent is compared as an empty one, in place of failing. */
  absentIsEmpty?: boolean;
}

export type RouteAction = ForwardAction | RedirectAction | RespondAction;

export interface ForwardAction {
  kind: 'forward';
  /** At least one; the sum of weights is above 0. */
  clusters: readonly WeightedCluster[];
  /** Lower-case name of the request field that names the cluster; `clusters` then has one entry, for its mutations. */
  clusterHeader: string | undefined;
  /** Lower-case name of the request field whose number chooses among the weights, where it is there. */
  weightHeader: string | undefined;
  /** Status where the cluster is not there. Default 503. */
  notFoundStatus: 404 | 500 | 503;
  /** Whole request with all tries, in milliseconds; 0 for none. Default 15,000. */
  timeoutMs: number;
  /** Neither side sends anything for so long, in milliseconds; 0 for none, `undefined` for the chain's. */
  idleTimeoutMs: number | undefined;
  /** Whose circuit breakers count. */
  priority: RoutingPriority;
  /** Protocols that requests may or may not switch to, whatever the chain says. Absent: as the chain says. */
  upgrades?: UpgradeRules;
  retry: RetryPolicy;
  /** What decides to which endpoint a request goes, where the cluster's balancer hashes. */
  hashPolicies?: readonly HashPolicy[];
  /** Where copies of the request go. */
  mirrors: readonly MirrorPolicy[];
  /** Bounds on the whole stream, from its head on; `undefined` for none. */
  streamDuration: StreamDuration | undefined;
  pathRewrite: { kind: 'prefix'; value: string } | { kind: 'full'; value: string } | RegexRewrite | undefined;
  hostRewrite: HostRewrite | undefined;
  /** Adds the authority that a rewrite replaces to `x-forwarded-host`. */
  appendForwardedHost: boolean;
  /** Tells the number of the attempt in `x-envoy-attempt-count`, to the upstream and to the client. */
  attemptCountInRequest: boolean;
  attemptCountInResponse: boolean;
  /** How requests are described to rate limits. */
  rateLimits?: readonly RateLimitRule[];
  /** Those of the virtual host hold as well. */
  includeHostRateLimits?: boolean;
}

/** `request_mirror_policies`: a copy is sent and forgotten. */
export interface MirrorPolicy {
  /** Empty where `clusterHeader` names it. */
  cluster: string;
  /** Lower-case name of the request field that names the cluster. */
  clusterHeader: string | undefined;
  /** Share of the requests, 0 to 1. */
  share: number;
  /** The copy's host gets `-shadow` behind its name. */
  appendHostSuffix: boolean;
}

/** `max_stream_duration` of a route. All in milliseconds. */
export interface StreamDuration {
  /** `undefined` leaves it to the chain; 0 for none. */
  maxMs: number | undefined;
  /** A `grpc-timeout` counts for at most so much; 0 for any, `undefined` where it is taken as it is. */
  grpcMaxMs: number | undefined;
  /** Taken off a `grpc-timeout`, so that we answer before the client gives up. */
  grpcOffsetMs: number;
}

/** Replaces all matches; groups are written `\1` (Envoy's `regex_rewrite`). */
export interface RegexRewrite {
  kind: 'regex';
  pattern: RegExp;
  substitution: string;
}

export type HostRewrite =
  | { kind: 'literal'; value: string }
  /** The host name of the endpoint that is chosen, where discovery told one. */
  | { kind: 'endpoint' }
  /** The value of a request field, by its lower-case name, where it is there. */
  | { kind: 'header'; name: string }
  /** The path without its query, after the replacement. */
  | { kind: 'path'; rewrite: RegexRewrite };

export interface WeightedCluster {
  /** Empty where {@link ForwardAction.clusterHeader} names it. */
  name: string;
  weight: number;
  /** Everything that is changed on the way there and back, by the cluster, its route, virtual host and table. */
  requestHeaders: HeaderMutation;
  responseHeaders: HeaderMutation;
  /** Metadata that the endpoint must have, with that of the action. */
  metadataMatch?: MetadataMatch;
  /** Takes the place of the action's. */
  hostRewrite?: string;
  /** What it has to say to filters, with what its route says; absent where it says nothing itself. */
  overrides?: FilterOverrides;
}

export interface RedirectAction {
  kind: 'redirect';
  status: 301 | 302 | 303 | 307 | 308;
  scheme: string | undefined;
  host: string | undefined;
  port: number | undefined;
  path: { kind: 'full'; value: string } | { kind: 'prefix'; value: string } | RegexRewrite | undefined;
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
  /** Milliseconds that a try may be silent for; 0 for any. */
  perTryIdleTimeoutMs: number;
  on: ReadonlySet<RetryCondition>;
  statuses: readonly number[];
  /** For `retriable-headers`: an answer with one of these may be asked for again. */
  responseHeaders: readonly ValueMatch[];
  /** Only requests with one of these are tried again; empty for all. */
  requestHeaders: readonly ValueMatch[];
  /** Full jitter between 0 and a ceiling that doubles from base to max, in milliseconds. Default 25 and 250. */
  backoffBaseMs: number;
  backoffMaxMs: number;
  /** Fields in which an answer says when to come again, the first that does; a longer wait than `maxMs` is not meant. */
  rateLimited:
    | { resetHeaders: readonly { name: string; format: 'seconds' | 'unix-timestamp' }[]; maxMs: number }
    | undefined;
  /** A try that takes longer than the per-try time-out is not given up: another one races it. */
  hedgeOnPerTryTimeout: boolean;
}

/** What happens to a head's fields, in this order. */
export type HeaderMutation = readonly HeaderStep[];

export type HeaderStep =
  | { readonly action: 'remove'; readonly name: string }
  | {
      readonly action: 'append' | 'set' | 'add-if-absent' | 'set-if-exists';
      /** Lower case. */
      readonly name: string;
      readonly value: HeaderTemplate;
      /** An empty value is written too, in place of being left out. */
      readonly keepEmpty: boolean;
    };

/** A field's value: as it is written, or with parts that come from the request. */
export type HeaderTemplate = string | readonly (string | HeaderOperator)[];

/** Part of a {@link HeaderTemplate}; `response` is there once a response head is. Empty where there is no value. */
export type HeaderOperator = (info: StreamInfo, request: RequestHead, response: ResponseHead | undefined) => string;

export const noMutation: HeaderMutation = [];

/** Never tries twice, and waits for a try as long as for the whole. */
export const noRetry: RetryPolicy = {
  attempts: 0,
  perTryTimeoutMs: 0,
  perTryIdleTimeoutMs: 0,
  on: new Set(),
  statuses: [],
  responseHeaders: [],
  requestHeaders: [],
  backoffBaseMs: 25,
  backoffMaxMs: 250,
  rateLimited: undefined,
  hedgeOnPerTryTimeout: false,
};

/** A forward action in which nothing is said but where it leads. */
export const forwardDefaults: Omit<ForwardAction, 'clusters'> = {
  kind: 'forward',
  clusterHeader: undefined,
  weightHeader: undefined,
  notFoundStatus: 503,
  timeoutMs: 15_000,
  idleTimeoutMs: undefined,
  priority: 'default',
  retry: noRetry,
  mirrors: [],
  streamDuration: undefined,
  pathRewrite: undefined,
  hostRewrite: undefined,
  appendForwardedHost: false,
  attemptCountInRequest: false,
  attemptCountInResponse: false,
};
