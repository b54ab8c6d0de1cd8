import type { Random } from '../../../lib/random.ts';
import type { Timer, TimerWheel } from '../../../lib/timer-wheel.ts';
import type { HealthCheckConfig } from './health-check-config.ts';
import type { Probe, ProbeResult } from './probe.ts';

export type Verdict = 'healthy' | 'degraded' | 'unhealthy';

export interface EndpointCheckEvents {
  /** The verdict, when it is the first or another one than before. */
  onVerdict(verdict: Verdict, reason: string, detail: string): void;
  /** A check failed, whatever the verdict. */
  onFailure(reason: string, detail: string): void;
  /** Whether requests were sent to the cluster. */
  hasTraffic(): boolean;
}

/** The checks of one endpoint: when they run, and what they amount to. */
export class EndpointCheck {
  readonly #config: HealthCheckConfig;
  readonly #probe: Probe;
  readonly #events: EndpointCheckEvents;
  readonly #random: Random;
  readonly #timer: Timer;
  readonly #timeout: Timer;
  #verdict: Verdict | undefined;
  /** Checks in a row that speak against the verdict. */
  #against = 0;
  #closed = false;

  constructor(
    config: HealthCheckConfig,
    probe: Probe,
    events: EndpointCheckEvents,
    options: { wheel: TimerWheel; random: Random },
  ) {
    this.#config = config;
    this.#probe = probe;
    this.#events = events;
    this.#random = options.random;
    this.#timer = options.wheel.timer(() => this.#run());
    this.#timeout = options.wheel.timer(() => this.#onTimeout());
  }

  start(): void {
    const { initialJitterMs } = this.#config;
    if (initialJitterMs === 0) this.#run();
    else this.#timer.start(this.#random() * initialJitterMs);
  }

  close(): void {
    this.#closed = true;
    this.#timer.stop();
    this.#timeout.stop();
    this.#probe.close();
  }

  #run(): void {
    this.#timeout.start(this.#config.timeoutMs);
    this.#probe.run((result) => this.#onResult(result));
  }

  #onTimeout(): void {
    this.#probe.cancel();
    const detail = `no answer within ${this.#config.timeoutMs} ms`;
    this.#onResult({ outcome: 'failed', reason: 'timeout', detail });
  }

  #onResult({ outcome, reason, detail }: ProbeResult): void {
    if (this.#closed) return;
    this.#timeout.stop();
    const before = this.#verdict;
    if (outcome === 'failed' || outcome === 'unhealthy') {
      this.#events.onFailure(reason, detail);
      this.#against = before === 'unhealthy' ? 0 : this.#against + 1;
      const decided =
        before === undefined || outcome === 'unhealthy' || this.#against >= this.#config.unhealthyThreshold;
      if (before !== 'unhealthy' && decided) this.#decide('unhealthy', reason, detail);
    } else {
      this.#against = before === 'unhealthy' ? this.#against + 1 : 0;
      const decided = before !== 'unhealthy' || this.#against >= this.#config.healthyThreshold;
      if (before !== outcome && decided) this.#decide(outcome, reason, detail);
    }
    if (!this.#closed) this.#timer.start(this.#nextInterval(before, outcome === 'failed' || outcome === 'unhealthy'));
  }

  #decide(verdict: Verdict, reason: string, detail: string): void {
    this.#verdict = verdict;
    this.#against = 0;
    this.#events.onVerdict(verdict, reason, detail);
  }

  #nextInterval(before: Verdict | undefined, failed: boolean): number {
    const config = this.#config;
    const isUp = this.#verdict === 'healthy' || this.#verdict === 'degraded';
    const wasUp = before === 'healthy' || before === 'degraded';
    let ms: number;
    if (!this.#events.hasTraffic()) ms = isUp ? config.noTrafficHealthyIntervalMs : config.noTrafficIntervalMs;
    else if (isUp !== wasUp && before !== undefined)
      ms = isUp ? config.healthyEdgeIntervalMs : config.unhealthyEdgeIntervalMs;
    else ms = isUp || !failed ? config.intervalMs : config.unhealthyIntervalMs;
    const jitter = config.intervalJitterMs + (ms * config.intervalJitterPercent) / 100;
    return ms + this.#random() * jitter;
  }
}
