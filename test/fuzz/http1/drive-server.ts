import { FakeClock } from '../../../lib/clock.ts';
import { TimerWheel } from '../../../lib/timer-wheel.ts';
import { createHttp1ServerCodec, type Http1ServerOptions } from '../../../sidecar/http1/server-codec.ts';
import type { BodyReceiver, ResponseWriter, ServerCodec } from '../../../sidecar/stream/codec.ts';
import type { RequestHead, ResponseHead } from '../../../sidecar/stream/head.ts';
import { Headers } from '../../../sidecar/stream/headers.ts';
import { MemoryTransport } from './memory-transport.ts';

/** One request as the owner of a server codec saw it. */
export interface SeenRequest {
  head: RequestHead;
  /** What `onRequest` said. */
  end: boolean;
  body: string;
  ended: boolean;
  trailers: Headers | undefined;
  reset: string | undefined;
  /** Calls of `onWritable`. */
  writable: number;
}

export const ok: ResponseHead = {
  status: 200,
  reason: '',
  headers: new Headers(),
  contentLength: 0,
  upgrade: undefined,
};

/** When the driver answers: when the request is whole, as soon as its head is there, or never. */
export type AnswerPolicy = 'at-end' | 'at-head' | 'never';

/** A server codec on a transport in memory, with everything it says written down. */
export class ServerDriver {
  readonly clock = new FakeClock();
  readonly wheel = new TimerWheel(20, 512, this.clock);
  readonly transport = new MemoryTransport();
  readonly requests: SeenRequest[] = [];
  readonly writers: ResponseWriter[] = [];
  /** `status reason` of each refusal. */
  readonly refused: string[] = [];
  readonly dropped: string[] = [];
  /** Calls that the contract forbids. */
  readonly violations: string[] = [];
  closed = 0;
  answer: (head: RequestHead, writer: ResponseWriter) => void = (_, writer) => writer.head(ok, true);
  readonly codec: ServerCodec;

  constructor(options: Partial<Http1ServerOptions> = {}, policy: AnswerPolicy = 'at-end') {
    this.codec = createHttp1ServerCodec(
      this.transport,
      {
        onRequest: (head, writer, end) => this.#onRequest(head, writer, end, policy),
        onBadRequest: (status, reason) => {
          this.refused.push(`${status} ${reason}`);
          if (this.closed > 0) this.violations.push('onBadRequest after onClosed');
        },
        onClosed: () => {
          this.closed++;
        },
      },
      {
        edge: true,
        tls: false,
        allowAbsoluteForm: false,
        allowConnect: false,
        wheel: this.wheel,
        headersTimeoutMs: 10_000,
        idleTimeoutMs: 60_000,
        onDropped: (reason, name) => this.dropped.push(`${reason} ${name}`),
        ...options,
      },
    );
  }

  send(chunks: Iterable<Buffer> | string): this {
    for (const chunk of typeof chunks === 'string' ? [Buffer.from(chunks, 'latin1')] : chunks)
      this.codec.onBytes(chunk);
    return this;
  }

  /** Lets time pass in steps small enough for every timer to fire when it should. */
  wait(ms: number): this {
    for (let passed = 0; passed < ms; passed += 20) {
      this.clock.advance(20);
      this.wheel.tick();
    }
    return this;
  }

  /** Stops the wheel. Returns what there is to compare. */
  finish(): object {
    this.wheel.close();
    return {
      requests: this.requests.map(({ head, ...rest }) => ({ ...rest, head: { ...head } })),
      refused: this.refused,
      written: this.transport.written,
      violations: this.violations,
      ended: this.transport.ended,
      destroyed: this.transport.destroyed,
      closed: this.closed,
    };
  }

  #onRequest(head: RequestHead, writer: ResponseWriter, end: boolean, policy: AnswerPolicy): BodyReceiver {
    const seen: SeenRequest = { head, end, body: '', ended: end, trailers: undefined, reset: undefined, writable: 0 };
    this.requests.push(seen);
    this.writers.push(writer);
    if (this.closed > 0) this.violations.push('onRequest after onClosed');
    const answer = () => {
      if (policy === 'at-end') this.answer(head, writer);
    };
    if (policy === 'at-head') this.answer(head, writer);
    else if (end) answer();
    const live = (call: string) => {
      if (seen.ended || seen.reset !== undefined) this.violations.push(`${call} after the end`);
    };
    return {
      onData: (chunk, last) => {
        live('onData');
        if (chunk.length === 0 && !last) this.violations.push('empty data');
        seen.body += chunk.toString('latin1');
        seen.ended = last;
        if (last) answer();
      },
      onTrailers: (trailers) => {
        live('onTrailers');
        seen.trailers = trailers;
        seen.ended = true;
        answer();
      },
      onReset: (why, detail) => {
        live('onReset');
        seen.reset = `${why} ${detail}`;
      },
      onWritable: () => {
        seen.writable++;
      },
    };
  }
}
