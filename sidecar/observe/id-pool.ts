import { randomFillSync } from 'node:crypto';

const poolBytes = 8_192;

/** Random ids in lower-case hex, cut from a pool, so that a request pays for a slice and not for a call into crypto. */
export class IdPool {
  readonly #bytes = Buffer.allocUnsafe(poolBytes);
  #hex = '';
  #position = 0;

  /** 16 digits, never all zero. */
  spanId(): string {
    return this.#take(16);
  }

  /** 32 digits, never all zero. */
  traceId(): string {
    return this.#take(32);
  }

  /** A UUID of version 4, for `x-request-id`. */
  uuid(): string {
    const hex = this.#take(32);
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
  }

  #take(digits: number): string {
    for (;;) {
      if (this.#position + digits > this.#hex.length) {
        this.#hex = randomFillSync(this.#bytes).toString('hex');
        this.#position = 0;
      }
      const id = this.#hex.slice(this.#position, this.#position + digits);
      this.#position += digits;
      // All zero means "no id" in trace context; the last 16 digits decide for a span id and suffice for a trace id.
      if (!id.endsWith('0000000000000000')) return id;
    }
  }
}
