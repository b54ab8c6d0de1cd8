import type { RetryBudget } from '../balance/retry-budget.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { Endpoint } from '../cluster/endpoint.ts';
import type { ConnectionWaiter, HttpPool, PoolFailure } from '../cluster/http-pool.ts';
import type { PriorityLoad } from '../cluster/priority-load.ts';
import type { UpstreamConnection } from '../cluster/upstream-connection.ts';
import type { BodyWriter, ResetReason, ResponseReceiver } from './codec.ts';
import { httpFromGrpc } from './grpc-status.ts';
import type { RequestHead, ResponseHead } from './head.ts';
import type { Headers } from './headers.ts';

/** What an attempt tells the router. After `onAttemptFailed` nothing more is told. */
export interface AttemptOwner {
  /** The request may be sent now. */
  onAttemptReady(attempt: Attempt): void;
  onAttemptInformational(attempt: Attempt, head: ResponseHead): void;
  onAttemptHead(attempt: Attempt, head: ResponseHead, end: boolean): void;
  onAttemptData(attempt: Attempt, chunk: Buffer, end: boolean): void;
  onAttemptTrailers(attempt: Attempt, trailers: Headers): void;
  onAttemptWritable(): void;
  onAttemptFailed(attempt: Attempt, failure: AttemptFailure): void;
}

export interface AttemptFailure {
  kind: PoolFailure['kind'] | ResetReason;
  detail: string;
}

/** One try to have a request answered by one endpoint: waits for a connection, sends, receives. */
export class Attempt implements ConnectionWaiter, ResponseReceiver {
  readonly cluster: Cluster;
  readonly endpoint: Endpoint;
  readonly load: PriorityLoad;
  /** When it began, of the monotonic clock. */
  readonly startTime: number;
  /** The cluster's budget, of which a retry holds a share; `undefined` for a first try. */
  readonly #budget: RetryBudget | undefined;
  /** The request asks to switch protocols. */
  upgrades = false;
  /** `undefined` until there is one. */
  connection: UpstreamConnection | undefined;
  /** The connection had carried requests before. */
  reused = false;
  /** 0 until a response head arrived. */
  status = 0;
  /** When it arrived, of the monotonic clock. */
  headTime = 0;
  /** Of a gRPC answer, once it is known. */
  grpcStatus: number | undefined;
  responseEnded = false;
  readonly #owner: AttemptOwner;
  readonly #pool: HttpPool;
  #writer: BodyWriter | undefined;
  #requestEnded = false;
  #over = false;
  #settled = false;

  /** Counts as active until it is settled. */
  constructor(
    cluster: Cluster,
    load: PriorityLoad,
    endpoint: Endpoint,
    pool: HttpPool,
    owner: AttemptOwner,
    startTime: number,
    budget: RetryBudget | undefined,
  ) {
    this.cluster = cluster;
    this.load = load;
    load.activeRequests++;
    this.endpoint = endpoint;
    this.startTime = startTime;
    this.#budget = budget;
    this.#pool = pool;
    this.#owner = owner;
  }

  /** Asks for a connection; may call back before it returns. */
  start(fresh: boolean): void {
    this.#pool.acquire(this, fresh, this.startTime);
  }

  /** The endpoint proved an identity of the mesh: it is a proxy of ours that answers. */
  get fromMesh(): boolean {
    return this.connection !== undefined && this.connection.peer !== '';
  }

  get ready(): boolean {
    return this.connection !== undefined;
  }

  sendHead(head: RequestHead, end: boolean): void {
    if (this.connection === undefined) return;
    this.#requestEnded = end;
    this.#writer = this.connection.codec.open(head, end, this);
  }

  /** Returns false when the owner should wait for `onAttemptWritable`. */
  sendData(chunk: Buffer, end: boolean): boolean {
    this.#requestEnded ||= end;
    return this.#writer?.data(chunk, end) ?? true;
  }

  sendTrailers(trailers: Headers): void {
    this.#requestEnded = true;
    this.#writer?.trailers(trailers);
  }

  pauseReading(): void {
    this.#writer?.pauseReading();
  }

  resumeReading(): void {
    this.#writer?.resumeReading();
  }

  /** Gives up; nothing more is told. A response that came before the request was sent whole ends its connection too. */
  cancel(): void {
    if (this.#over && (this.#requestEnded || !this.responseEnded)) return;
    this.#over = true;
    if (this.connection === undefined) this.#pool.cancel(this);
    else this.#writer?.reset('local-reset');
  }

  /**
   * Tells the cluster how it went: `unanswered` is a failure of the endpoint, `cancelled` says nothing about it, and
   * `answered` counts by the status. Only the first call counts.
   */
  settle(outcome: 'answered' | 'unanswered' | 'cancelled', now: number): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#budget?.release();
    this.load.activeRequests--;
    if (outcome === 'cancelled') this.cluster.onCancel(this.endpoint);
    else if (outcome === 'unanswered') this.cluster.onResult(this.endpoint, now - this.startTime, true, now);
    else {
      const status = this.#effectiveStatus;
      this.cluster.onResult(this.endpoint, this.headTime - this.startTime, status >= 500, now, status);
    }
  }

  onConnection(connection: UpstreamConnection, reused: boolean): void {
    this.connection = connection;
    this.reused = reused;
    this.#owner.onAttemptReady(this);
  }

  onNoConnection(failure: PoolFailure): void {
    this.#fail(failure);
  }

  onInformational(head: ResponseHead): void {
    if (!this.#over) this.#owner.onAttemptInformational(this, head);
  }

  onHead(head: ResponseHead, end: boolean): void {
    if (this.#over) return;
    this.status = head.status;
    this.cluster.onResponseHead(this.endpoint, head);
    if (end) this.#endResponse();
    this.#owner.onAttemptHead(this, head, end);
  }

  onData(chunk: Buffer, end: boolean): void {
    if (this.#over) return;
    if (end) this.#endResponse();
    this.#owner.onAttemptData(this, chunk, end);
  }

  onTrailers(trailers: Headers): void {
    if (this.#over) return;
    this.#endResponse();
    this.#owner.onAttemptTrailers(this, trailers);
  }

  onReset(reason: ResetReason, detail: string): void {
    if (this.reused && this.status === 0 && this.connection !== undefined && reason !== 'protocol-error') {
      this.#pool.onReuseFailed(this.connection, this.startTime);
    }
    this.#fail({ kind: reason, detail });
  }

  onWritable(): void {
    if (!this.#over) this.#owner.onAttemptWritable();
  }

  /** A gRPC answer counts by its own status. */
  get #effectiveStatus(): number {
    return this.grpcStatus === undefined || this.status !== 200 ? this.status : httpFromGrpc(this.grpcStatus);
  }

  #endResponse(): void {
    this.responseEnded = true;
    this.#over = true;
  }

  #fail(failure: AttemptFailure): void {
    if (this.#over) return;
    this.#over = true;
    this.#owner.onAttemptFailed(this, failure);
  }
}
