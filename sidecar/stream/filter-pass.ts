import type { Filter, FilterCallbacks, FilterFactory, FilterStatus } from '../filters/filter.ts';
import { FilterGate, type HeldEvent } from './filter-gate.ts';
import type { RequestHead, ResponseHead } from './head.ts';
import { Headers } from './headers.ts';

/** Where the two directions of a chain deliver what went through all filters: the router and the client. */
export interface ChainEnds {
  onRequestHeadPassed(head: RequestHead, end: boolean): void;
  onRequestDataPassed(chunk: Buffer, end: boolean): void;
  onRequestTrailersPassed(trailers: Headers): void;
  onResponseHeadPassed(head: ResponseHead, end: boolean): void;
  onResponseDataPassed(chunk: Buffer, end: boolean): void;
  onResponseTrailersPassed(trailers: Headers): void;
  /** A filter holds the head and waits for the body: a client that waits for `100 Continue` must get it from us. */
  onBodyAwaited(): void;
  /** A filter holds the message: no more should be read of it until it is released. */
  onRequestHeld(): void;
  onRequestReleased(): void;
  onResponseHeld(): void;
  onResponseReleased(): void;
}

/**
 * One direction of a filter chain. Where a filter holds the message, later events wait at its gate in order; after
 * {@link resume} the held one goes on with the next filter and the others follow.
 */
abstract class Pass<Head> {
  /** In the order of this direction. */
  readonly filters: Filter[];
  protected readonly ends: ChainEnds;
  /** By place of the filter; `undefined` until one holds something. */
  #gates: (FilterGate<Head> | undefined)[] | undefined;
  #paused = 0;
  /** A filter has ended the message; what still comes is dropped. */
  #cut = false;
  protected closed = false;

  constructor(filters: Filter[], ends: ChainEnds) {
    this.filters = filters;
    this.ends = ends;
  }

  protected abstract callHead(filter: Filter, head: Head, end: boolean): FilterStatus | undefined;
  protected abstract callData(filter: Filter, chunk: Buffer, end: boolean): FilterStatus | Buffer | Headers | undefined;
  protected abstract callTrailers(filter: Filter, trailers: Headers): FilterStatus | Buffer | undefined;
  protected abstract deliverHead(head: Head, end: boolean): void;
  protected abstract deliverData(chunk: Buffer, end: boolean): void;
  protected abstract deliverTrailers(trailers: Headers): void;
  protected abstract tellHeld(): void;
  protected abstract tellReleased(): void;

  head(head: Head, end: boolean, first = 0): void {
    for (let i = first; i < this.filters.length; i++) {
      const status = this.callHead(this.filters[i] as Filter, head, end);
      if (this.closed) return;
      if (status !== undefined && status !== 'continue') {
        this.hold(i, status, { kind: 'head', head, end, seen: true });
        return;
      }
    }
    this.deliverHead(head, end);
  }

  /** `released` is the place whose gate this event comes from. */
  data(chunk: Buffer, end: boolean, first = 0, released = -1): void {
    if (this.closed || (this.#cut && first === 0)) return;
    let passing = chunk;
    for (let i = first; i < this.filters.length; i++) {
      const gate = this.#gates?.[i];
      if (gate?.shut === true && i !== released) {
        gate.queue.push({ kind: 'data', chunk: passing, end, seen: false });
        return;
      }
      const status = this.callData(this.filters[i] as Filter, passing, end);
      if (this.closed) return;
      if (status === 'stop' || status === 'buffer') {
        this.hold(i, status, { kind: 'data', chunk: passing, end, seen: true });
        return;
      }
      if (status instanceof Headers) {
        this.#cut = true;
        this.trailers(status, i + 1);
        return;
      }
      if (typeof status === 'object') {
        if (status.length === 0 && !end) return;
        passing = status;
      }
      if (gate?.holding === true) {
        gate.queue.push({ kind: 'data', chunk: passing, end, seen: true });
        this.#open(gate, i);
        return;
      }
    }
    this.deliverData(passing, end);
  }

  trailers(trailers: Headers, first = 0, released = -1): void {
    if (this.closed || (this.#cut && first === 0)) return;
    for (let i = first; i < this.filters.length; i++) {
      const gate = this.#gates?.[i];
      if (gate?.shut === true && i !== released) {
        gate.queue.push({ kind: 'trailers', trailers, seen: false });
        return;
      }
      const status = this.callTrailers(this.filters[i] as Filter, trailers);
      if (this.closed) return;
      if (status === 'stop' || status === 'buffer') {
        this.hold(i, status, { kind: 'trailers', trailers, seen: true });
        return;
      }
      if (gate?.holding === true) {
        gate.queue.push(
          typeof status === 'object'
            ? { kind: 'data', chunk: status, end: true, seen: true }
            : { kind: 'trailers', trailers, seen: true },
        );
        this.#open(gate, i);
        return;
      }
      if (typeof status === 'object') {
        this.data(status, true, i + 1);
        return;
      }
    }
    this.deliverTrailers(trailers);
  }

  resume(filter: Filter, maxBytes = Number.POSITIVE_INFINITY): void {
    const index = this.filters.indexOf(filter);
    const gate = this.#gates?.[index];
    if (gate === undefined || !gate.holding || this.closed) return;
    const part = gate.split(maxBytes);
    if (part === undefined) this.#open(gate, index);
    else this.data(part, false, index + 1);
  }

  /** Nothing more passes; what still comes is read and dropped. */
  close(): void {
    this.closed = true;
    this.#gates = undefined;
    if (this.#paused === 0) return;
    this.#paused = 0;
    this.tellReleased();
  }

  protected hold(index: number, status: 'stop' | 'buffer', event: HeldEvent<Head>): void {
    this.#gates ??= [];
    let gate = this.#gates[index];
    if (gate === undefined) {
      gate = new FilterGate();
      this.#gates[index] = gate;
    }
    gate.hold(status, event);
    // Where nothing more can come nobody need be paused, and a peer that goes away is noticed.
    const last = event.kind === 'trailers' || event.end;
    if (status === 'stop' && !gate.paused && !last) {
      gate.paused = true;
      if (this.#paused++ === 0) this.tellHeld();
    }
  }

  #open(gate: FilterGate<Head>, index: number): void {
    gate.holding = false;
    gate.draining = true;
    while (!gate.holding && !this.closed) {
      const event = gate.queue.shift();
      if (event === undefined) break;
      this.#run(event, event.seen ? index + 1 : index, index);
    }
    gate.draining = false;
    if (this.closed || !gate.paused || (gate.holding && !gate.showing)) return;
    gate.paused = false;
    if (--this.#paused === 0) this.tellReleased();
  }

  #run(event: HeldEvent<Head>, first: number, released: number): void {
    if (event.kind === 'head') this.head(event.head, event.end, first);
    else if (event.kind === 'data') this.data(event.chunk, event.end, first, released);
    else this.trailers(event.trailers, first, released);
  }
}

/** Requests run through the filters in chain order. Each filter is made when the head comes to its place. */
export class RequestPass extends Pass<RequestHead> {
  readonly #factories: readonly FilterFactory[];
  readonly #callbacks: FilterCallbacks;
  #made = 0;
  /** Those of the filters made that act on responses, in the order of responses; `undefined` for none. */
  responders: Filter[] | undefined;

  constructor(factories: readonly FilterFactory[], callbacks: FilterCallbacks, ends: ChainEnds) {
    super([], ends);
    this.#factories = factories;
    this.#callbacks = callbacks;
  }

  override head(head: RequestHead, end: boolean): void {
    const { filters } = this;
    while (this.#made < this.#factories.length) {
      const filter = (this.#factories[this.#made++] as FilterFactory)(this.#callbacks);
      if (filter === undefined) continue;
      filters.push(filter);
      if (actsOnResponses(filter)) {
        if (this.responders === undefined) this.responders = [filter];
        else this.responders.unshift(filter);
      }
      const status = filter.onRequestHead?.(head, end);
      if (this.closed) return;
      if (status !== undefined && status !== 'continue') {
        this.hold(filters.length - 1, status, { kind: 'head', head, end, seen: true });
        if (status === 'buffer') this.ends.onBodyAwaited();
        return;
      }
    }
    this.deliverHead(head, end);
  }

  protected callHead(filter: Filter, head: RequestHead, end: boolean): FilterStatus | undefined {
    return filter.onRequestHead?.(head, end);
  }

  protected callData(filter: Filter, chunk: Buffer, end: boolean): FilterStatus | Buffer | undefined {
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

/** Responses run through {@link RequestPass.responders}. */
export class ResponsePass extends Pass<ResponseHead> {
  protected callHead(filter: Filter, head: ResponseHead, end: boolean): FilterStatus | undefined {
    return filter.onResponseHead?.(head, end);
  }

  protected callData(filter: Filter, chunk: Buffer, end: boolean): FilterStatus | Buffer | Headers | undefined {
    return filter.onResponseData?.(chunk, end);
  }

  protected callTrailers(filter: Filter, trailers: Headers): FilterStatus | Buffer | undefined {
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

function actsOnResponses(filter: Filter): boolean {
  return (
    filter.onResponseHead !== undefined ||
    filter.onResponseData !== undefined ||
    filter.onResponseTrailers !== undefined
  );
}
