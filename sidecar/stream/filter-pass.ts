import type { Filter, FilterStatus } from '../filters/filter.ts';
import type { RequestHead, ResponseHead } from './head.ts';
import type { Headers } from './headers.ts';

/** Where the two directions of a chain deliver what went through all filters: the router and the client. */
export interface ChainEnds {
  onRequestHeadPassed(head: RequestHead, end: boolean): void;
  onRequestDataPassed(chunk: Buffer, end: boolean): void;
  onRequestTrailersPassed(trailers: Headers): void;
  onResponseHeadPassed(head: ResponseHead, end: boolean): void;
  onResponseDataPassed(chunk: Buffer, end: boolean): void;
  onResponseTrailersPassed(trailers: Headers): void;
  /** A filter holds the message: no more should be read of it until it is released. */
  onRequestHeld(): void;
  onRequestReleased(): void;
  onResponseHeld(): void;
  onResponseReleased(): void;
}

/** One event of a message; runs the filters from `first` on, then delivers. */
type Step = (first: number) => void;

/**
 * One direction of a filter chain. While a filter holds the message, later events wait here in order; after
 * {@link resume} the held one goes on with the next filter and the others follow.
 */
abstract class Pass<Head> {
  protected readonly filters: readonly Filter[];
  protected readonly ends: ChainEnds;
  #waiting: Step[] | undefined;
  #next = 0;
  #closed = false;

  constructor(filters: readonly Filter[], ends: ChainEnds) {
    this.filters = filters;
    this.ends = ends;
  }

  /** The filter in place `index` of this direction. */
  protected abstract at(index: number): Filter;
  protected abstract callHead(filter: Filter, head: Head, end: boolean): FilterStatus | undefined;
  protected abstract callData(filter: Filter, chunk: Buffer, end: boolean): FilterStatus | undefined;
  protected abstract callTrailers(filter: Filter, trailers: Headers): FilterStatus | undefined;
  protected abstract deliverHead(head: Head, end: boolean): void;
  protected abstract deliverData(chunk: Buffer, end: boolean): void;
  protected abstract deliverTrailers(trailers: Headers): void;
  protected abstract tellHeld(): void;
  protected abstract tellReleased(): void;

  head(head: Head, end: boolean, first = 0): void {
    for (let i = first; i < this.filters.length; i++) {
      if (this.callHead(this.at(i), head, end) === 'stop') {
        this.#hold(i, (next) => this.head(head, end, next));
        return;
      }
      if (this.#closed) return;
    }
    this.deliverHead(head, end);
  }

  data(chunk: Buffer, end: boolean, first = 0): void {
    if (this.#waiting !== undefined) {
      this.#waiting.push(() => this.data(chunk, end));
      return;
    }
    if (this.#closed) return;
    for (let i = first; i < this.filters.length; i++) {
      if (this.callData(this.at(i), chunk, end) === 'stop') {
        this.#hold(i, (next) => this.data(chunk, end, next));
        return;
      }
      if (this.#closed) return;
    }
    this.deliverData(chunk, end);
  }

  trailers(trailers: Headers, first = 0): void {
    if (this.#waiting !== undefined) {
      this.#waiting.push(() => this.trailers(trailers));
      return;
    }
    if (this.#closed) return;
    for (let i = first; i < this.filters.length; i++) {
      if (this.callTrailers(this.at(i), trailers) === 'stop') {
        this.#hold(i, (next) => this.trailers(trailers, next));
        return;
      }
      if (this.#closed) return;
    }
    this.deliverTrailers(trailers);
  }

  resume(): void {
    const steps = this.#waiting;
    if (steps === undefined || this.#closed) return;
    this.#waiting = undefined;
    for (let i = 0; i < steps.length; i++) {
      (steps[i] as Step)(i === 0 ? this.#next : 0);
      const again = this.#heldSteps();
      if (again !== undefined) {
        // Held again: what is left follows the step that is held now.
        this.#waiting = [...again, ...steps.slice(i + 1)];
        return;
      }
    }
    if (!this.#closed) this.tellReleased();
  }

  /** Nothing more passes. */
  close(): void {
    this.#closed = true;
    this.#waiting = undefined;
  }

  #heldSteps(): Step[] | undefined {
    return this.#waiting;
  }

  #hold(index: number, step: Step): void {
    if (this.#closed) return;
    this.#next = index + 1;
    this.#waiting = [step];
    this.tellHeld();
  }
}

/** Requests run through the filters in chain order. */
export class RequestPass extends Pass<RequestHead> {
  protected at(index: number): Filter {
    return this.filters[index] as Filter;
  }

  protected callHead(filter: Filter, head: RequestHead, end: boolean): FilterStatus | undefined {
    return filter.onRequestHead?.(head, end);
  }

  protected callData(filter: Filter, chunk: Buffer, end: boolean): FilterStatus | undefined {
    return filter.onRequestData?.(chunk, end);
  }

  protected callTrailers(filter: Filter, trailers: Headers): FilterStatus | undefined {
    return filter.onRequestTrailers?.(trailers);
  }

  protected deliverHead(head: RequestHead, end: boolean): void {
    this.ends.onRequestHeadPassed(head, end);
  }

  protected deliverData(chunk: Buffer, end: boolean): void {
    this.ends.onRequestDataPassed(chunk, end);
  }

  protected deliverTrailers(trailers: Headers): void {
    this.ends.onRequestTrailersPassed(trailers);
  }

  protected tellHeld(): void {
    this.ends.onRequestHeld();
  }

  protected tellReleased(): void {
    this.ends.onRequestReleased();
  }
}

/** Responses run through them backwards. */
export class ResponsePass extends Pass<ResponseHead> {
  protected at(index: number): Filter {
    return this.filters[this.filters.length - 1 - index] as Filter;
  }

  protected callHead(filter: Filter, head: ResponseHead, end: boolean): FilterStatus | undefined {
    return filter.onResponseHead?.(head, end);
  }

  protected callData(filter: Filter, chunk: Buffer, end: boolean): FilterStatus | undefined {
    return filter.onResponseData?.(chunk, end);
  }

  protected callTrailers(filter: Filter, trailers: Headers): FilterStatus | undefined {
    return filter.onResponseTrailers?.(trailers);
  }

  protected deliverHead(head: ResponseHead, end: boolean): void {
    this.ends.onResponseHeadPassed(head, end);
  }

  protected deliverData(chunk: Buffer, end: boolean): void {
    this.ends.onResponseDataPassed(chunk, end);
  }

  protected deliverTrailers(trailers: Headers): void {
    this.ends.onResponseTrailersPassed(trailers);
  }

  protected tellHeld(): void {
    this.ends.onResponseHeld();
  }

  protected tellReleased(): void {
    this.ends.onResponseReleased();
  }
}
