import type { StreamInfo } from '../observe/stream-info.ts';
import type { Attempt } from './attempt.ts';
import { recordAttempt, tellConnection, tellEndpoint } from './call-record.ts';
import type { ResponseFlag } from './response-flags.ts';

/**
 * The attempts of one request that run now: nearly always one, and with hedging those beside it that were slower than
 * a try may be.
 */
export class AttemptRace {
  readonly #info: StreamInfo;
  /** The newest one; `undefined` between attempts. */
  current: Attempt | undefined;
  #slower: Attempt[] | undefined;

  constructor(info: StreamInfo) {
    this.#info = info;
  }

  /** More than one runs, or the newest has yet to begin beside slower ones. */
  get racing(): boolean {
    return this.#slower !== undefined;
  }

  /** The current one goes on beside the next. */
  outpace(attempt: Attempt): void {
    this.#slower ??= [];
    this.#slower.push(attempt);
  }

  /** Nothing came of the next: the current one runs alone, or as before. */
  rejoin(attempt: Attempt): void {
    this.#slower = without(this.#slower, attempt);
    this.current = attempt;
  }

  /**
   * Leaves an attempt that came to nothing while others run; returns false when it is the only one. `flag` tells how it
   * failed; empty when it was answered. What our own limits forbade says nothing about the endpoint.
   */
  discard(attempt: Attempt, flag: ResponseFlag | '', now: number): boolean {
    if (this.#slower === undefined) return false;
    if (attempt === this.current) this.current = this.#slower.pop();
    this.#slower = without(this.#slower, attempt);
    attempt.settle(flag === '' ? 'answered' : flag === 'UO' ? 'cancelled' : 'unanswered', now);
    recordAttempt(this.#info, attempt, flag, now);
    attempt.cancel();
    return true;
  }

  /** This attempt's answer is the one; the others are reset. */
  win(attempt: Attempt, now: number): void {
    if (this.#slower === undefined) return;
    const { current } = this;
    if (current !== undefined && current !== attempt) {
      current.settle('cancelled', now);
      recordAttempt(this.#info, current, '', now);
      current.cancel();
    }
    this.#slower = without(this.#slower, attempt);
    this.#endSlower(now);
    this.current = attempt;
    tellEndpoint(this.#info, attempt.endpoint);
    tellConnection(this.#info, attempt.connection);
  }

  /** The stream is over; what still runs is given up. */
  close(now: number): void {
    this.#endSlower(now);
    const { current } = this;
    this.current = undefined;
    if (current === undefined) return;
    current.settle(current.status > 0 ? 'answered' : 'cancelled', now);
    current.cancel();
  }

  #endSlower(now: number): void {
    const slower = this.#slower;
    if (slower === undefined) return;
    this.#slower = undefined;
    for (const attempt of slower) {
      attempt.settle('unanswered', now);
      recordAttempt(this.#info, attempt, 'UT', now);
      attempt.cancel();
    }
  }
}

function without(attempts: readonly Attempt[] | undefined, attempt: Attempt): Attempt[] | undefined {
  const rest = attempts?.filter((other) => other !== attempt) ?? [];
  return rest.length === 0 ? undefined : rest;
}
