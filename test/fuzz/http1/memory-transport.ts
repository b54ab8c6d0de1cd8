import type { Transport } from '../../../sidecar/stream/codec.ts';

/** A transport that keeps what is written, for tests and measurements. */
export class MemoryTransport implements Transport {
  written = '';
  bufferedBytes = 0;
  paused = false;
  ended = false;
  destroyed = false;

  write(bytes: Buffer | string): void {
    if (this.ended || this.destroyed) return;
    this.written +=
      typeof bytes === 'string' ? Buffer.from(bytes, 'latin1').toString('latin1') : bytes.toString('latin1');
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  end(): void {
    this.ended = true;
  }

  destroy(): void {
    this.destroyed = true;
  }

  /** What was written since the last call. */
  take(): string {
    const written = this.written;
    this.written = '';
    return written;
  }
}
