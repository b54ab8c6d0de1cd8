import type { Filter, FilterCallbacks, LocalReply } from '../filters/filter.ts';
import type { FilterOverride } from '../http-filter-config.ts';
import { StreamInfo } from '../observe/stream-info.ts';
import type { RouteResult } from '../route/compile.ts';
import { matchRoute, pickWeightedCluster } from '../route/match.ts';
import { headerValue } from '../route/match-values.ts';
import type { ForwardAction, Route, VirtualHost, WeightedCluster } from '../route/route-table.ts';
import { splitPort } from '../route/split-port.ts';
import type { BodyReceiver, ResetReason, ResponseWriter } from './codec.ts';
import { type ChainEnds, RequestPass, ResponsePass } from './filter-pass.ts';
import { grpcStatusIn } from './grpc-status.ts';
import { isGrpc, type RequestHead, type ResponseHead } from './head.ts';
import { Headers } from './headers.ts';
import { localReply } from './local-replies.ts';
import { renderLocalReply } from './render-local-reply.ts';
import { responseFlags } from './response-flags.ts';
import { type RoutedStream, routeRequest } from './router.ts';
import type { DownstreamFacts, StreamScope } from './stream-scope.ts';
import { UploadGuard } from './upload-guard.ts';
import type { UpstreamCall } from './upstream-call.ts';

/**
 * One request and its response: from the downstream codec through the filters to the router, and back. It ends when
 * the response has been written, when the client goes away, or when the response breaks off.
 */
export class ServerStream implements BodyReceiver, FilterCallbacks, RoutedStream, ChainEnds {
  readonly info: StreamInfo;
  readonly downstream: DownstreamFacts;
  readonly head: RequestHead;
  readonly #scope: StreamScope;
  readonly #writer: ResponseWriter;
  /** `undefined` where no filter cares about that direction. */
  #request: RequestPass | undefined;
  #response: ResponsePass | undefined;
  #matched: RouteResult | undefined;
  #target: WeightedCluster | undefined;
  #call: UpstreamCall | undefined;
  #guard: UploadGuard | undefined;
  bodyHeld = false;
  /** The answer is ours, and on its way through the filters or out. */
  #replied = false;
  #responseStarted = false;
  /** A filter holds the response. */
  #responseHeld = false;
  #over = false;

  constructor(scope: StreamScope, downstream: DownstreamFacts, head: RequestHead, writer: ResponseWriter) {
    this.#scope = scope;
    this.downstream = downstream;
    this.head = head;
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
    const { filters, observer } = this.#scope;
    observer.onStreamStart(this.info, this.head);
    if (this.downstream.servesHost !== undefined && !servesAuthority(this.downstream.servesHost, this.head.authority)) {
      this.reply(misdirected(this.head.authority));
      return;
    }
    if (filters.factories.length === 0) {
      this.onRequestHeadPassed(this.head, end);
    } else {
      this.#request = new RequestPass(filters.factories, this, this);
      this.#request.head(this.head, end);
    }
    if (!end) this.#guardUpload();
  }

  /** Where no upstream call watches the body yet, and where more is asked of it than not to be idle. */
  #guardUpload(): void {
    const { edge, requestTimeoutMs } = this.#scope;
    if (this.#over || this.#replied || this.head.upgrade !== undefined) return;
    // Over HTTP/1 the codec watches the rate, which it alone can, for a connection is a request there.
    const watchRate = edge && this.head.version === '2';
    if (!watchRate && requestTimeoutMs === 0 && this.#call !== undefined) return;
    const action = this.#matched?.kind === 'route' ? this.#matched.route.action : undefined;
    const isStream = isGrpc(this.head) || (action?.kind === 'forward' && action.timeoutMs === 0);
    this.#guard = new UploadGuard(this.#scope, this, watchRate && !isStream);
  }

  // From the downstream codec.

  onData(chunk: Buffer, end: boolean): void {
    if (this.#over) return;
    this.info.bytesReceived += chunk.length;
    if (end) this.#guard?.stop();
    if (this.#replied) return;
    if (this.#request === undefined) this.#call?.onRequestData(chunk, end);
    else this.#request.data(chunk, end);
  }

  onTrailers(trailers: Headers): void {
    this.#guard?.stop();
    if (this.#over || this.#replied) return;
    if (this.#request === undefined) this.#call?.onRequestTrailers(trailers);
    else this.#request.trailers(trailers);
  }

  onReset(reason: ResetReason, _detail: string): void {
    if (this.#over) return;
    this.info.flags |= reason === 'protocol-error' ? responseFlags.DPE.bit : responseFlags.DC.bit;
    this.#finish();
  }

  onWritable(): void {
    // What a filter holds must not grow because the client has taken what went before it.
    if (!this.#responseHeld) this.#call?.resumeResponse();
  }

  // From the upstream call.

  onUpstreamInformational(head: ResponseHead): void {
    if (!this.#over) this.#writer.informational(head);
  }

  onUpstreamHead(head: ResponseHead, end: boolean): void {
    const responders = this.#request?.responders;
    if (responders === undefined) {
      this.onResponseHeadPassed(head, end);
      return;
    }
    this.#response = new ResponsePass(responders, this);
    this.#response.head(head, end);
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
    this.#holdBody();
  }

  resumeRequestBody(): void {
    this.bodyHeld = false;
    this.#writer.resumeReading();
  }

  // From the filters and the router.

  route(): Route | undefined {
    const matched = this.matchedRoute();
    return matched?.kind === 'route' ? matched.route : undefined;
  }

  virtualHost(): VirtualHost | undefined {
    const matched = this.matchedRoute();
    return matched === undefined || matched.kind === 'unknown-host' ? undefined : matched.virtualHost;
  }

  routeCluster(): string {
    const action = this.route()?.action;
    if (action?.kind !== 'forward') return '';
    const { clusterHeader } = action;
    return clusterHeader === undefined ? this.routeTarget(action).name : (headerValue(this.head, clusterHeader) ?? '');
  }

  overrides(filterName: string): readonly FilterOverride[] | undefined {
    const route = this.route();
    if (route === undefined) return this.virtualHost()?.overrides?.get(filterName);
    const own = route.action.kind === 'forward' ? this.routeTarget(route.action).overrides : undefined;
    return (own ?? route.overrides)?.get(filterName);
  }

  clearRouteCache(): void {
    this.#matched = undefined;
    this.#target = undefined;
  }

  matchedRoute(): RouteResult | undefined {
    const { routes, edge, random } = this.#scope;
    const { table } = routes;
    if (this.#matched !== undefined || table === undefined) return this.#matched;
    if (edge) for (const name of table.internalOnlyHeaders) this.head.headers.remove(name);
    this.#matched = matchRoute(table, this.head, table.hasShares ? random() : 0);
    return this.#matched;
  }

  routeTarget(action: ForwardAction): WeightedCluster {
    const { random } = this.#scope;
    this.#target ??= pickWeightedCluster(action, action.clusters.length === 1 ? 0 : random(), this.head);
    return this.#target;
  }

  resumeRequest(filter: Filter): void {
    if (!this.#over && !this.#replied) this.#request?.resume(filter);
  }

  resumeResponse(filter: Filter, maxBytes?: number): void {
    if (!this.#over) this.#response?.resume(filter, maxBytes);
  }

  reply(reply: LocalReply): void {
    if (this.#over || this.#replied) return;
    this.info.flags |= reply.flags;
    if (reply.reason !== '') this.info.reason = reply.reason;
    if (this.#responseStarted) {
      this.#writer.reset('local-reset');
      this.#finish();
      return;
    }
    this.#replied = true;
    this.#guard?.stop();
    const { head, body } = renderLocalReply(reply, this.head, this.info.requestId);
    this.info.grpcStatus = grpcStatusIn(head.headers);
    const responders = this.#request?.responders;
    this.#request?.close();
    // An answer in place of one that was in the filters already goes past them.
    if (responders === undefined || this.#response !== undefined) {
      this.#response?.close();
      this.onResponseHeadPassed(head, body.length === 0);
      if (body.length > 0) this.onResponseDataPassed(body, true);
      return;
    }
    this.info.endTime = this.#scope.clock.now();
    this.#call?.close();
    this.#call = undefined;
    this.#response = new ResponsePass(responders, this);
    this.#response.head(head, body.length === 0);
    if (body.length > 0) this.#response.data(body, true);
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
    this.#guard?.stop();
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

  onBodyAwaited(): void {
    if (!this.head.expectContinue) return;
    this.head.expectContinue = false;
    this.#writer.informational(continueHead());
  }

  onRequestHeld(): void {
    this.#holdBody();
  }

  onRequestReleased(): void {
    this.resumeRequestBody();
  }

  onResponseHeld(): void {
    this.#responseHeld = true;
    this.#call?.pauseResponse();
  }

  onResponseReleased(): void {
    this.#responseHeld = false;
    this.#call?.resumeResponse();
  }

  #holdBody(): void {
    this.bodyHeld = true;
    this.#guard?.excuse();
    this.#writer.pauseReading();
  }

  #finish(): void {
    // A codec that gives a stream up while its last bytes are written tells of it before it returns.
    if (this.#over) return;
    this.#over = true;
    const { info } = this;
    info.endTime = this.#scope.clock.now();
    this.#guard?.stop();
    this.#call?.close();
    this.#request?.close();
    this.#response?.close();
    if (this.#request !== undefined) for (const filter of this.#request.filters) filter.onDestroy?.();
    this.#scope.observer.onStreamEnd(info);
  }
}

function continueHead(): ResponseHead {
  return { status: 100, reason: '', headers: new Headers(), contentLength: undefined, upgrade: undefined };
}

function servesAuthority(servesHost: (host: string) => boolean, authority: string): boolean {
  return servesHost(authority.slice(0, splitPort(authority)));
}

function misdirected(authority: string): LocalReply {
  const message = `${authority} is not served on this connection, whose TLS server name is another one's`;
  return localReply('misdirected', { host: authority }, message);
}
