import { highWatermark } from '../net/transport.ts';
import type { Attempt } from './attempt.ts';
import type { RequestHead } from './head.ts';
import type { Headers } from './headers.ts';
import type { Mirrors } from './mirrors.ts';
import { ReplayBuffer, replayLimit } from './replay-buffer.ts';

/** Who reads the request from the client. */
export interface BodySource {
  pauseRequestBody(): void;
  resumeRequestBody(): void;
}

/** The body of a request on its way to its attempts: sent on, kept for a further attempt, and paused where it must wait. */
export class CallBody {
  readonly #source: BodySource;
  readonly #mirrors: Mirrors | undefined;
  readonly #kept = new ReplayBuffer();
  #paused = false;

  constructor(source: BodySource, mirrors: Mirrors | undefined, ended: boolean) {
    this.#source = source;
    this.#mirrors = mirrors;
    this.#kept.ended = ended;
  }

  /** All of it has arrived. */
  get ended(): boolean {
    return this.#kept.ended;
  }

  /** A further attempt could send all of what has arrived. */
  get complete(): boolean {
    return this.#kept.complete;
  }

  /** No further attempt will be made. */
  drop(): void {
    this.#kept.drop();
  }

  /** The stream is over. */
  close(): void {
    this.#mirrors?.onOriginalEnded();
  }

  onData(chunk: Buffer, end: boolean, attempt: Attempt | undefined): void {
    const kept = this.#kept;
    const ready = attempt?.ready === true;
    if (kept.complete) {
      kept.push(chunk);
      if (ready && kept.bytes > replayLimit) kept.drop();
    }
    kept.ended ||= end;
    if (this.#mirrors !== undefined) this.#mirrors.onRequestData(chunk, end);
    if (ready) {
      if (!attempt.sendData(chunk, end)) this.#pause();
    } else if (kept.bytes > highWatermark) {
      this.#pause();
    }
  }

  onTrailers(trailers: Headers, attempt: Attempt | undefined): void {
    this.#kept.trailers = trailers;
    this.#kept.ended = true;
    this.#mirrors?.onRequestTrailers(trailers);
    if (attempt?.ready === true) attempt.sendTrailers(trailers);
  }

  /** The head, and what has arrived so far. */
  sendTo(attempt: Attempt, head: RequestHead): void {
    const kept = this.#kept;
    const { chunks, ended, trailers } = kept;
    if (ended && chunks.length === 0 && trailers === undefined) {
      attempt.sendHead(head, true);
      return;
    }
    attempt.sendHead(head, false);
    const last = ended && trailers === undefined ? chunks.length - 1 : -1;
    let room = true;
    for (let i = 0; i < chunks.length; i++) room = attempt.sendData(chunks[i] as Buffer, i === last);
    if (trailers !== undefined) attempt.sendTrailers(trailers);
    if (kept.bytes > replayLimit) kept.drop();
    if (room) this.resume();
    else this.#pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#source.resumeRequestBody();
  }

  #pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#source.pauseRequestBody();
  }
}
