import { expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { TimerWheel } from '../../lib/timer-wheel.ts';
import { Pipe } from '../../test/fuzz/http2/pipe.ts';
import { responseHead } from '../../test/harness/http2-codec.ts';
import * as h2 from '../../test/harness/http2-frames.ts';
import { createHttp2ServerCodec, type Http2ServerOptions } from './server-codec.ts';

// What needs a clock that stands still; the rest is in test/conformance/http2-*.test.ts.

/** A server that answers at once, on a transport in memory. */
class Server {
  readonly clock = new FakeClock();
  readonly wheel = new TimerWheel(20, 512, this.clock);
  readonly pipe = new Pipe();
  readonly refused: string[] = [];
  closed = 0;
  readonly codec;

  constructor(options: Partial<Http2ServerOptions>) {
    const ignore = (): void => {};
    this.codec = createHttp2ServerCodec(
      this.pipe,
      {
        onRequest: (_head, writer) => {
          writer.head(responseHead(204), true);
          return { onData: ignore, onTrailers: ignore, onReset: ignore, onWritable: ignore };
        },
        onBadRequest: (_status, reason) => this.refused.push(reason),
        onClosed: () => this.closed++,
      },
      {
        edge: true,
        tls: false,
        allowAbsoluteForm: false,
        allowConnect: false,
        headersTimeoutMs: 10_000,
        idleTimeoutMs: 60_000,
        wheel: this.wheel,
        turn: this.pipe.turn,
        clock: this.clock,
        ...options,
      },
    );
    this.send(h2.greeting, h2.settingsAck);
  }

  send(...frames: Buffer[]): void {
    this.codec.onBytes(Buffer.concat(frames));
    this.pipe.flush();
  }

  wait(ms: number): void {
    for (let passed = 0; passed < ms; passed += 20) {
      this.clock.advance(20);
      this.wheel.tick();
      this.pipe.flush();
    }
  }

  /** Types of the frames written since the last call. */
  get written(): number[] {
    return h2.readFrames(this.pipe.take()).frames.map(({ type }) => type);
  }
}

test('L-10: a connection is idle from its last request on, even when each is answered at once', () => {
  const server = new Server({});
  for (let stream = 1; stream < 20; stream += 2) {
    server.send(h2.headers(stream, h2.get));
    server.wait(50_000);
  }
  expect(server.written).not.toContain(h2.FrameType.goAway);
  server.wait(12_000);
  expect(server.written).toEqual([h2.FrameType.goAway, h2.FrameType.ping, h2.FrameType.goAway]);
  expect(server.pipe.ended).toBe(true);
  server.wait(2_000);
  expect([server.closed, server.pipe.destroyed]).toEqual([1, true]);
});

test('L-41: a silent peer is asked for a sign of life, and stays as long as it gives one', () => {
  const server = new Server({ keepAlive: { intervalMs: 30_000, timeoutMs: 10_000 }, idleTimeoutMs: 0 });
  expect(server.written).not.toContain(h2.FrameType.ping);
  for (let round = 0; round < 5; round++) {
    for (let seconds = 0; seconds < 70 && !server.written.includes(h2.FrameType.ping); seconds++) server.wait(1_000);
    server.send(h2.frame(h2.FrameType.ping, h2.Flag.ack, 0, 'heddle?\0'));
  }
  expect(server.refused).toEqual([]);
  server.wait(120_000);
  expect(server.refused).toEqual(['h2.keep-alive-timeout']);
  expect(server.written).toContain(h2.FrameType.goAway);
});
