import { overrideOf } from '../http-filter-config.ts';
import type { RequestHead } from '../stream/head.ts';
import { localReply } from '../stream/local-replies.ts';
import type { Filter, FilterCallbacks, FilterStatus, SharedFilter } from './filter.ts';

/** Lets a request go on only when it is complete (`envoy.filters.http.buffer`). */
export interface BufferConfig {
  kind: 'buffer';
  /** A longer body is answered 413. At least 1. */
  maxRequestBytes: number;
}

export type BufferOverride = BufferConfig;

class RequestBuffer implements Filter {
  readonly #callbacks: FilterCallbacks;
  readonly #limit: number;
  #head: RequestHead | undefined;
  #bytes = 0;

  constructor(callbacks: FilterCallbacks, limit: number) {
    this.#callbacks = callbacks;
    this.#limit = limit;
  }

  onRequestHead(head: RequestHead, end: boolean): FilterStatus {
    // What follows an upgrade is no body and has no end.
    if (end || head.upgrade !== undefined) return 'continue';
    if ((head.contentLength ?? 0) > this.#limit) return this.#refuse();
    this.#head = head;
    return 'buffer';
  }

  onRequestData(chunk: Buffer, end: boolean): FilterStatus {
    if (this.#head === undefined) return 'continue';
    this.#bytes += chunk.length;
    if (this.#bytes > this.#limit) return this.#refuse();
    if (!end) return 'buffer';
    // The length is known now, and an upstream may do without chunks.
    this.#head.contentLength = this.#bytes;
    return 'continue';
  }

  #refuse(): FilterStatus {
    const limit = String(this.#limit);
    const message = `the body is longer than the ${limit} bytes that are taken here`;
    this.#callbacks.reply(localReply('body-too-large', { limit }, message));
    return 'stop';
  }
}

export function createBuffer(config: BufferConfig): SharedFilter {
  return (callbacks, overrides) =>
    new RequestBuffer(callbacks, (overrideOf(overrides, 'buffer') ?? config).maxRequestBytes);
}
