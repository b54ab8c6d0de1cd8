import type { FilterOverride } from '../http-filter-config.ts';
import type { StreamInfo } from '../observe/stream-info.ts';
import type { Route, VirtualHost } from '../route/route-table.ts';
import type { RequestHead, ResponseHead } from '../stream/head.ts';
import type { Headers } from '../stream/headers.ts';
import type { DownstreamFacts } from '../stream/stream-scope.ts';

/**
 * `stop` holds the message at this filter: what follows waits unseen and its sender is paused. `buffer` holds it too,
 * but the filter goes on seeing what follows, nobody is paused, and the filter bounds what it lets wait. Both last
 * until the filter resumes or replies; `buffer` also until it answers `continue`.
 */
export type FilterStatus = 'continue' | 'stop' | 'buffer';

/**
 * One concern of the HTTP data path. A filter implements the callbacks it needs; all are synchronous.
 * Request callbacks run in chain order, response callbacks in reverse, also for what the proxy answers itself;
 * a filter that the request did not reach sees no response. A filter never imports a filter.
 */
export interface Filter {
  onRequestHead?(head: RequestHead, end: boolean): FilterStatus;
  /** Bytes as an answer go on in the chunk's place; with none of them nothing goes on, but the end. */
  onRequestData?(chunk: Buffer, end: boolean): FilterStatus | Buffer;
  onRequestTrailers?(trailers: Headers): FilterStatus;
  onResponseHead?(head: ResponseHead, end: boolean): FilterStatus;
  /** As with requests; and trailers as an answer end the message here. */
  onResponseData?(chunk: Buffer, end: boolean): FilterStatus | Buffer | Headers;
  /** Bytes as an answer end the body in the trailers' place. */
  onResponseTrailers?(trailers: Headers): FilterStatus | Buffer;
  /** The stream is over; pending work of the filter must end. Called once. */
  onDestroy?(): void;
}

/** What a filter may ask of its stream. After the stream's end all of it does nothing. */
export interface FilterCallbacks {
  readonly info: StreamInfo;
  /** The same object for all streams of a connection. */
  readonly downstream: DownstreamFacts;
  /** The request's head, as it stands now. */
  readonly head: RequestHead;
  /** The route that the request takes; found at the first question, and kept until {@link clearRouteCache}. */
  route(): Route | undefined;
  virtualHost(): VirtualHost | undefined;
  /** The cluster that the request goes to, of several by chance of their weights; empty where the route has none. */
  routeCluster(): string;
  /** What the route has to say to the filter of this name. */
  overrides(filterName: string): readonly FilterOverride[] | undefined;
  /** For a filter that changed the head so that another route may match. */
  clearRouteCache(): void;
  /** Goes on after a request callback of `filter` answered `stop` or `buffer`. */
  resumeRequest(filter: Filter): void;
  /**
   * Goes on after a response callback of `filter` answered `stop` or `buffer`. With `maxBytes` it is data that is held,
   * and only so much of it goes on; the rest stays held.
   */
  resumeResponse(filter: Filter, maxBytes?: number): void;
  /** Answers in the upstream's place; the rest of the request is read and dropped. */
  reply(reply: LocalReply): void;
}

/** A response made by this proxy. The body is made from it in one place, so that all look alike. */
export interface LocalReply {
  status: number;
  /** Stable kebab-case reason, for example `no-healthy-endpoints`; sent in `x-heddle-reason`. */
  reason: string;
  /** More `key=value` pairs for `x-heddle-reason`, for example `{ service: 'cart', ejected: '3/3' }`. */
  details: Readonly<Record<string, string>>;
  /** What happened, where, and what to do, for a person. */
  message: string;
  /** Bits of {@link ../stream/response-flags.ts}. */
  flags: number;
  headers?: Headers;
  /** For a gRPC request, where it does not follow from `status`. */
  grpcStatus?: number;
}

/**
 * Makes a filter for one stream when its request reaches the filter's place, or nothing where it has no work. Built
 * when configuration changes.
 */
export type FilterFactory = (callbacks: FilterCallbacks) => Filter | undefined;

/**
 * A configured filter with what its streams share: counters, buckets, limits. It is kept while its name and
 * configuration stay the same, whatever else changes.
 */
export type SharedFilter = (
  callbacks: FilterCallbacks,
  overrides: readonly FilterOverride[] | undefined,
) => Filter | undefined;
