import type { Clock } from '../../lib/clock.ts';
import type { Headers } from '../stream/headers.ts';
import type { DataSender } from './data-sender.ts';
import type { FrameWriter } from './frame-writer.ts';
import type { HpackEncoder } from './hpack-encoder.ts';

/** What a proxy answers for itself: `server` and `date` where the upstream has not, and whole refusals. */
export class LocalResponse {
  readonly #writer: FrameWriter;
  readonly #encoder: HpackEncoder;
  readonly #server: string | undefined;
  readonly #clock: Clock | undefined;
  #second = -1;
  #date = '';

  /** Without a clock there is no `date`, without a name no `server`. */
  constructor(writer: FrameWriter, encoder: HpackEncoder, server: string | undefined, clock: Clock | undefined) {
    this.#writer = writer;
    this.#encoder = encoder;
    this.#server = server;
    this.#clock = clock;
  }

  /** Writes the fields that `headers` lack; all of them for undefined. */
  fields(headers: Headers | undefined): void {
    if (this.#server !== undefined && headers?.has('server') !== true) this.#encoder.field('server', this.#server);
    if (this.#clock === undefined || headers?.has('date') === true) return;
    const second = Math.floor(this.#clock.wallTime() / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#date = new Date(second * 1_000).toUTCString();
    }
    this.#encoder.field('date', this.#date);
  }

  /** A complete answer on a stream; to a HEAD request without the body. */
  refuse(stream: number, status: number, reason: string, message: string, toHead: boolean, outbound: DataSender): void {
    const body = Buffer.from(`${JSON.stringify({ status, reason, message })}\n`, 'latin1');
    // A peer without a window gets the status alone.
    const bare = toHead || !outbound.claim(body.length);
    const encoder = this.#encoder;
    const start = this.#writer.beginHeaders(encoder);
    encoder.field(':status', String(status));
    encoder.field('content-type', 'application/json');
    if (!bare || toHead) encoder.field('content-length', String(body.length));
    encoder.field('x-heddle-reason', reason);
    if (status === 405) encoder.field('allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS');
    this.fields(undefined);
    this.#writer.endHeaders(start, stream, bare);
    if (!bare) this.#writer.data(stream, body, 0, body.length, true);
  }
}
