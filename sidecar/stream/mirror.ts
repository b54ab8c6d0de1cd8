import type { Cluster } from '../cluster/cluster.ts';
import { splitPort } from '../route/split-port.ts';
import { Attempt, type AttemptOwner } from './attempt.ts';
import type { RequestHead, ResponseHead } from './head.ts';
import type { Headers } from './headers.ts';
import { replayLimit } from './replay-buffer.ts';
import { StreamDeadlines } from './stream-deadlines.ts';
import type { StreamScope } from './stream-scope.ts';

/** A mirrored request whose upstream says nothing is given up after this time. Milliseconds. */
const defaultTimeoutMs = 15_000;

/**
 * A copy of a request on its way to another cluster. Nobody waits for it: its answer is dropped, what goes wrong is not
 * told, and it is given up rather than letting more than {@link replayLimit} bytes of its body wait.
 */
export class Mirror implements AttemptOwner {
  readonly #scope: StreamScope;
  readonly #head: RequestHead;
  readonly #deadlines: StreamDeadlines;
  #attempt: Attempt | undefined;
  /** What arrived before there was a connection. */
  #waiting: { chunk: Buffer; end: boolean }[] = [];
  #trailers: Headers | undefined;
  /** Bytes that were sent while the socket was full, or wait for a connection. */
  #unsentBytes = 0;
  #full = false;
  #requestEnded: boolean;

  constructor(scope: StreamScope, head: RequestHead, requestEnded: boolean) {
    this.#scope = scope;
    this.#head = head;
    this.#requestEnded = requestEnded;
    this.#deadlines = new StreamDeadlines(scope.wheel, scope.clock, () => this.#end('unanswered'));
  }

  /** Returns false when the cluster has no endpoint or no room for it. */
  start(cluster: Cluster, timeoutMs: number): boolean {
    const now = this.#scope.clock.now();
    const endpoint = cluster.pick([], now);
    const pool = endpoint?.pools?.for(this.#head);
    if (endpoint === undefined || pool === undefined) return false;
    const load = cluster.loads.default;
    if (load.activeRequests >= load.thresholds.maxRequests) return false;
    cluster.onStart(endpoint, now);
    this.#attempt = new Attempt(cluster, load, endpoint, pool, this, now, undefined);
    this.#deadlines.setIdle(timeoutMs > 0 ? timeoutMs : defaultTimeoutMs, now);
    this.#attempt.start(false);
    return true;
  }

  onRequestData(original: Buffer, end: boolean): void {
    const attempt = this.#attempt;
    if (attempt === undefined) return;
    // The original goes to its own upstream, and only one of them could keep it.
    const chunk = Buffer.from(original);
    this.#requestEnded ||= end;
    if (!attempt.ready) this.#waiting.push({ chunk, end });
    else if (!attempt.sendData(chunk, end)) this.#full = true;
    if (attempt.ready && !this.#full) return;
    this.#unsentBytes += chunk.length;
    if (this.#unsentBytes > replayLimit) this.#end('cancelled');
  }

  onRequestTrailers(trailers: Headers): void {
    this.#requestEnded = true;
    if (this.#attempt?.ready === true) this.#attempt.sendTrailers(trailers);
    else this.#trailers = trailers;
  }

  /** The original is over. A copy that has the whole request goes on by itself. */
  onOriginalEnded(): void {
    if (!this.#requestEnded) this.#end('cancelled');
  }

  onAttemptReady(attempt: Attempt): void {
    const last = this.#waiting.length - 1;
    attempt.sendHead(this.#head, this.#requestEnded && last < 0 && this.#trailers === undefined);
    for (const { chunk, end } of this.#waiting) if (!attempt.sendData(chunk, end)) this.#full = true;
    this.#waiting = [];
    if (!this.#full) this.#unsentBytes = 0;
    if (this.#trailers !== undefined) attempt.sendTrailers(this.#trailers);
  }

  onAttemptInformational(): void {}

  onAttemptHead(attempt: Attempt, _head: ResponseHead, end: boolean): void {
    attempt.headTime = this.#scope.clock.now();
    this.#deadlines.touch();
    if (end) this.#end('answered');
  }

  onAttemptData(_attempt: Attempt, _chunk: Buffer, end: boolean): void {
    this.#deadlines.touch();
    if (end) this.#end('answered');
  }

  onAttemptTrailers(): void {
    this.#end('answered');
  }

  onAttemptWritable(): void {
    this.#full = false;
    this.#unsentBytes = 0;
  }

  onAttemptFailed(_attempt: Attempt, failure: { kind: string }): void {
    this.#end(failure.kind === 'overflow' ? 'cancelled' : 'unanswered');
  }

  #end(outcome: 'answered' | 'unanswered' | 'cancelled'): void {
    const attempt = this.#attempt;
    if (attempt === undefined) return;
    this.#attempt = undefined;
    this.#waiting = [];
    this.#deadlines.stop();
    attempt.settle(outcome, this.#scope.clock.now());
    attempt.cancel();
  }
}

/** `host-shadow[:port]`, by which the application may tell a copy. */
export function shadowHost(authority: string): string {
  const portAt = splitPort(authority);
  return `${authority.slice(0, portAt)}-shadow${authority.slice(portAt)}`;
}
