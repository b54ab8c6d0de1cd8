import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'vitest';
import { until } from '../harness/process.ts';
import type { StaticProxy } from '../harness/static-proxy.ts';

/** What Node tells when something was not caught; nothing here may. */
const warnings = ['MaxListenersExceededWarning', 'TimeoutOverflowWarning', 'TimeoutNegativeWarning'];
/** Above what was held before, once all is over (I2). */
const memoryAllowance = 32 * 1_024 * 1_024;
/** Log lines of one reason (I6). */
const maxLinesPerSecond = 10;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** What this process holds once everything unreachable is gone. Resident memory tells of the allocator's habits too. */
function heldBytes(): number {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function openSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name.startsWith('TCP')).length;
}

/**
 * The standing invariants of the catalogue (security.md §1) as far as they hold of every test alike: nothing uncaught
 * and no warning (I1), memory back (I2), refusals logged sparingly and in print (I6), no connection, request or handle
 * left (I7). That a neighbour is served (I4), that nothing leaks through (I5) and that one refusal is counted once
 * (I6) is checked around each input by `refuses`, `breaks` and the HTTP/2 catalogue.
 */
export class Invariants {
  readonly #proxies = new Set<StaticProxy>();
  readonly #uncaught: string[] = [];
  readonly #sockets = openSockets();
  readonly #memory = heldBytes();
  readonly #onUncaught = (error: unknown) => void this.#uncaught.push(String(error));
  readonly #onWarning = (warning: Error) => {
    if (warnings.includes(warning.name)) this.#uncaught.push(String(warning));
  };

  constructor() {
    process.on('uncaughtExceptionMonitor', this.#onUncaught);
    process.on('warning', this.#onWarning);
  }

  /** From now on this proxy is held to them. */
  watch(proxy: StaticProxy): StaticProxy {
    this.#proxies.add(proxy);
    return proxy;
  }

  /** After a test: waits until nobody is connected and nothing runs, and judges what has been told. */
  async settle(): Promise<void> {
    for (const proxy of this.#proxies) {
      await until(
        () => proxy.quiet,
        'connections and requests to end',
        5_000,
        () => JSON.stringify(proxy.describe()),
      );
    }
    expect(this.#uncaught.splice(0)).toEqual([]);
  }

  /** Closes a proxy that is quiet. */
  async close(proxy: StaticProxy): Promise<void> {
    this.#proxies.delete(proxy);
    expect(await proxy.metric('heddle_connections')).toBe(0);
    judgeLog(proxy.logged);
    await proxy.close();
  }

  /** After the last test: closes what is left, then nothing of it may remain. */
  async finish(): Promise<void> {
    for (const proxy of this.#proxies) await this.close(proxy);
    await until(
      () => openSockets() <= this.#sockets,
      'sockets to close',
      5_000,
      () => String(process.getActiveResourcesInfo()),
    );
    // What a broken connection still had to send is let go when the kernel has told of its end.
    await until(
      () => heldBytes() - this.#memory < memoryAllowance,
      'memory to come back',
      15_000,
      () => `${heldBytes() - this.#memory} bytes more than before`,
    );
    process.off('uncaughtExceptionMonitor', this.#onUncaught);
    process.off('warning', this.#onWarning);
    expect(this.#uncaught).toEqual([]);
  }
}

function judgeLog(lines: readonly string[]): void {
  const seen = new Map<string, number>();
  for (const line of lines) {
    expect(line).toMatch(/^[ -~]*\n?$/);
    const { message, reason, time } = JSON.parse(line) as { message: string; reason?: string; time: string };
    if (message !== 'refused') continue;
    const key = `${reason} ${time.slice(0, 19)}`;
    seen.set(key, (seen.get(key) ?? 0) + 1);
  }
  // A second of the limit may begin in the middle of one of the calendar's.
  for (const [key, count] of seen) expect(count, key).toBeLessThanOrEqual(2 * maxLinesPerSecond);
}
