import type { Log } from '../../lib/log.ts';
import type { Timer, TimerWheel } from '../../lib/timer-wheel.ts';
import { type MetricFamily, scalar } from '../observe/metric-family.ts';
import { OverloadAction } from './overload-action.ts';
import type { OverloadActionConfig, OverloadActionKind, OverloadConfig } from './overload-config.ts';
import type { OverloadState } from './overload-state.ts';
import { ResourceMonitor } from './resource-monitor.ts';
import type { ResourceReadings } from './resource-readings.ts';

/** The data path, for what a flag cannot do. Both tell how many connections it was. */
export interface OverloadTarget {
  /** Closes client connections on which nothing has run for `limitMs(idle time-out)`. */
  closeIdle(limitMs: (idleTimeoutMs: number) => number): number;
  /** Resets up to `count` client connections for which most is buffered. */
  resetLargest(count: number): number;
}

export interface OverloadDependencies {
  readonly state: OverloadState;
  readonly target: OverloadTarget;
  readonly readings: ResourceReadings;
  readonly wheel: TimerWheel;
  readonly log: Log;
}

/** Strength of `stop_accepting_requests` from which a class is shed: `low`, `default`, `high`. */
const shedFrom = [0.001, 0.6, 1];
/** Connections reset in one round, as in Envoy. */
const resetsAtOnce = 50;

/** Reads pressures a few times a second and says in {@link OverloadState} what the data path must do about them. */
export class OverloadManager {
  readonly #config: OverloadConfig;
  readonly #deps: OverloadDependencies;
  readonly #monitors: readonly ResourceMonitor[];
  readonly #actions: readonly OverloadAction[];
  readonly #failing = new Set<string>();
  readonly #timer: Timer;
  #idleClosed = 0;
  #reset = 0;

  constructor(config: OverloadConfig, deps: OverloadDependencies) {
    this.#config = config;
    this.#deps = deps;
    this.#monitors = config.monitors.map((monitor) => new ResourceMonitor(monitor, deps.readings, config.refreshMs));
    this.#actions = config.actions.map((action) => new OverloadAction(action));
    this.#timer = deps.wheel.timer(() => this.#onTimer());
  }

  start(): void {
    this.#timer.start(this.#config.refreshMs);
  }

  close(): void {
    this.#timer.stop();
    this.#deps.readings.close();
  }

  /** Reads, decides, acts. */
  refresh(): void {
    for (const monitor of this.#monitors) this.#read(monitor);
    const pressureOf = (resource: string) =>
      this.#monitors.find(({ config }) => config.name === resource)?.pressure ?? 0;
    for (const action of this.#actions) this.#tell(action, action.update(pressureOf));
    const { state } = this.#deps;
    const shedding = this.#strength('stop_accepting_requests');
    state.shedBelow = shedFrom.filter((from) => shedding >= from).length;
    state.disableKeepAlive = this.#strength('disable_http_keepalive') > 0;
    state.refuseConnections =
      this.#strength('stop_accepting_connections') >= 1 || this.#strength('reject_incoming_connections') >= 1;
    this.#relieve();
  }

  families(): MetricFamily[] {
    const { state } = this.#deps;
    return [
      {
        name: 'heddle_overload_pressure',
        type: 'gauge',
        help: 'Use of a resource in shares of its limit',
        collect: () =>
          this.#monitors.map(({ config, pressure }) => ({ labels: { resource: config.name }, value: pressure })),
      },
      {
        name: 'heddle_overload_action',
        type: 'gauge',
        help: 'How strongly an action against overload is taken, 0 to 1',
        collect: () =>
          this.#actions.map(({ config, strength }) => ({ labels: { action: config.kind }, value: strength })),
      },
      {
        name: 'heddle_overload_begun_total',
        type: 'counter',
        help: 'How often an action against overload was begun',
        collect: () => this.#actions.map(({ config, begun }) => ({ labels: { action: config.kind }, value: begun })),
      },
      scalar('heddle_overload_shed_total', 'counter', 'Requests refused by overload', () => state.shedRequests),
      scalar(
        'heddle_overload_refused_connections_total',
        'counter',
        'Connections refused by overload',
        () => state.refusedConnections,
      ),
      scalar(
        'heddle_overload_idle_closed_total',
        'counter',
        'Idle connections closed by overload',
        () => this.#idleClosed,
      ),
      scalar('heddle_overload_reset_total', 'counter', 'Busy connections reset by overload', () => this.#reset),
    ];
  }

  #onTimer(): void {
    this.refresh();
    this.#timer.start(this.#config.refreshMs);
  }

  #read(monitor: ResourceMonitor): void {
    const { name } = monitor.config;
    try {
      monitor.refresh();
      this.#failing.delete(name);
    } catch (error) {
      if (this.#failing.has(name)) return;
      this.#failing.add(name);
      this.#deps.log.error('a resource cannot be read; its pressure stays as it was', {
        resource: name,
        error: String(error),
      });
    }
  }

  #tell({ config }: OverloadAction, change: 'begins' | 'ends' | undefined): void {
    if (change === undefined) return;
    const pressures = Object.fromEntries(
      this.#monitors.map((monitor) => [monitor.config.name, Math.round(monitor.pressure * 1_000) / 1_000]),
    );
    const { log } = this.#deps;
    if (change === 'begins') log.warn('overload-begins', { action: config.kind, ...pressures });
    else log.info('overload-ends', { action: config.kind, ...pressures });
  }

  #relieve(): void {
    const { target } = this.#deps;
    const reduce = this.#actions.find(({ config }) => config.kind === 'reduce_timeouts');
    if (reduce !== undefined && reduce.strength > 0) {
      this.#idleClosed += target.closeIdle((idleMs) => reducedIdle(reduce.config, reduce.strength, idleMs));
    }
    if (this.#strength('reset_high_memory_stream') > 0) this.#reset += target.resetLargest(resetsAtOnce);
  }

  #strength(kind: OverloadActionKind): number {
    return this.#actions.find(({ config }) => config.kind === kind)?.strength ?? 0;
  }
}

/** Between what is configured and the least, as Envoy scales its timers. */
function reducedIdle({ minIdle }: OverloadActionConfig, strength: number, idleMs: number): number {
  if (minIdle === undefined) return idleMs;
  const least = 'ms' in minIdle ? Math.min(idleMs, minIdle.ms) : idleMs * minIdle.share;
  return least + (idleMs - least) * (1 - strength);
}
