import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Random } from '../../lib/random.ts';
import type { Timer, TimerWheel } from '../../lib/timer-wheel.ts';
import type { SealedFile } from '../bootstrap/sealed-file.ts';
import { controlPlaneChannelOptions, controlPlaneCredentials } from '../identity/control-plane-channel.ts';
import { deregister, register, type WorkloadDescription } from '../identity/registration.ts';
import type { WorkloadIdentity } from '../identity/workload-identity.ts';
import { AdsClient } from './ads-client.ts';
import type { Discovery } from './discovery.ts';
import { LastGood } from './last-good.ts';
import { describeNode, type NodeDescription } from './node.ts';

export interface ControlPlaneLinkOptions {
  /** `host:port`. */
  address: string;
  node: NodeDescription;
  /** Announced before each stream; `undefined` for a proxy that stands beside nothing. */
  workload: WorkloadDescription | undefined;
  identity: WorkloadIdentity;
  discovery: Discovery;
  stateFile: SealedFile | undefined;
  clock: Clock;
  wheel: TimerWheel;
  random: Random;
  log: Log;
}

/** How long a start waits for the control plane before it takes the last good state, in milliseconds. */
const patienceMs = 1_500;
/** While connected the state on disk is good; it is written again so often, in milliseconds. */
const refreshMs = 3_600_000;

/** Everything a proxy has with its control plane: registration, the ADS stream, and the last good state without it. */
export class ControlPlaneLink {
  readonly #options: ControlPlaneLinkOptions;
  readonly #ads: AdsClient;
  readonly #lastGood: LastGood | undefined;
  readonly #patience: Timer;
  readonly #refresh: Timer;
  #stale = false;
  #everConnected = false;
  #loaded = false;

  constructor(options: ControlPlaneLinkOptions) {
    this.#options = options;
    const { discovery, clock, wheel, random, log, identity, workload, stateFile } = options;
    this.#lastGood =
      stateFile === undefined ? undefined : new LastGood({ file: stateFile, held: discovery.held, clock, wheel, log });
    this.#ads = new AdsClient({
      address: options.address,
      node: describeNode(options.node),
      discovery,
      credentials: () => controlPlaneCredentials(identity.trust(), identity.current),
      channelOptions: controlPlaneChannelOptions,
      ...(workload === undefined ? {} : { register: (client) => register(client, workload, clock.wallTime()) }),
      clock,
      wheel,
      random,
      log,
      onConnected: () => this.#connected(),
      onDisconnected: () => this.#disconnected(),
      onUpdate: () => this.#lastGood?.schedule(),
    });
    this.#patience = wheel.timer(() => this.#takeLastGood());
    this.#refresh = wheel.timer(() => this.#connected());
  }

  start(): void {
    this.#ads.start();
    if (this.#lastGood !== undefined) this.#patience.start(patienceMs);
  }

  /** Whether the stream is up. */
  get connected(): boolean {
    return this.#ads.connected;
  }

  /** Whether the proxy runs on the last good state and the control plane has not been reached since. */
  get stale(): boolean {
    return this.#stale;
  }

  /** Takes the workload out and lets the stream go; what is configured stays. Answers when peers have been told. */
  async leave(): Promise<void> {
    const { workload, clock, log } = this.#options;
    this.#ads.freeze();
    const client = this.#ads.registrationClient();
    if (workload === undefined || client === undefined) return;
    try {
      await deregister(client, workload, clock.wallTime());
    } catch (error) {
      log.warn('not deregistered', { error: String(error) });
    }
  }

  close(): void {
    this.#patience.stop();
    this.#refresh.stop();
    this.#ads.close();
    this.#lastGood?.close();
  }

  #connected(): void {
    this.#patience.stop();
    this.#everConnected = true;
    this.#stale = false;
    if (this.#lastGood === undefined) return;
    this.#lastGood.schedule();
    this.#refresh.start(refreshMs);
  }

  #disconnected(): void {
    this.#refresh.stop();
    if (this.#everConnected) this.#lastGood?.schedule();
    else this.#takeLastGood();
  }

  #takeLastGood(): void {
    if (this.#loaded || this.#everConnected || this.#lastGood === undefined) return;
    this.#loaded = true;
    this.#patience.stop();
    const { updates, ageMs } = this.#lastGood.load();
    if (updates.length === 0) return;
    this.#options.log.warn('starting from the last good state', { ageSeconds: Math.round(ageMs / 1000) });
    this.#stale = true;
    void this.#apply(updates);
  }

  async #apply(updates: ReturnType<LastGood['load']>['updates']): Promise<void> {
    for (const update of updates) await this.#options.discovery.accept(update);
    // A stream begun meanwhile does not know what we have now.
    if (!this.#everConnected) this.#ads.restart();
  }
}
