import type { Timer } from '../../lib/timer-wheel.ts';
import type { LocalReply } from '../filters/filter.ts';
import type { StreamInfo } from '../observe/stream-info.ts';
import { localReply } from './local-replies.ts';
import type { StreamScope } from './stream-scope.ts';

/** The stream whose request is watched. */
export interface GuardedStream {
  readonly info: StreamInfo;
  /** We, not the client, hold the body back. */
  readonly bodyHeld: boolean;
  reply(reply: LocalReply): void;
}

/** At the edge a body comes at no less than this on average (security.md L-08). */
const minBytesPerSecond = 240;
const edgeWindowMs = 60_000;

/**
 * Ends a request whose body comes too slowly: that has not come whole within `request_timeout`, or that brings too
 * little in a window of time. The upstream call watches idle time too, but only from when there is one.
 */
export class UploadGuard {
  readonly #scope: StreamScope;
  readonly #stream: GuardedStream;
  readonly #timer: Timer;
  readonly #windowMs: number;
  readonly #minBytes: number;
  #windowStart: number;
  #bytesBefore = 0;
  #excused = false;

  constructor(scope: StreamScope, stream: GuardedStream, watchRate: boolean) {
    this.#scope = scope;
    this.#stream = stream;
    this.#windowStart = stream.info.startTime;
    const { streamIdleTimeoutMs } = scope;
    const idleMs = streamIdleTimeoutMs > 0 ? streamIdleTimeoutMs : Number.POSITIVE_INFINITY;
    this.#windowMs = watchRate ? edgeWindowMs : idleMs;
    this.#minBytes = watchRate ? (minBytesPerSecond * edgeWindowMs) / 1_000 : 1;
    this.#timer = scope.wheel.timer(() => this.#check());
    this.#arm(stream.info.startTime);
  }

  /** The body was held back, which is not the client's fault. */
  excuse(): void {
    this.#excused = true;
  }

  /** The request is whole, or the stream is over. */
  stop(): void {
    this.#timer.stop();
  }

  #check(): void {
    const now = this.#scope.clock.now();
    const { info } = this.#stream;
    const { requestTimeoutMs } = this.#scope;
    if (requestTimeoutMs > 0 && now >= info.startTime + requestTimeoutMs) {
      const message = `the request was not complete after ${requestTimeoutMs} ms (request_timeout of the listener)`;
      this.#stream.reply(localReply('request-incomplete', {}, message));
      return;
    }
    if (now >= this.#windowStart + this.#windowMs) {
      const came = info.bytesReceived - this.#bytesBefore;
      if (!this.#excused && came < this.#minBytes) {
        this.#stream.reply(came === 0 ? this.#idle() : this.#slow(came));
        return;
      }
      this.#windowStart = now;
      this.#bytesBefore = info.bytesReceived;
      this.#excused = this.#stream.bodyHeld;
    }
    this.#arm(now);
  }

  #arm(now: number): void {
    const { requestTimeoutMs } = this.#scope;
    const whole = requestTimeoutMs > 0 ? this.#stream.info.startTime + requestTimeoutMs : Number.POSITIVE_INFINITY;
    const next = Math.min(whole, this.#windowStart + this.#windowMs);
    if (next !== Number.POSITIVE_INFINITY) this.#timer.start(Math.max(0, next - now));
  }

  #idle(): LocalReply {
    return localReply('request-idle', {}, `the client sent nothing more of its request for ${this.#windowMs} ms`);
  }

  #slow(came: number): LocalReply {
    const message = `the client sent ${came} bytes of its request in ${this.#windowMs / 1_000} s; at the edge at least ${minBytesPerSecond} bytes a second are wanted, unless the route has no time-out`;
    return localReply('slow-upload', { bytes: String(came) }, message);
  }
}
