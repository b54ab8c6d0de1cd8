import type { Headers } from './headers.ts';

/** A body longer than this is not kept, so its request is not retried. Bytes. */
export const replayLimit = 65_536;

/**
 * What has arrived of a request's body, kept until no attempt can need it any more: until the response begins,
 * or until it has grown past {@link replayLimit} and everything was sent.
 */
export class ReplayBuffer {
  #chunks: Buffer[] = [];
  #bytes = 0;
  trailers: Headers | undefined;
  /** The body is complete. */
  ended = false;
  /** Everything that arrived is still here. */
  complete = true;

  get bytes(): number {
    return this.#bytes;
  }

  get chunks(): readonly Buffer[] {
    return this.#chunks;
  }

  /** Keeps a copy: the chunk goes to an attempt as well. */
  push(chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.complete) this.#chunks.push(Buffer.from(chunk));
  }

  /** No attempt after this one will need the body. */
  drop(): void {
    this.complete = false;
    this.#chunks = [];
  }
}
