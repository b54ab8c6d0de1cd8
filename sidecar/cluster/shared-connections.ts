import type { Clock } from '../../lib/clock.ts';
import type { Timer, TimerWheel } from '../../lib/timer-wheel.ts';
import type { UpstreamConnection } from './upstream-connection.ts';

/**
 * HTTP/2 connections, each of which carries many requests at one time. The oldest with room is used, so that the
 * others fall idle and are closed: fewer connections mean more frames in one write.
 */
export class SharedConnections {
  readonly #clock: Clock;
  readonly #idleTimeoutMs: number;
  readonly #sweep: Timer;
  #connections: UpstreamConnection[] = [];

  constructor(idleTimeoutMs: number, clock: Clock, wheel: TimerWheel) {
    this.#clock = clock;
    this.#idleTimeoutMs = idleTimeoutMs;
    this.#sweep = wheel.timer(() => this.#closeIdle());
  }

  get size(): number {
    return this.#connections.length;
  }

  /** A connection with room for one more stream, if there is one. */
  find(): UpstreamConnection | undefined {
    for (let i = 0; i < this.#connections.length; i++) {
      const connection = this.#connections[i] as UpstreamConnection;
      if (connection.codec.capacity > 0) return connection;
    }
    return undefined;
  }

  add(connection: UpstreamConnection): void {
    this.#connections.push(connection);
    if (connection.codec.activeStreams === 0) this.onIdle(connection);
  }

  /** Its last running stream has ended. */
  onIdle(connection: UpstreamConnection): void {
    connection.idleSince = this.#clock.now();
    if (!this.#sweep.running) this.#sweep.start(this.#idleTimeoutMs);
  }

  remove(connection: UpstreamConnection): void {
    this.#connections = this.#connections.filter((other) => other !== connection);
  }

  stop(): void {
    this.#sweep.stop();
  }

  #closeIdle(): void {
    const limit = this.#clock.now() - this.#idleTimeoutMs;
    for (const connection of this.#connections) {
      if (connection.codec.activeStreams === 0 && connection.idleSince <= limit) connection.retire();
    }
    if (this.#connections.some(({ codec }) => codec.activeStreams === 0)) this.#sweep.start(this.#idleTimeoutMs / 4);
  }
}
