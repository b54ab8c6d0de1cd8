import { Backoff } from '../../../lib/backoff.ts';
import type { Clock } from '../../../lib/clock.ts';
import type { Random } from '../../../lib/random.ts';
import type { Timer, TimerWheel } from '../../../lib/timer-wheel.ts';
import type { EndpointConfig } from '../cluster-config.ts';
import type { DnsConfig } from './dns-config.ts';
import type { NameResolver, ResolvedName } from './name-resolver.ts';

/** A name that cannot be looked up keeps its addresses for so long (security.md L-72). Milliseconds. */
const staleMs = 3_600_000;
/** An answer that holds no longer than this is asked for again after it. Milliseconds. */
const shortestRefreshMs = 1_000;
/** What wants to use the endpoints waits so long for the first answers. Milliseconds. */
export const firstAnswerMs = 5_000;

export interface DnsDependencies {
  readonly resolver: NameResolver;
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly random: Random;
}

interface Target {
  readonly config: EndpointConfig;
  readonly backoff: Backoff;
  readonly timer: Timer;
  addresses: readonly string[];
  /** When they were last confirmed. */
  since: number;
  settled: boolean;
}

/** Keeps the endpoints of a cluster that names hosts: asks again and again, and keeps the last good answer meanwhile. */
export class DnsEndpoints {
  readonly config: DnsConfig;
  readonly #deps: DnsDependencies;
  readonly #onEndpoints: (endpoints: readonly EndpointConfig[]) => void;
  readonly #onFailure: (name: string, reason: string) => void;
  readonly #targets: readonly Target[];
  readonly #patience: Timer;
  #closed = false;
  #onResolvedAll: () => void = () => {};
  /** Resolves when every name was looked up once, whatever came of it, or 5 s have passed. */
  readonly resolved: Promise<void>;

  constructor(
    config: DnsConfig,
    deps: DnsDependencies,
    onEndpoints: (endpoints: readonly EndpointConfig[]) => void,
    onFailure: (name: string, reason: string) => void,
  ) {
    this.config = config;
    this.#deps = deps;
    this.#onEndpoints = onEndpoints;
    this.#onFailure = onFailure;
    const { failureBaseMs, failureMaxMs } = config;
    this.#targets = config.targets.map((endpoint) => {
      const target: Target = {
        config: endpoint,
        backoff: new Backoff(failureBaseMs, failureMaxMs, deps.random),
        timer: deps.wheel.timer(() => this.#lookUp(target)),
        addresses: [],
        since: 0,
        settled: false,
      };
      return target;
    });
    this.resolved = new Promise((resolve) => {
      this.#onResolvedAll = resolve;
    });
    this.#patience = deps.wheel.start(firstAnswerMs, () => this.#onImpatient());
    for (const target of this.#targets) this.#lookUp(target);
  }

  close(): void {
    this.#closed = true;
    this.#patience.stop();
    this.#onResolvedAll();
    for (const { timer } of this.#targets) timer.stop();
  }

  #onImpatient(): void {
    for (const { config, settled } of this.#targets) {
      if (!settled)
        this.#onFailure(config.address, `no answer within ${firstAnswerMs / 1_000} s; it has no endpoints yet`);
    }
    this.#onResolvedAll();
  }

  #lookUp(target: Target): void {
    this.#deps.resolver.resolve(target.config.address, this.config.family).then(
      (resolved) => this.#onResolved(target, resolved),
      (error: unknown) => this.#onFailed(target, error instanceof Error ? error.message : String(error)),
    );
  }

  #onResolved(target: Target, { addresses, ttlMs }: ResolvedName): void {
    if (this.#closed) return;
    const { refreshMs, respectTtl } = this.config;
    target.since = this.#deps.clock.now();
    target.backoff.reset();
    target.timer.start(respectTtl && ttlMs !== undefined ? Math.max(shortestRefreshMs, ttlMs) : refreshMs);
    this.#set(target, this.config.logical ? this.#one(target, addresses) : addresses);
  }

  /** The address in use, as long as the name still has it: another one would only cost new connections. */
  #one({ addresses: [current] }: Target, addresses: readonly string[]): readonly string[] {
    return current !== undefined && addresses.includes(current) ? [current] : addresses.slice(0, 1);
  }

  #onFailed(target: Target, reason: string): void {
    if (this.#closed) return;
    this.#onFailure(target.config.address, reason);
    // At least half of the time, so that a dead name server is not hammered.
    const half = this.config.failureBaseMs / 2;
    target.timer.start(half + target.backoff.next() / 2);
    const stale = this.#deps.clock.now() - target.since >= staleMs;
    this.#set(target, stale ? [] : target.addresses);
  }

  #set(target: Target, addresses: readonly string[]): void {
    const same = [...target.addresses].sort().join() === [...addresses].sort().join();
    const first = !target.settled;
    target.settled = true;
    if (same && !first) return;
    target.addresses = addresses;
    const endpoints = this.#targets.flatMap(({ config, addresses: current }) =>
      current.map((address) => ({ ...config, address, hostname: config.hostname ?? config.address })),
    );
    this.#onEndpoints(endpoints);
    if (!first || !this.#targets.every(({ settled }) => settled)) return;
    this.#patience.stop();
    this.#onResolvedAll();
  }
}
