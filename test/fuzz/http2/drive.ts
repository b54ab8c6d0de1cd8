import assert from 'node:assert/strict';
import { FakeClock } from '../../../lib/clock.ts';
import { TimerWheel } from '../../../lib/timer-wheel.ts';
import { createHttp2ClientCodec } from '../../../sidecar/http2/client-codec.ts';
import { createHttp2ServerCodec } from '../../../sidecar/http2/server-codec.ts';
import type { BodyReceiver, BodyWriter, ClientCodec, ServerCodec } from '../../../sidecar/stream/codec.ts';
import type { Headers } from '../../../sidecar/stream/headers.ts';
import { requestHead, responseHead } from '../../harness/http2-codec.ts';
import { connectionPreface, readFrames } from '../../harness/http2-frames.ts';
import { Pipe } from './pipe.ts';

/** One message as its receiver saw it. */
export class Seen implements BodyReceiver {
  head: object | undefined;
  body = '';
  ended = false;
  trailers: Headers | undefined;
  reset: string | undefined;
  writer: BodyWriter | undefined;
  informational = 0;
  /** It is a request, and not a response. */
  asked = false;
  readonly #violations: string[];
  readonly #onEnd: (seen: Seen) => void;
  #paused = false;

  constructor(violations: string[], onEnd: (seen: Seen) => void) {
    this.#violations = violations;
    this.#onEnd = onEnd;
  }
  onHead(head: object, end: boolean): void {
    this.#live('onHead');
    if (this.head !== undefined) this.#violations.push('onHead twice');
    this.head = head;
    if (end) this.#end();
  }
  onInformational(): void {
    this.#live('onInformational');
    this.informational++;
  }
  onData(chunk: Buffer, end: boolean): void {
    this.#live('onData');
    if (this.#paused) this.#violations.push('onData while paused');
    if (chunk.length === 0 && !end) this.#violations.push('empty data');
    this.body += chunk.toString('latin1');
    if (end) this.#end();
  }
  onTrailers(trailers: Headers): void {
    this.#live('onTrailers');
    this.trailers = trailers;
    this.#end();
  }
  onReset(why: string, detail: string): void {
    // A request that is whole can still be given up while its answer is not.
    if (this.reset !== undefined || (this.ended && !this.asked)) this.#violations.push('onReset after the end');
    this.reset = `${why} ${detail}`;
  }
  onWritable(): void {
    if (this.reset !== undefined) this.#violations.push('onWritable after onReset');
  }
  pause(paused: boolean): void {
    this.#paused = paused;
    if (paused) this.writer?.pauseReading();
    else this.writer?.resumeReading();
  }
  get outcome(): object {
    const { head, body, ended, trailers, reset, informational } = this;
    return { head, body, ended, trailers, reset, informational };
  }
  #end(): void {
    this.ended = true;
    this.#onEnd(this);
  }
  #live(call: string): void {
    if (this.ended || this.reset !== undefined) this.#violations.push(`${call} after the end`);
  }
}

export type Policy = 'at-end' | 'at-head' | 'never' | 'paused';

/** A codec on a transport in memory, with all that it says written down; the owner contract is checked as it goes. */
abstract class Driver {
  readonly clock = new FakeClock();
  readonly wheel = new TimerWheel(20, 512, this.clock);
  readonly pipe = new Pipe();
  readonly seen: Seen[] = [];
  readonly refused: string[] = [];
  readonly violations: string[] = [];
  closed: string[] = [];
  abstract readonly codec: ServerCodec | ClientCodec;

  protected get options() {
    return { wheel: this.wheel, turn: this.pipe.turn, clock: this.clock };
  }

  send(chunks: Iterable<Buffer>): this {
    for (const chunk of chunks) this.codec.onBytes(chunk);
    for (const seen of this.seen) seen.pause(false);
    this.pipe.flush();
    return this;
  }

  /** Ends the connection; returns what there is to compare. */
  finish(): object {
    this.codec.onEnd();
    this.pipe.flush();
    for (let passed = 0; passed < 2_000; passed += 20) {
      this.clock.advance(20);
      this.wheel.tick();
    }
    this.codec.onClose();
    this.wheel.close();
    assert.equal(readFrames(this.pipe.written.subarray(this.prefaceBytes)).rest.length, 0, 'not whole frames');
    if (this.closed.length > 1) this.violations.push('closed twice');
    assert.equal(this.codec.activeStreams, 0);
    assert.deepEqual(this.violations, []);
    return { seen: this.seen.map((seen) => seen.outcome), refused: this.refused, closed: this.closed };
  }

  /** What the codec writes before its first frame. */
  protected abstract readonly prefaceBytes: number;
}

export class ServerFuzzDriver extends Driver {
  protected readonly prefaceBytes = 0;
  readonly codec: ServerCodec;

  constructor(policy: Policy, edge: boolean, allowConnect: boolean) {
    super();
    this.codec = createHttp2ServerCodec(
      this.pipe,
      {
        onRequest: (head, writer, end) => {
          const answer = (): void => {
            writer.head(responseHead(200, { x: 'y' }, 3), false);
            writer.data(Buffer.from('abc'), true);
          };
          const seen = new Seen(this.violations, () => policy === 'at-end' && answer());
          if (this.closed.length > 0) this.violations.push('onRequest after onClosed');
          this.seen.push(seen);
          seen.asked = true;
          seen.writer = writer;
          seen.head = head.upgrade === undefined ? head : { ...head, headers: undefined };
          if (policy === 'paused') seen.pause(true);
          if (end) seen.ended = true;
          if (policy === 'at-head' || (end && policy !== 'never')) answer();
          return seen;
        },
        onBadRequest: (status, reason) => this.refused.push(`${status} ${reason}`),
        onClosed: () => this.closed.push('closed'),
      },
      {
        edge,
        tls: false,
        allowAbsoluteForm: false,
        allowConnect,
        allowExtendedConnect: allowConnect,
        headersTimeoutMs: 10_000,
        idleTimeoutMs: 60_000,
        ...this.options,
      },
    );
  }
}

export class ClientFuzzDriver extends Driver {
  protected readonly prefaceBytes = connectionPreface.length;
  readonly codec: ClientCodec;

  constructor(policy: Policy) {
    super();
    this.codec = createHttp2ClientCodec(
      this.pipe,
      {
        onStreamEnd: () => this.closed.length > 0 && this.violations.push('onStreamEnd after onClosed'),
        onGoAway: () => {},
        onClosed: (reason) => this.closed.push(reason),
      },
      this.options,
    );
    for (const [method, body] of [
      ['GET'],
      ['POST', 'hello'],
      ['HEAD'],
      ['POST', 'x'.repeat(70_000)],
      ['CONNECT'],
    ] as const) {
      const seen = new Seen(this.violations, () => {});
      this.seen.push(seen);
      const path = method === 'CONNECT' ? '' : '/';
      seen.writer = this.codec.open(requestHead({ method, path }), body === undefined, seen);
      if (policy === 'paused') seen.pause(true);
      if (body !== undefined && policy !== 'never') seen.writer.data(Buffer.from(body), true);
    }
  }
}
