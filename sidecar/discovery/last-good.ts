import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Timer, TimerWheel } from '../../lib/timer-wheel.ts';
import { Resource } from '../../proto/gen/envoy/service/discovery/v3/discovery.ts';
import type { SealedFile } from '../bootstrap/sealed-file.ts';
import type { Update } from './discovery.ts';
import type { HeldResources } from './held-resources.ts';
import { type ResourceType, resourceTypes } from './type-urls.ts';

export interface LastGoodOptions {
  file: SealedFile;
  held: HeldResources;
  clock: Clock;
  wheel: TimerWheel;
  log: Log;
}

/** A state older than this is not started from, in milliseconds (security.md L-96). */
export const maxAgeMs = 24 * 3_600_000;
const debounceMs = 500;
/** What refers comes before what is referred to by name, or the latter would be taken for unwanted. */
const loadOrder: readonly ResourceType[] = ['cluster', 'listener', 'endpoint', 'secret', 'route'];

interface StoredState {
  /** Milliseconds since the epoch. */
  savedAt: number;
  /** Encoded `Resource` messages in base64, by type. */
  resources: Partial<Record<ResourceType, string[]>>;
}

/** Writes what the proxy has accepted to the state directory, and reads it back when there is no control plane. */
export class LastGood {
  readonly #options: LastGoodOptions;
  readonly #timer: Timer;

  constructor(options: LastGoodOptions) {
    this.#options = options;
    this.#timer = options.wheel.timer(() => this.flush());
  }

  /** Writes soon; changes in between go into the same write. */
  schedule(): void {
    if (!this.#timer.running) this.#timer.start(debounceMs);
  }

  /** Writes now. */
  flush(): void {
    this.#timer.stop();
    const { file, held, clock, log } = this.#options;
    const resources = Object.fromEntries(
      resourceTypes.map((type) => [
        type,
        [...held.of(type)].map(([name, { version, packed }]) =>
          Buffer.from(Resource.encode(Resource.fromPartial({ name, version, resource: packed })).finish()).toString(
            'base64',
          ),
        ),
      ]),
    );
    const state: StoredState = { savedAt: clock.wallTime(), resources };
    try {
      file.write(Buffer.from(JSON.stringify(state)));
    } catch (error) {
      log.error('last good state cannot be written', { error: String(error) });
    }
  }

  /** The stored state as updates in an order that works; empty, with a line in the log, when there is none. */
  load(): { updates: Update[]; ageMs: number } {
    const { file, clock, log } = this.#options;
    const stored = file.read();
    if (!stored.ok) {
      if (stored.fault === 'missing') log.info('no last good state');
      else log.error('last good state is not used', { fault: stored.fault });
      return { updates: [], ageMs: 0 };
    }
    const state = JSON.parse(stored.contents.toString('utf8')) as StoredState;
    const ageMs = clock.wallTime() - state.savedAt;
    if (ageMs > maxAgeMs) {
      log.error('last good state is not used', { fault: 'too old', ageSeconds: Math.round(ageMs / 1000) });
      return { updates: [], ageMs };
    }
    const updates = loadOrder.map((type) => ({
      type,
      resources: (state.resources[type] ?? []).map((encoded) => Resource.decode(Buffer.from(encoded, 'base64'))),
      removed: [],
    }));
    return { updates, ageMs };
  }

  close(): void {
    if (this.#timer.running) this.flush();
  }
}
