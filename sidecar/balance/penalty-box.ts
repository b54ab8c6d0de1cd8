import type { BalancedEndpoint } from './balancer.ts';

/** Whatever an endpoint asks for, it is avoided no longer than this, in milliseconds (security.md AZ-25). */
const longestMs = 60_000;

/**
 * Keeps requests away from endpoints that answered 429 or 503 with `Retry-After`, for as long as they ask, while there
 * are others. Owns `signals.avoided`.
 */
export class PenaltyBox<E extends BalancedEndpoint> {
  readonly #until = new Map<E, number>();
  #next = Number.POSITIVE_INFINITY;

  /** Endpoints avoided now. */
  get size(): number {
    return this.#until.size;
  }

  /** `now` is of the monotonic clock. */
  avoid(endpoint: E, ms: number, now: number): void {
    if (!(ms > 0)) return;
    const until = now + Math.min(ms, longestMs);
    this.#until.set(endpoint, Math.max(until, this.#until.get(endpoint) ?? 0));
    endpoint.signals.avoided = true;
    this.#schedule();
  }

  /** Lets those go whose time is over. Cheap when nothing is due; call before a pick. */
  refresh(now: number): void {
    if (now < this.#next) return;
    for (const [endpoint, until] of this.#until) if (until <= now) this.#release(endpoint);
    this.#schedule();
  }

  /** Forgets endpoints that went. */
  update(endpoints: readonly E[]): void {
    if (this.#until.size === 0) return;
    const staying = new Set(endpoints);
    for (const endpoint of this.#until.keys()) if (!staying.has(endpoint)) this.#release(endpoint);
    this.#schedule();
  }

  #release(endpoint: E): void {
    this.#until.delete(endpoint);
    endpoint.signals.avoided = false;
  }

  #schedule(): void {
    this.#next = Number.POSITIVE_INFINITY;
    for (const until of this.#until.values()) this.#next = Math.min(this.#next, until);
  }
}

/**
 * The value of `Retry-After` in milliseconds from `wallTime`, at most a minute; 0 for what is neither seconds nor a
 * date, or lies in the past (RFC 9110, section 10.2.3).
 */
export function parseRetryAfter(value: string, wallTime: number): number {
  if (value.length > 40) return 0;
  if (/^\d+$/.test(value)) return Math.min(longestMs, Number(value) * 1_000);
  // A date begins with the name of a day; Date.parse alone would take "1e9" or "-5" for years.
  const date = /^[A-Z][a-z]{2,8},? /.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? 0 : Math.min(longestMs, Math.max(0, date - wallTime));
}
