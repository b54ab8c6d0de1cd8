import type { BalancedEndpoint } from './balancer.ts';

export interface OutlierOptions {
  /** Failures in a row that eject. Default 5. */
  consecutiveFailures: number;
  /** An endpoint stays out so long, times the ejections it had lately, in milliseconds. Default 30,000. */
  baseEjectionMs: number;
  /** But no longer than this, in milliseconds. Default 300,000. */
  maxEjectionMs: number;
  /** At most this share of the endpoints is out at one time. Default 50. */
  maxEjectionPercent: number;
}

export const defaultOutlierOptions: OutlierOptions = {
  consecutiveFailures: 5,
  baseEjectionMs: 30_000,
  maxEjectionMs: 300_000,
  maxEjectionPercent: 50,
};

/**
 * - `serving`: takes requests.
 * - `ejected`: takes none until its time is over.
 * - `half-open`: takes one request, which decides.
 * - `probing`: that request is on its way.
 */
export type OutlierState = 'serving' | 'ejected' | 'half-open' | 'probing';

interface Host {
  state: OutlierState;
  failures: number;
  /** Lowered by one for each base time in service. */
  ejections: number;
  /** When the state began; for `ejected` and `probing`, when it ends. */
  until: number;
  servingSince: number;
}

/**
 * Passive health checking: takes an endpoint that only fails out of service for a while. It owns
 * `endpoint.available` (healthy by discovery and not ejected). Times are of the monotonic clock in milliseconds.
 *
 * Around each request: {@link refresh}, pick, {@link onStart}, then {@link onResult} or {@link onCancel}.
 */
export class OutlierDetector<E extends BalancedEndpoint> {
  readonly #options: OutlierOptions;
  #hosts = new Map<E, Host>();
  /** When the next endpoint changes by time alone. */
  #nextChange = Number.POSITIVE_INFINITY;

  constructor(options: Partial<OutlierOptions> = {}) {
    this.#options = { ...defaultOutlierOptions, ...options };
  }

  /** Endpoints out of service now, those that wait for their probe included. */
  get ejected(): number {
    let count = 0;
    for (const host of this.#hosts.values()) if (host.state !== 'serving') count++;
    return count;
  }

  stateOf(endpoint: E): OutlierState {
    return this.#hosts.get(endpoint)?.state ?? 'serving';
  }

  /** The endpoints from now on; call also when discovery changed their health. */
  update(endpoints: readonly E[], now: number): void {
    const before = this.#hosts;
    this.#hosts = new Map(endpoints.map((endpoint) => [endpoint, before.get(endpoint) ?? newHost(now)]));
    for (const [endpoint, host] of this.#hosts) endpoint.available = isAvailable(endpoint, host);
    // Endpoints that went may leave too few in service: those that would return first do so now.
    const out = [...this.#hosts]
      .filter(([, host]) => host.state !== 'serving')
      .sort(([, a], [, b]) => a.until - b.until);
    for (const [endpoint, host] of out) {
      if (this.ejected <= this.#maxEjected() && this.#availableBut() > 0) break;
      this.#serve(endpoint, host, now);
    }
    this.#schedule();
  }

  /** Lets endpoints whose time is over take their probe. Cheap when nothing is due; call before a pick. */
  refresh(now: number): void {
    if (now < this.#nextChange) return;
    for (const [endpoint, host] of this.#hosts) {
      // A probe without an answer is given up after its time, or the endpoint would stay out for ever.
      if ((host.state !== 'ejected' && host.state !== 'probing') || host.until > now) continue;
      host.state = 'half-open';
      endpoint.available = isAvailable(endpoint, host);
    }
    this.#schedule();
  }

  /** A request goes to the endpoint. */
  onStart(endpoint: E, now: number): void {
    const host = this.#hosts.get(endpoint);
    if (host?.state !== 'half-open') return;
    host.state = 'probing';
    host.until = now + this.#options.baseEjectionMs;
    endpoint.available = false;
    this.#schedule();
  }

  /** How the request went; `failed` as in `Balancer.onResult`. Says whether the endpoint was ejected by it. */
  onResult(endpoint: E, failed: boolean, now: number): boolean {
    const host = this.#hosts.get(endpoint);
    if (host === undefined) return false;
    if (!failed) {
      host.failures = 0;
      if (host.state === 'probing' || host.state === 'half-open') this.#serve(endpoint, host, now);
      return false;
    }
    if (host.state === 'ejected') return false;
    if (host.state === 'serving') {
      host.failures++;
      if (host.failures < this.#options.consecutiveFailures || !this.#mayEject(endpoint)) return false;
      const served = Math.floor((now - host.servingSince) / this.#options.baseEjectionMs);
      host.ejections = Math.max(0, host.ejections - served);
    }
    this.#eject(endpoint, host, now);
    return true;
  }

  /** The request ended without telling anything of the endpoint, for example because the client went away. */
  onCancel(endpoint: E): void {
    const host = this.#hosts.get(endpoint);
    if (host?.state !== 'probing') return;
    host.state = 'half-open';
    endpoint.available = isAvailable(endpoint, host);
  }

  #mayEject(endpoint: E): boolean {
    return this.ejected < this.#maxEjected() && this.#availableBut(endpoint) > 0;
  }

  #maxEjected(): number {
    return Math.floor((this.#hosts.size * this.#options.maxEjectionPercent) / 100);
  }

  #availableBut(excluded?: E): number {
    let count = 0;
    for (const endpoint of this.#hosts.keys()) if (endpoint.available && endpoint !== excluded) count++;
    return count;
  }

  #eject(endpoint: E, host: Host, now: number): void {
    host.state = 'ejected';
    host.failures = 0;
    host.ejections++;
    host.until = now + Math.min(this.#options.maxEjectionMs, this.#options.baseEjectionMs * host.ejections);
    endpoint.available = false;
    this.#schedule();
  }

  #serve(endpoint: E, host: Host, now: number): void {
    host.state = 'serving';
    host.failures = 0;
    host.servingSince = now;
    endpoint.available = isAvailable(endpoint, host);
  }

  #schedule(): void {
    this.#nextChange = Number.POSITIVE_INFINITY;
    for (const { state, until } of this.#hosts.values()) {
      if (state === 'ejected' || state === 'probing') this.#nextChange = Math.min(this.#nextChange, until);
    }
  }
}

function newHost(now: number): Host {
  return { state: 'serving', failures: 0, ejections: 0, until: 0, servingSince: now };
}

function isAvailable(endpoint: BalancedEndpoint, host: Host): boolean {
  return endpoint.config.healthy && (host.state === 'serving' || host.state === 'half-open');
}
