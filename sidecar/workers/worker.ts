import { systemClock } from '../../lib/clock.ts';
import { systemRandom } from '../../lib/random.ts';
import { TimerWheel } from '../../lib/timer-wheel.ts';
import { createAdjustableLog } from '../bootstrap/adjustable-log.ts';
import { LocalDataPlane } from '../data-plane.ts';
import { type DecodedConfig, decodeConfig } from '../discovery/decode-config.ts';
import type { LocalData } from '../discovery/decode-context.ts';
import { SecretStore } from '../identity/secret-store.ts';
import type { RawResource, ToWorker, WorkerAnswer, WorkerSettings } from './worker-messages.ts';

/** What a worker needs of its process. */
export interface WorkerEnvironment {
  writeLog(line: string): unknown;
  /** Opens the access log. */
  openAccessLog(target: string): (text: string) => unknown;
  local: LocalData;
}

/**
 * The data plane of one process among several: takes raw resources, decodes them as the supervisor did, and carries the
 * traffic. What it is told is right already and in an order that works: the supervisor decides what is warm.
 */
export class Worker {
  readonly #settings: WorkerSettings;
  readonly #environment: WorkerEnvironment;
  readonly #secrets = new SecretStore();
  readonly #wheel = new TimerWheel(20, 512, systemClock);
  readonly #dataPlane: LocalDataPlane;
  #spiffeId = '';
  #trustDomain = '';

  constructor(settings: WorkerSettings, environment: WorkerEnvironment) {
    this.#settings = settings;
    this.#environment = environment;
    const { logLevel, worker } = settings;
    const log = createAdjustableLog((line) => environment.writeLog(line), logLevel, { worker });
    const target = settings.accessLogTarget;
    this.#dataPlane = new LocalDataPlane(settings, {
      secrets: this.#secrets,
      ownId: () => this.#spiffeId,
      writeAccessLog: target === undefined ? undefined : environment.openAccessLog(target),
      reusePort: true,
      // The supervisor needs about as much as a worker.
      memoryShare: 1 / (settings.workers + 1),
      clock: systemClock,
      random: systemRandom,
      wheel: this.#wheel,
      log,
    });
  }

  /** Does what a message says and answers it. Throws what went wrong. */
  async handle(message: ToWorker): Promise<WorkerAnswer> {
    const { proxy, metrics } = this.#dataPlane;
    switch (message.kind) {
      case 'start':
        await this.#dataPlane.start();
        return undefined;
      case 'identity':
        this.#spiffeId = message.spiffeId;
        this.#trustDomain = message.trustDomain;
        return undefined;
      case 'log-level':
        this.#dataPlane.setLogLevel(message.level);
        return undefined;
      case 'secret':
        this.#secrets.set(message.secret);
        return undefined;
      case 'set': {
        const decoded = this.#decode(message.resource);
        if (decoded.type === 'cluster') proxy.setCluster(decoded.value);
        else if (decoded.type === 'route') proxy.setRouteTable(decoded.value);
        return undefined;
      }
      case 'endpoints':
        proxy.setEndpoints(message.name, message.endpoints);
        return undefined;
      case 'remove':
        if (message.type === 'cluster') proxy.removeCluster(message.name);
        else if (message.type === 'route') proxy.removeRouteTable(message.name);
        else await proxy.removeListener(message.name);
        return undefined;
      case 'listen': {
        const decoded = this.#decode(message.resource);
        if (decoded.type !== 'listener') throw new Error(`${message.resource.name} is no listener`);
        const port = decoded.value.port === 0 ? message.port : decoded.value.port;
        return await proxy.setListener({ ...decoded.value, port });
      }
      case 'resolved':
        await proxy.untilResolved(message.name);
        return undefined;
      case 'describe':
        return proxy.describe();
      case 'metrics':
        return metrics.families().map((family) => {
          const { name, help, type } = family;
          return { name, help, type, samples: family.collect() };
        });
      case 'drain':
        await proxy.drain(message.maxMs);
        return undefined;
      case 'close':
        await this.#dataPlane.close();
        this.#wheel.close();
        return undefined;
    }
  }

  #decode(resource: RawResource): DecodedConfig {
    const { mayReadFiles, hasAds, workers } = this.#settings;
    const context = {
      trustDomain: this.#trustDomain,
      now: systemClock.wallTime(),
      hasAds,
      workers,
      ...(mayReadFiles ? { local: this.#environment.local } : {}),
    };
    return decodeConfig(resource, context);
  }
}
