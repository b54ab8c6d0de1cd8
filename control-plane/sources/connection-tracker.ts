import type { Clock } from '../../lib/clock.ts';

const unhealthyAfterMs = 10_000;
const lostAfterMs = 600_000;
/** After its own start the control plane cannot know who is gone: sidecars need this long to come back. */
const startGraceMs = 30_000;

interface Connection {
  connected: boolean;
  /** When the last stream ended, or when the workload was registered; on the clock's own scale. */
  since: number;
}

/** Knows which registered workloads have a connected sidecar, and for how long the others have not. */
export class ConnectionTracker {
  readonly #clock: Clock;
  readonly #startedAt: number;
  readonly #connections = new Map<string, Connection>();
  /** Connected, but not registered (yet): a stream may open before the registration arrives. */
  readonly #early = new Set<string>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedAt = clock.now();
  }

  /** A workload is registered; one that is known stays as it is. */
  add(key: string): void {
    if (this.#connections.has(key)) return;
    this.#connections.set(key, { connected: this.#early.delete(key), since: this.#clock.now() });
  }

  remove(key: string): void {
    if (this.#connections.get(key)?.connected) this.#early.add(key);
    this.#connections.delete(key);
  }

  set(key: string, connected: boolean): void {
    const connection = this.#connections.get(key);
    if (connection !== undefined) {
      if (connection.connected && !connected) connection.since = this.#clock.now();
      connection.connected = connected;
    } else if (connected) {
      this.#early.add(key);
    } else {
      this.#early.delete(key);
    }
  }

  /** Workloads that should get no requests, and those that have been away so long that they are gone. */
  check(): { unhealthy: ReadonlySet<string>; lost: readonly string[] } {
    const now = this.#clock.now();
    const unhealthy = new Set<string>();
    const lost: string[] = [];
    for (const [key, { connected, since }] of this.#connections) {
      if (connected) continue;
      const awayMs = now - since;
      if (awayMs >= lostAfterMs) lost.push(key);
      if (awayMs >= unhealthyAfterMs && now - this.#startedAt >= startGraceMs) unhealthy.add(key);
    }
    return { unhealthy, lost };
  }
}
