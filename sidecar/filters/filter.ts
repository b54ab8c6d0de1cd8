import type { StreamInfo } from '../observe/stream-info.ts';
import type { RequestHead, ResponseHead } from '../stream/head.ts';
import type { Headers } from '../stream/headers.ts';

/** `stop` holds the stream (the chain buffers and pauses) until the filter resumes it or replies. */
export type FilterStatus = 'continue' | 'stop';

/**
 * One concern of the HTTP data path. A filter implements the callbacks it needs; all are synchronous.
 * Request callbacks run in chain order, response callbacks in reverse. A filter never imports a filter.
 */
export interface Filter {
  onRequestHead?(head: RequestHead, end: boolean): FilterStatus;
  onRequestData?(chunk: Buffer, end: boolean): FilterStatus;
  onRequestTrailers?(trailers: Headers): FilterStatus;
  onResponseHead?(head: ResponseHead, end: boolean): FilterStatus;
  onResponseData?(chunk: Buffer, end: boolean): FilterStatus;
  onResponseTrailers?(trailers: Headers): FilterStatus;
  /** The stream is over; pending work of the filter must end. Called once. */
  onDestroy?(): void;
}

/** What a filter may ask of its stream. */
export interface FilterCallbacks {
  readonly info: StreamInfo;
  /** Goes on after a request callback answered `stop`. */
  resumeRequest(): void;
  /** Goes on after a response callback answered `stop`. */
  resumeResponse(): void;
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
}

/** Makes a filter for one stream, or nothing where it has no work. Built when configuration changes. */
export type FilterFactory = (callbacks: FilterCallbacks) => Filter | undefined;
