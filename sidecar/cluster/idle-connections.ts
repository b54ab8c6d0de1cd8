import type { Clock } from '../../lib/clock.ts';
import type { Timer, TimerWheel } from '../../lib/timer-wheel.ts';
import { IdleLimit } from './idle-limit.ts';
import type { UpstreamConnection } from './upstream-connection.ts';

/**
 * HTTP/1 connections that wait for their next request. The one used last is used next, so that the others fall idle
 * and are closed, before the endpoint does it.
 */
export class IdleConnections {
  readonly #clock: Clock;
  readonly #limit: IdleLimit;
  readonly #sweep: Timer;
  /** The longest idle first. */
  #idle: UpstreamConnection[] = [];

  constructor(idleTimeoutMs: number, clock: Clock, wheel: TimerWheel) {
    this.#clock = clock;
    this.#limit = new IdleLimit(idleTimeoutMs);
    this.#sweep = wheel.timer(() => this.#closeOld());
  }

  /** A connection that may still be used, if there is one. */
  take(now: number): UpstreamConnection | undefined {
    const connection = this.#idle.pop();
    if (connection === undefined) return undefined;
    connection.idle = false;
    if (now - connection.idleSince < this.#limit.ms) return connection;
    // The others were idle for even longer; the sweep takes them.
    connection.retire();
    return undefined;
  }

  put(connection: UpstreamConnection): void {
    const { keepAliveMs } = connection;
    if (keepAliveMs !== undefined) this.#limit.onAnnounced(keepAliveMs);
    connection.idle = true;
    connection.idleSince = this.#clock.now();
    this.#idle.push(connection);
    if (!this.#sweep.running) this.#sweep.start(this.#limit.ms / 2);
  }

  /** The connection is gone while it waited here: the endpoint closed it. */
  onGone(connection: UpstreamConnection, lesson: boolean): void {
    if (!connection.idle) return;
    connection.idle = false;
    this.#idle = this.#idle.filter((other) => other !== connection);
    if (lesson) this.#limit.onClosedByPeer(this.#clock.now() - connection.idleSince);
  }

  /** A connection that was taken at `now` turned out to be closed: the endpoint's patience is shorter than thought. */
  onReuseFailed(connection: UpstreamConnection, now: number): void {
    this.#limit.onClosedByPeer(now - connection.idleSince);
  }

  stop(): void {
    this.#sweep.stop();
  }

  #closeOld(): void {
    const limit = this.#clock.now() - this.#limit.ms;
    const firstYoung = this.#idle.findIndex((connection) => connection.idleSince > limit);
    const old = this.#idle.splice(0, firstYoung < 0 ? this.#idle.length : firstYoung);
    for (const connection of old) {
      connection.idle = false;
      connection.retire();
    }
    if (this.#idle.length > 0) this.#sweep.start(this.#limit.ms / 4);
  }
}
