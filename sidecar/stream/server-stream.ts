import type { Filter, FilterCallbacks, LocalReply } from '../filters/filter.ts';
import { StreamInfo } from '../observe/stream-info.ts';
import type { BodyReceiver, ResetReason, ResponseWriter } from './codec.ts';
import { type ChainEnds, RequestPass, ResponsePass } from './filter-pass.ts';
import type { RequestHead, ResponseHead } from './head.ts';
import type { Headers } from './headers.ts';
import { renderLocalReply } from './render-local-reply.ts';
import { responseFlags } from './response-flags.ts';
import { routeRequest } from './router.ts';
import type { DownstreamFacts, StreamScope } from './stream-scope.ts';
import type { UpstreamCall, UpstreamCallOwner } from './upstream-call.ts';

/**
 * One request and its response: from the downstream codec through the filters to the router, and back. It ends when
 * the response has been written, when the client goes away, or when the response breaks off.
 */
export class ServerStream implements BodyReceiver, FilterCallbacks, UpstreamCallOwner, ChainEnds {
  readonly info: StreamInfo;
  readonly #scope: StreamScope;
  readonly #head: RequestHead;
  readonly #writer: ResponseWriter;
  /** `undefined` where no filter cares about that direction. */
  #request: RequestPass | undefined;
  #response: ResponsePass | undefined;
  #filters: Filter[] | undefined;
  #call: UpstreamCall | undefined;
  #responseStarted = false;
  #over = false;

  constructor(scope: StreamScope, downstream: DownstreamFacts, head: RequestHead, writer: ResponseWriter) {
    this.#scope = scope;
    this.#head = head;
    this.#writer = writer;
    const { clock } = scope;
    const info = new StreamInfo(scope.direction, scope.listener, clock.now(), clock.wallTime());
    info.method = head.method;
    info.scheme = head.scheme;
    info.authority = head.authority;
    info.path = head.path;
    info.protocol = head.version;
    info.userAgent = head.headers.get('user-agent') ?? '';
    info.downstreamAddress = downstream.address;
    info.downstreamPeer = downstream.peer;
    info.downstreamTls = downstream.tls;
    this.info = info;
  }

  /** Runs the head through the filters. May answer before it returns. */
  start(end: boolean): void {
    this.#makeFilters();
    this.#scope.observer.onStreamStart(this.info, this.#head);
    if (this.#request === undefined) this.onRequestHeadPassed(this.#head, end);
    else this.#request.head(this.#head, end);
  }

  // From the downstream codec.

  onData(chunk: Buffer, end: boolean): void {
    if (this.#over) return;
    this.info.bytesReceived += chunk.length;
    if (this.#request === undefined) this.#call?.onRequestData(chunk, end);
    else this.#request.data(chunk, end);
  }

  onTrailers(trailers: Headers): void {
    if (this.#over) return;
    if (this.#request === undefined) this.#call?.onRequestTrailers(trailers);
    else this.#request.trailers(trailers);
  }

  onReset(reason: ResetReason, _detail: string): void {
    if (this.#over) return;
    this.info.flags |= reason === 'protocol-error' ? responseFlags.DPE.bit : responseFlags.DC.bit;
    this.#finish();
  }

  onWritable(): void {
    this.#call?.resumeResponse();
  }

  // From the upstream call.

  onUpstreamInformational(head: ResponseHead): void {
    if (!this.#over) this.#writer.informational(head);
  }

  onUpstreamHead(head: ResponseHead, end: boolean): void {
    if (this.#response === undefined) this.onResponseHeadPassed(head, end);
    else this.#response.head(head, end);
  }

  onUpstreamData(chunk: Buffer, end: boolean): void {
    if (this.#response === undefined) this.onResponseDataPassed(chunk, end);
    else this.#response.data(chunk, end);
  }

  onUpstreamTrailers(trailers: Headers): void {
    if (this.#response === undefined) this.onResponseTrailersPassed(trailers);
    else this.#response.trailers(trailers);
  }

  onUpstreamAborted(flags: number, reason: string): void {
    if (this.#over) return;
    this.info.flags |= flags;
    this.info.reason = reason;
    this.#writer.reset('remote-reset');
    this.#finish();
  }

  pauseRequestBody(): void {
    this.#writer.pauseReading();
  }

  resumeRequestBody(): void {
    this.#writer.resumeReading();
  }

  // From the filters.

  resumeRequest(): void {
    this.#request?.resume();
  }

  resumeResponse(): void {
    this.#response?.resume();
  }

  reply(reply: LocalReply): void {
    if (this.#over) return;
    this.info.flags |= reply.flags;
    if (reply.reason !== '') this.info.reason = reply.reason;
    if (this.#responseStarted) {
      this.#writer.reset('local-reset');
      this.#finish();
      return;
    }
    const { head, body } = renderLocalReply(reply, this.#head, this.info.requestId);
    this.info.status = head.status;
    this.info.bytesSent = body.length;
    this.#writer.head(head, body.length === 0);
    if (body.length > 0) this.#writer.data(body, true);
    this.#finish();
  }

  // From the ends of the chain.

  onRequestHeadPassed(head: RequestHead, end: boolean): void {
    const call = routeRequest(this.#scope, this, head, end);
    if (call === undefined || this.#over) return;
    this.#call = call;
    call.start();
  }

  onRequestDataPassed(chunk: Buffer, end: boolean): void {
    this.#call?.onRequestData(chunk, end);
  }

  onRequestTrailersPassed(trailers: Headers): void {
    this.#call?.onRequestTrailers(trailers);
  }

  onResponseHeadPassed(head: ResponseHead, end: boolean): void {
    if (this.#over) return;
    this.#responseStarted = true;
    this.info.status = head.status;
    this.#writer.head(head, end);
    if (end) this.#finish();
  }

  onResponseDataPassed(chunk: Buffer, end: boolean): void {
    if (this.#over) return;
    this.info.bytesSent += chunk.length;
    const room = this.#writer.data(chunk, end);
    if (end) this.#finish();
    else if (!room) this.#call?.pauseResponse();
  }

  onResponseTrailersPassed(trailers: Headers): void {
    if (this.#over) return;
    this.#writer.trailers(trailers);
    this.#finish();
  }

  onRequestHeld(): void {
    this.#writer.pauseReading();
  }

  onRequestReleased(): void {
    this.#writer.resumeReading();
  }

  onResponseHeld(): void {
    this.#call?.pauseResponse();
  }

  onResponseReleased(): void {
    this.#call?.resumeResponse();
  }

  #makeFilters(): void {
    for (const factory of this.#scope.filters) {
      const filter = factory(this);
      if (filter === undefined) continue;
      this.#filters ??= [];
      this.#filters.push(filter);
    }
    const filters = this.#filters;
    if (filters === undefined) return;
    this.#request = new RequestPass(filters, this);
    if (filters.some(actsOnResponses)) this.#response = new ResponsePass(filters, this);
  }

  #finish(): void {
    this.#over = true;
    const { info } = this;
    info.endTime = this.#scope.clock.now();
    this.#call?.close();
    this.#request?.close();
    this.#response?.close();
    if (this.#filters !== undefined) for (const filter of this.#filters) filter.onDestroy?.();
    this.#scope.observer.onStreamEnd(info);
  }
}

function actsOnResponses(filter: Filter): boolean {
  return (
    filter.onResponseHead !== undefined ||
    filter.onResponseData !== undefined ||
    filter.onResponseTrailers !== undefined
  );
}
