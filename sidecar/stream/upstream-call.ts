import type { Cluster } from '../cluster/cluster.ts';
import type { Endpoint } from '../cluster/endpoint.ts';
import type { LocalReply } from '../filters/filter.ts';
import { highWatermark } from '../net/transport.ts';
import type { StreamInfo } from '../observe/stream-info.ts';
import { applyHeaderMutation } from '../route/mutate.ts';
import { setHost } from '../route/rewrite-host.ts';
import type { ForwardAction, Route, WeightedCluster } from '../route/route-table.ts';
import { Attempt, type AttemptFailure, type AttemptOwner } from './attempt.ts';
import type { EndpointChoice } from './endpoint-choice.ts';
import type { RequestHead, ResponseHead } from './head.ts';
import type { Headers } from './headers.ts';
import { localReply } from './local-replies.ts';
import { ReplayBuffer, replayLimit } from './replay-buffer.ts';
import { type ResponseFlag, responseFlags } from './response-flags.ts';
import { isEventStream, stripOwnHeaders } from './response-rules.ts';
import { attemptHeader, isIdempotent, mayRetryFailure, mayRetryStatus, retryDelay } from './retry-guard.ts';
import { type Deadline, StreamDeadlines } from './stream-deadlines.ts';
import type { StreamScope } from './stream-scope.ts';
import { describeFailure, describeTimeout, failureDetails, noHealthyEndpoints } from './upstream-failures.ts';

/** The stream that a call is made for. After `reply`, an end or `onUpstreamAborted` nothing more is told. */
export interface UpstreamCallOwner {
  readonly info: StreamInfo;
  onUpstreamInformational(head: ResponseHead): void;
  onUpstreamHead(head: ResponseHead, end: boolean): void;
  onUpstreamData(chunk: Buffer, end: boolean): void;
  onUpstreamTrailers(trailers: Headers): void;
  /** The response stopped before it was complete. */
  onUpstreamAborted(flags: number, reason: string): void;
  reply(reply: LocalReply): void;
  /** Stops and restarts the reading of the request's body. */
  pauseRequestBody(): void;
  resumeRequestBody(): void;
}

export interface CallTarget {
  readonly route: Route;
  readonly action: ForwardAction;
  readonly target: WeightedCluster;
  readonly cluster: Cluster;
  /** Which endpoints it may go to; `undefined` for any. */
  readonly choice: EndpointChoice | undefined;
}

const attemptCountHeader = 'x-envoy-attempt-count';
const noneTried: readonly Endpoint[] = [];

/** A request on its way to a cluster: attempts one after the other, until one is answered or no more may be made. */
export class UpstreamCall implements AttemptOwner {
  readonly #scope: StreamScope;
  readonly #owner: UpstreamCallOwner;
  readonly #info: StreamInfo;
  readonly #target: CallTarget;
  readonly #head: RequestHead;
  readonly #idempotent: boolean;
  readonly #body = new ReplayBuffer();
  readonly #deadlines: StreamDeadlines;
  #attempt: Attempt | undefined;
  #tried: Endpoint[] | undefined;
  #retriesLeft: number;
  #retries = 0;
  /** A reused connection that was closed under us is replaced once, whatever the policy says. */
  #replaced = false;
  #bodyPaused = false;
  #responseStarted = false;
  #over = false;

  constructor(scope: StreamScope, owner: UpstreamCallOwner, target: CallTarget, head: RequestHead, end: boolean) {
    this.#scope = scope;
    this.#owner = owner;
    this.#info = owner.info;
    this.#target = target;
    this.#head = head;
    this.#idempotent = isIdempotent(head);
    this.#body.ended = end;
    if (head.upgrade !== undefined) this.#body.drop();
    // The outermost proxy retries; the others see its mark and leave it to that one.
    this.#retriesLeft =
      head.headers.has(attemptHeader) || head.upgrade !== undefined ? 0 : target.action.retry.attempts;
    if (this.#retriesLeft > 0) head.headers.appendRaw(attemptHeader, attemptHeader, '1');
    this.#deadlines = new StreamDeadlines(scope.wheel, scope.clock, (deadline) => this.#onDeadline(deadline));
  }

  /** Makes the first attempt. Separate from the constructor, since the owner may be called back before it returns. */
  start(): void {
    const { action } = this.#target;
    const now = this.#info.startTime;
    this.#deadlines.setIdle(action.idleTimeoutMs, now);
    if (this.#body.ended) this.#deadlines.setRequest(action.timeoutMs, now);
    this.#startAttempt(now, false, false);
  }

  onRequestData(chunk: Buffer, end: boolean): void {
    if (this.#over) return;
    const attempt = this.#attempt;
    const ready = attempt?.ready === true;
    if (this.#body.complete) {
      this.#body.push(chunk);
      if (ready && this.#body.bytes > replayLimit) this.#body.drop();
    }
    if (end) this.#onRequestEnded();
    else this.#deadlines.touch();
    if (ready) {
      if (!attempt.sendData(chunk, end)) this.#pauseBody();
    } else if (this.#body.bytes > highWatermark) {
      this.#pauseBody();
    }
  }

  onRequestTrailers(trailers: Headers): void {
    if (this.#over) return;
    this.#body.trailers = trailers;
    this.#onRequestEnded();
    if (this.#attempt?.ready === true) this.#attempt.sendTrailers(trailers);
  }

  pauseResponse(): void {
    this.#attempt?.pauseReading();
  }

  resumeResponse(): void {
    this.#deadlines.touch();
    this.#attempt?.resumeReading();
  }

  /** The stream is over, in whatever way; what still runs upstream is given up. */
  close(): void {
    this.#over = true;
    this.#deadlines.stop();
    const attempt = this.#attempt;
    this.#attempt = undefined;
    if (attempt === undefined) return;
    attempt.settle(attempt.status > 0 ? 'answered' : 'cancelled', this.#info.endTime);
    attempt.cancel();
  }

  onAttemptReady(attempt: Attempt): void {
    this.#info.upstreamReadyTime = this.#scope.clock.now();
    this.#info.upstreamPeer = attempt.connection?.peer ?? '';
    const { chunks, ended, trailers } = this.#body;
    if (ended && chunks.length === 0 && trailers === undefined) {
      attempt.sendHead(this.#head, true);
      return;
    }
    attempt.sendHead(this.#head, false);
    const last = ended && trailers === undefined ? chunks.length - 1 : -1;
    let room = true;
    for (let i = 0; i < chunks.length; i++) room = attempt.sendData(chunks[i] as Buffer, i === last);
    if (trailers !== undefined) attempt.sendTrailers(trailers);
    if (this.#body.bytes > replayLimit) this.#body.drop();
    if (room) this.#resumeBody();
    else this.#pauseBody();
  }

  onAttemptInformational(attempt: Attempt, head: ResponseHead): void {
    if (!attempt.endpoint.config.tls) stripOwnHeaders(head.headers);
    this.#owner.onUpstreamInformational(head);
  }

  onAttemptHead(attempt: Attempt, head: ResponseHead, end: boolean): void {
    const now = this.#scope.clock.now();
    attempt.headTime = now;
    const { action, target, choice } = this.#target;
    if (mayRetryStatus(action.retry, head.status, this.#idempotent) && this.#tryAgain(attempt, '', now)) return;
    this.#info.upstreamFirstByteTime = now;
    this.#responseStarted = true;
    this.#body.drop();
    this.#deadlines.clearTry();
    if (head.upgrade !== undefined || isEventStream(head)) this.#deadlines.clearRequest();
    if (!attempt.endpoint.config.tls) stripOwnHeaders(head.headers);
    applyHeaderMutation(head.headers, target.responseHeaders, this.#info, this.#head, head);
    if (choice?.setCookie !== undefined) head.headers.append('set-cookie', choice.setCookie);
    if (action.attemptCountInResponse) head.headers.set(attemptCountHeader, String(this.#info.attemptCount));
    if (this.#retries > 0) this.#recordAttempt(attempt, '', now);
    this.#owner.onUpstreamHead(head, end);
  }

  onAttemptData(_attempt: Attempt, chunk: Buffer, end: boolean): void {
    if (!end) this.#deadlines.touch();
    this.#owner.onUpstreamData(chunk, end);
  }

  onAttemptTrailers(_attempt: Attempt, trailers: Headers): void {
    this.#owner.onUpstreamTrailers(trailers);
  }

  onAttemptWritable(): void {
    this.#deadlines.touch();
    this.#resumeBody();
  }

  onAttemptFailed(attempt: Attempt, failure: AttemptFailure): void {
    const now = this.#scope.clock.now();
    const { cluster, action } = this.#target;
    if (this.#responseStarted) {
      attempt.settle('unanswered', now);
      this.#owner.onUpstreamAborted(responseFlags.UC.bit, 'upstream-reset');
      return;
    }
    if (this.#replaceConnection(attempt, failure, now)) return;
    const { reason, flag, message } = describeFailure(failure, cluster, attempt.endpoint);
    if (mayRetryFailure(action.retry, failure.kind, this.#idempotent) && this.#tryAgain(attempt, flag, now)) return;
    attempt.settle(failure.kind === 'overflow' ? 'cancelled' : 'unanswered', now);
    this.#recordAttempt(attempt, flag, now);
    this.#owner.reply(localReply(reason, failureDetails(cluster, attempt.endpoint), message, this.#retryFlag()));
  }

  #startAttempt(now: number, isRetry: boolean, fresh: boolean): void {
    const { cluster, action, choice } = this.#target;
    const info = this.#info;
    const endpoint = cluster.pick(this.#tried ?? noneTried, now, choice?.context);
    const pool = endpoint?.pools?.for(this.#head);
    if (endpoint === undefined || pool === undefined) {
      if (isRetry) cluster.retryBudget.release();
      this.#owner.reply(noHealthyEndpoints(cluster, this.#retryFlag()));
      return;
    }
    info.attemptCount = this.#retries + 1;
    info.upstreamAddress = endpoint.address;
    info.upstreamWorkload = endpoint.config.workload;
    info.upstreamTls = endpoint.config.tls;
    if (action.attemptCountInRequest) this.#head.headers.set(attemptCountHeader, String(info.attemptCount));
    if (action.hostRewrite?.kind === 'endpoint') this.#takeHostOf(endpoint);
    const active = cluster.activeRequests;
    cluster.onStart(endpoint, now);
    const attempt = new Attempt(cluster, endpoint, pool, this, now, isRetry ? cluster.retryBudget : undefined);
    this.#attempt = attempt;
    if (active >= cluster.config.breakers.maxRequests) {
      attempt.onNoConnection({ kind: 'overflow', detail: `${active} requests are active already (maxRequests)` });
      return;
    }
    if (this.#body.ended) this.#deadlines.setTry(action.retry.perTryTimeoutMs, now);
    attempt.start(fresh);
  }

  #takeHostOf(endpoint: Endpoint): void {
    const { hostname } = endpoint.config;
    if (hostname !== undefined) setHost(this.#head, hostname, this.#target.action.appendForwardedHost);
  }

  #onRequestEnded(): void {
    this.#body.ended = true;
    if (this.#responseStarted) return;
    const { action } = this.#target;
    const now = this.#scope.clock.now();
    // The time-outs count from the end of the request: a slow upload is not the upstream's fault.
    this.#deadlines.setRequest(action.timeoutMs, now);
    if (this.#attempt !== undefined) this.#deadlines.setTry(action.retry.perTryTimeoutMs, now);
  }

  #onDeadline(deadline: Deadline): void {
    const now = this.#scope.clock.now();
    if (deadline === 'backoff') this.#startAttempt(now, true, false);
    else if (deadline === 'try') this.#onTryTimeout(now);
    else if (deadline === 'request') this.#onTimeout('request-timeout', this.#target.action.timeoutMs, now);
    else if (this.#body.ended || this.#responseStarted)
      this.#onTimeout('stream-idle', this.#target.action.idleTimeoutMs, now);
    else this.#onTimeout('request-idle', this.#target.action.idleTimeoutMs, now);
  }

  #onTryTimeout(now: number): void {
    const attempt = this.#attempt;
    if (attempt === undefined) return;
    const { action } = this.#target;
    if (mayRetryFailure(action.retry, 'timeout', this.#idempotent) && this.#tryAgain(attempt, 'UT', now)) return;
    this.#onTimeout('per-try-timeout', action.retry.perTryTimeoutMs, now);
  }

  #onTimeout(
    kind: 'request-timeout' | 'per-try-timeout' | 'stream-idle' | 'request-idle',
    ms: number,
    now: number,
  ): void {
    const { cluster, route } = this.#target;
    const attempt = this.#attempt;
    const idle = kind === 'stream-idle' || kind === 'request-idle';
    if (attempt !== undefined && !this.#responseStarted) {
      attempt.settle(kind === 'request-idle' ? 'cancelled' : 'unanswered', now);
      this.#recordAttempt(attempt, idle ? 'SI' : 'UT', now);
    }
    if (this.#responseStarted) {
      this.#owner.onUpstreamAborted(idle ? responseFlags.SI.bit : responseFlags.UT.bit, kind);
      return;
    }
    const message = describeTimeout(kind, ms, route.name, cluster);
    const details = attempt === undefined ? {} : failureDetails(cluster, attempt.endpoint);
    this.#owner.reply(localReply(kind, details, message, this.#retryFlag()));
  }

  /** An idle connection that the endpoint closes just when a request is sent on it has cost nothing but time. */
  #replaceConnection(attempt: Attempt, failure: AttemptFailure, now: number): boolean {
    const { kind } = failure;
    const isRace = attempt.reused && (kind === 'refused' || (kind === 'remote-reset' && this.#idempotent));
    if (!isRace || this.#replaced || !this.#body.complete) return false;
    this.#replaced = true;
    attempt.settle('cancelled', now);
    this.#attempt = undefined;
    this.#startAttempt(now, false, true);
    return true;
  }

  /** Plans the next attempt after `attempt`, if there may be one. `flag` tells how it failed; empty when it was answered. */
  #tryAgain(attempt: Attempt, flag: ResponseFlag | '', now: number): boolean {
    const { cluster, action } = this.#target;
    if (this.#retriesLeft === 0 || !this.#body.complete) return false;
    if (!cluster.retryBudget.tryAcquire(cluster.activeRequests)) return false;
    attempt.settle(flag === '' ? 'answered' : 'unanswered', now);
    this.#recordAttempt(attempt, flag, now);
    this.#attempt = undefined;
    attempt.cancel();
    this.#retriesLeft--;
    this.#retries++;
    this.#tried ??= [];
    this.#tried.push(attempt.endpoint);
    this.#head.headers.set(attemptHeader, String(this.#retries + 1));
    this.#deadlines.clearTry();
    this.#deadlines.setBackoff(retryDelay(action.retry, this.#retries, this.#scope.random()), now);
    return true;
  }

  #recordAttempt(attempt: Attempt, flag: ResponseFlag | '', now: number): void {
    const { startTime } = this.#info;
    this.#info.attempts ??= [];
    this.#info.attempts.push({
      endpoint: attempt.endpoint.address,
      startMs: attempt.startTime - startTime,
      durationMs: now - attempt.startTime,
      status: attempt.status,
      failure: flag,
    });
  }

  /** With a retry spent, a final failure tells so. */
  #retryFlag(): number {
    return this.#retries > 0 ? responseFlags.URX.bit : 0;
  }

  #pauseBody(): void {
    if (this.#bodyPaused) return;
    this.#bodyPaused = true;
    this.#owner.pauseRequestBody();
  }

  #resumeBody(): void {
    if (!this.#bodyPaused) return;
    this.#bodyPaused = false;
    this.#owner.resumeRequestBody();
  }
}
