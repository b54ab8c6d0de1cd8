import type { RetryBudget } from '../balance/retry-budget.ts';
import type { Endpoint } from '../cluster/endpoint.ts';
import type { PriorityLoad } from '../cluster/priority-load.ts';
import type { LocalReply } from '../filters/filter.ts';
import type { StreamInfo } from '../observe/stream-info.ts';
import { setHost } from '../route/rewrite-host.ts';
import { Attempt, type AttemptFailure, type AttemptOwner } from './attempt.ts';
import { AttemptRace } from './attempt-race.ts';
import { CallBody } from './call-body.ts';
import { type CallHeaders, readCallHeaders } from './call-headers.ts';
import { type HardLimit, hardLimit, totalTimeoutMs, writeRemaining } from './call-limits.ts';
import type { CallTarget, UpstreamCallOwner } from './call-owner.ts';
import { recordAttempt, tellConnection, tellEndpoint } from './call-record.ts';
import { attemptCountHeader, dressReply, dressResponse } from './dress-response.ts';
import { grpcCodes, grpcStatusIn, isGrpcAnswer } from './grpc-status.ts';
import { isGrpc, type RequestHead, type ResponseHead } from './head.ts';
import type { Headers } from './headers.ts';
import { localReply } from './local-replies.ts';
import { type ResponseFlag, responseFlags } from './response-flags.ts';
import { isLongResponse, stripOwnHeaders, wantsEvents } from './response-rules.ts';
import { costNothing } from './retry-guard.ts';
import { RetryPlan } from './retry-plan.ts';
import { type Deadline, StreamDeadlines } from './stream-deadlines.ts';
import type { StreamScope } from './stream-scope.ts';
import {
  describeFailure,
  failureDetails,
  markOverload,
  noHealthyEndpoints,
  notGrpc,
  pastLimit,
  type TimeoutKind,
  timedOut,
} from './upstream-failures.ts';

/**
 * A request on its way to a cluster: attempts one after the other, or racing where the route hedges, until one is
 * answered or no more may be made.
 */
export class UpstreamCall implements AttemptOwner {
  readonly #scope: StreamScope;
  readonly #owner: UpstreamCallOwner;
  readonly #info: StreamInfo;
  readonly #target: CallTarget;
  readonly #head: RequestHead;
  readonly #said: CallHeaders;
  readonly #grpc: boolean;
  readonly #plan: RetryPlan;
  readonly #totalMs: number;
  readonly #limit: HardLimit | undefined;
  readonly #body: CallBody;
  readonly #deadlines: StreamDeadlines;
  readonly #race: AttemptRace;
  /** Held for the next attempt, which gives the share back when it is over. */
  #share: RetryBudget | undefined;
  /** A reused connection that was closed under us is replaced once, whatever the policy says. */
  #replaced = false;
  #responseStarted = false;
  #over = false;

  constructor(scope: StreamScope, owner: UpstreamCallOwner, target: CallTarget, head: RequestHead, end: boolean) {
    this.#scope = scope;
    this.#owner = owner;
    this.#info = owner.info;
    this.#target = target;
    this.#head = head;
    const { action } = target;
    const said = readCallHeaders(head);
    // They were meant for us.
    if (said.tuning !== undefined) for (const name of said.tuning.keys()) head.headers.remove(name);
    this.#said = said;
    this.#grpc = isGrpc(head);
    this.#plan = new RetryPlan(action.retry, head, said, this.#grpc);
    this.#totalMs = wantsEvents(head) ? 0 : totalTimeoutMs(action, said);
    this.#limit = hardLimit(action, said, scope.maxStreamDurationMs, owner.info.startTime);
    this.#race = new AttemptRace(owner.info);
    this.#body = new CallBody(owner, target.mirrors, end);
    if (head.upgrade !== undefined) this.#body.drop();
    this.#deadlines = new StreamDeadlines(scope.wheel, scope.clock, (deadline) => this.#onDeadline(deadline));
  }

  /** Makes the first attempt. Separate from the constructor, since the owner may be called back before it returns. */
  start(): void {
    const now = this.#scope.clock.now();
    if (this.#limit !== undefined) {
      if (now >= this.#limit.at) {
        this.#onLimit(this.#limit, now);
        return;
      }
      this.#deadlines.setHard(this.#limit.at, now);
    }
    this.#deadlines.setIdle(this.#idleMs, now);
    if (this.#body.ended) this.#deadlines.setRequest(this.#totalMs, now);
    this.#startAttempt(now, false);
  }

  onRequestData(chunk: Buffer, end: boolean): void {
    if (this.#over) return;
    if (end) this.#onRequestEnding();
    else this.#deadlines.touch();
    this.#body.onData(chunk, end, this.#race.current);
  }

  onRequestTrailers(trailers: Headers): void {
    if (this.#over) return;
    this.#onRequestEnding();
    this.#body.onTrailers(trailers, this.#race.current);
  }

  pauseResponse(): void {
    this.#race.current?.pauseReading();
  }

  resumeResponse(): void {
    this.#deadlines.touch();
    this.#race.current?.resumeReading();
  }

  /** The stream is over, in whatever way; what still runs upstream is given up. */
  close(): void {
    this.#over = true;
    this.#deadlines.stop();
    this.#share?.release();
    this.#share = undefined;
    this.#body.close();
    this.#race.close(this.#info.endTime);
  }

  onAttemptReady(attempt: Attempt): void {
    const now = this.#scope.clock.now();
    this.#info.upstreamReadyTime = now;
    tellConnection(this.#info, attempt.connection);
    const limit = this.#limit;
    if (limit !== undefined) {
      if (now >= limit.at) {
        this.#onLimit(limit, now);
        return;
      }
      writeRemaining(this.#head, this.#said, limit, now);
    }
    this.#body.sendTo(attempt, this.#head);
  }

  onAttemptInformational(attempt: Attempt, head: ResponseHead): void {
    // Of attempts that race only the answer of one is told.
    if (this.#race.racing) return;
    if (!attempt.fromMesh) stripOwnHeaders(head.headers);
    this.#owner.onUpstreamInformational(head);
  }

  onAttemptHead(attempt: Attempt, head: ResponseHead, end: boolean): void {
    const now = this.#scope.clock.now();
    attempt.headTime = now;
    if (this.#grpc) attempt.grpcStatus = grpcStatusIn(head.headers);
    const plan = this.#plan;
    if ((plan.open || this.#race.racing) && plan.mayRetryResponse(head, attempt.fromMesh)) {
      if (this.#race.discard(attempt, '', now)) return;
      const delay = plan.delayAfter(head, this.#scope.random(), this.#scope.clock.wallTime());
      if (delay !== undefined && this.#tryAgain(attempt, '', delay, now)) return;
    }
    this.#race.win(attempt, now);
    this.#info.upstreamFirstByteTime = now;
    this.#responseStarted = true;
    this.#body.drop();
    this.#deadlines.clearTry();
    if (plan.made > 0) recordAttempt(this.#info, attempt, '', now);
    if (this.#grpc) {
      if (!isGrpcAnswer(head)) {
        this.#responseStarted = false;
        this.#reply(notGrpc(head, this.#target.cluster, attempt.endpoint));
        return;
      }
      this.#info.grpcStatus = end ? (attempt.grpcStatus ?? grpcCodes.unknown) : attempt.grpcStatus;
    }
    if (head.upgrade !== undefined || isLongResponse(head)) this.#deadlines.clearRequest();
    if (!attempt.fromMesh) stripOwnHeaders(head.headers);
    dressResponse(head, this.#target, this.#head, this.#info);
    this.#owner.onUpstreamHead(head, end);
  }

  onAttemptData(_attempt: Attempt, chunk: Buffer, end: boolean): void {
    if (!end) this.#deadlines.touch();
    this.#owner.onUpstreamData(chunk, end);
  }

  onAttemptTrailers(attempt: Attempt, trailers: Headers): void {
    if (this.#grpc) {
      attempt.grpcStatus = grpcStatusIn(trailers) ?? grpcCodes.unknown;
      this.#info.grpcStatus = attempt.grpcStatus;
    }
    this.#owner.onUpstreamTrailers(trailers);
  }

  onAttemptWritable(): void {
    this.#deadlines.touch();
    this.#body.resume();
  }

  onAttemptFailed(attempt: Attempt, failure: AttemptFailure): void {
    const now = this.#scope.clock.now();
    const { cluster } = this.#target;
    if (this.#responseStarted) {
      attempt.settle('unanswered', now);
      this.#owner.onUpstreamAborted(responseFlags.UC.bit, 'upstream-reset');
      return;
    }
    const { reason, flag, message } = describeFailure(failure, cluster, attempt.endpoint);
    if (this.#race.discard(attempt, flag, now)) return;
    if (this.#replaceConnection(attempt, failure, now)) return;
    const plan = this.#plan;
    if (plan.mayRetryFailure(failure.kind)) {
      if (this.#tryAgain(attempt, flag, plan.delay(this.#scope.random()), now)) return;
    }
    attempt.settle(failure.kind === 'overflow' ? 'cancelled' : 'unanswered', now);
    recordAttempt(this.#info, attempt, flag, now);
    const reply = localReply(reason, failureDetails(cluster, attempt.endpoint), message, this.#retryFlag());
    this.#reply(failure.kind === 'overflow' ? markOverload(reply) : reply);
  }

  get #load(): PriorityLoad {
    return this.#target.cluster.loads[this.#target.action.priority];
  }

  get #idleMs(): number {
    return this.#target.action.idleTimeoutMs ?? this.#scope.streamIdleTimeoutMs;
  }

  #startAttempt(now: number, fresh: boolean): void {
    const { cluster, action, choice } = this.#target;
    if (this.#plan.made === 0 && !fresh) this.#load.retryBudget.onRequest();
    const endpoint = cluster.pick(this.#plan.tried, now, choice?.context);
    const pool = endpoint?.pools?.for(this.#head);
    if (endpoint === undefined || pool === undefined) {
      if (!this.#race.racing) this.#reply(noHealthyEndpoints(cluster, this.#retryFlag()));
      return;
    }
    this.#info.attemptCount = this.#plan.made + 1;
    tellEndpoint(this.#info, endpoint);
    if (action.attemptCountInRequest) this.#head.headers.set(attemptCountHeader, String(this.#info.attemptCount));
    if (action.hostRewrite?.kind === 'endpoint') this.#takeHostOf(endpoint);
    const load = this.#load;
    const active = load.activeRequests;
    cluster.onStart(endpoint, now);
    const attempt = new Attempt(cluster, load, endpoint, pool, this, now, this.#share);
    attempt.upgrades = this.#head.upgrade !== undefined;
    this.#share = undefined;
    this.#race.current = attempt;
    if (active >= load.thresholds.maxRequests) {
      attempt.onNoConnection({ kind: 'overflow', detail: `${active} requests are active already (maxRequests)` });
      return;
    }
    if (this.#body.ended) this.#limitTry(now);
    attempt.start(fresh);
  }

  #takeHostOf(endpoint: Endpoint): void {
    const { hostname } = endpoint.config;
    if (hostname !== undefined) setHost(this.#head, hostname, this.#target.action.appendForwardedHost);
  }

  #limitTry(now: number): void {
    this.#deadlines.setTry(this.#plan.tryTimeoutMs, this.#plan.policy.perTryIdleTimeoutMs, now);
  }

  #onRequestEnding(): void {
    if (this.#responseStarted) return;
    const now = this.#scope.clock.now();
    // The time-outs count from the end of the request: a slow upload is not the upstream's fault.
    this.#deadlines.setRequest(this.#totalMs, now);
    if (this.#race.current !== undefined) this.#limitTry(now);
  }

  #onDeadline(deadline: Deadline): void {
    const now = this.#scope.clock.now();
    switch (deadline) {
      case 'hard':
        if (this.#limit !== undefined) this.#onLimit(this.#limit, now);
        return;
      case 'request':
        this.#onTimeout('request-timeout', this.#totalMs, now);
        return;
      case 'try':
        this.#onTryTimeout('per-try-timeout', this.#plan.policy.perTryTimeoutMs, now);
        return;
      case 'try-idle':
        this.#onTryTimeout('per-try-idle', this.#plan.policy.perTryIdleTimeoutMs, now);
        return;
      case 'backoff':
        this.#startAttempt(now, false);
        return;
      case 'idle':
        this.#onTimeout(this.#body.ended || this.#responseStarted ? 'stream-idle' : 'request-idle', this.#idleMs, now);
    }
  }

  #onTryTimeout(kind: 'per-try-timeout' | 'per-try-idle', ms: number, now: number): void {
    const attempt = this.#race.current;
    if (attempt === undefined) return;
    const plan = this.#plan;
    if (!this.#responseStarted) {
      if (kind === 'per-try-timeout' && plan.hedges) {
        this.#hedge(attempt, now);
        return;
      }
      if (plan.mayRetryFailure('timeout')) {
        if (this.#tryAgain(attempt, 'UT', plan.delay(this.#scope.random()), now)) return;
      }
    }
    this.#onTimeout(kind, ms, now);
  }

  #onTimeout(kind: TimeoutKind, ms: number, now: number): void {
    const { cluster, route } = this.#target;
    this.#giveUp(timedOut(kind, ms, route.name, cluster, this.#race.current?.endpoint), kind !== 'request-idle', now);
  }

  #onLimit(limit: HardLimit, now: number): void {
    const { cluster, route } = this.#target;
    this.#giveUp(pastLimit(limit, route.name, cluster, this.#race.current?.endpoint), true, now);
  }

  /** Time is up. `upstreamLate`: it was the upstream that was waited for. */
  #giveUp(reply: LocalReply, upstreamLate: boolean, now: number): void {
    const attempt = this.#race.current;
    if (this.#responseStarted) {
      this.#owner.onUpstreamAborted(reply.flags, reply.reason);
      return;
    }
    if (attempt !== undefined) {
      attempt.settle(upstreamLate ? 'unanswered' : 'cancelled', now);
      recordAttempt(this.#info, attempt, (reply.flags & responseFlags.SI.bit) === 0 ? 'UT' : 'SI', now);
    }
    this.#reply({ ...reply, flags: reply.flags | this.#retryFlag() });
  }

  #replaceConnection(attempt: Attempt, failure: AttemptFailure, now: number): boolean {
    // What asks to switch protocols has no body before it is answered.
    const complete = this.#body.complete || this.#head.upgrade !== undefined;
    if (this.#replaced || !complete || !costNothing(attempt, failure, this.#plan.idempotent)) return false;
    this.#replaced = true;
    if (failure.kind === 'refused') this.#plan.avoid(attempt.endpoint);
    attempt.settle('cancelled', now);
    this.#race.current = undefined;
    this.#startAttempt(now, true);
    return true;
  }

  /** Plans the next attempt after `attempt`, if there may be one. `flag` tells how it failed; empty when it was answered. */
  #tryAgain(attempt: Attempt, flag: ResponseFlag | '', delayMs: number, now: number): boolean {
    if (!this.#mayTakeRetry(delayMs, now)) return false;
    attempt.settle(flag === '' ? 'answered' : 'unanswered', now);
    recordAttempt(this.#info, attempt, flag, now);
    this.#race.current = undefined;
    attempt.cancel();
    this.#plan.take(attempt.endpoint, this.#head);
    this.#deadlines.clearTry();
    this.#deadlines.clearTryIdle();
    this.#deadlines.setBackoff(delayMs, now);
    return true;
  }

  /** Sends the request a second time while the first try still runs; whichever answers first wins. */
  #hedge(attempt: Attempt, now: number): void {
    // Without room for another one, this one may take the time that the request has.
    if (!this.#mayTakeRetry(0, now)) return;
    this.#race.outpace(attempt);
    this.#plan.take(attempt.endpoint, this.#head);
    this.#startAttempt(now, false);
    // Where no endpoint was left for it, nothing races.
    if (this.#share === undefined) return;
    this.#race.rejoin(attempt);
    this.#share.release();
    this.#share = undefined;
  }

  /** Takes a share of the budget. A wait that outlasts the request is not begun. */
  #mayTakeRetry(delayMs: number, now: number): boolean {
    const { activeRequests, retryBudget } = this.#load;
    if (!this.#plan.open || !this.#body.complete) return false;
    if (now + delayMs >= this.#deadlines.end) return false;
    if (!retryBudget.tryAcquire(activeRequests, now)) return false;
    this.#share = retryBudget;
    return true;
  }

  #reply(reply: LocalReply): void {
    const { action, target } = this.#target;
    this.#owner.reply(dressReply(reply, action, target, this.#head, this.#info));
  }

  /** With a retry spent, a final failure tells so. */
  #retryFlag(): number {
    return this.#plan.made > 0 ? responseFlags.URX.bit : 0;
  }
}
