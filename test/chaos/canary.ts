import http from 'node:http';

/** A neighbour that only wants to be served: 50 requests a second on connections of its own (invariant I4). */
export class Canary {
  readonly #port: number;
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
  readonly #timer: NodeJS.Timeout;
  #latencies: number[] = [];
  #failures: string[] = [];

  constructor(port: number, perSecond = 50) {
    this.#port = port;
    this.#timer = setInterval(() => this.#ask(), 1000 / perSecond);
  }

  /** What was seen since the last call. */
  take(): { answered: number; failures: readonly string[]; p99Ms: number } {
    const sorted = this.#latencies.sort((a, b) => a - b);
    const p99Ms = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))] ?? 0;
    const taken = { answered: sorted.length, failures: this.#failures, p99Ms };
    this.#latencies = [];
    this.#failures = [];
    return taken;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#agent.destroy();
  }

  #ask(): void {
    const begun = performance.now();
    const request = http.get(
      { host: '127.0.0.1', port: this.#port, path: '/canary', agent: this.#agent, timeout: 10_000 },
      (response) => {
        response.on('data', () => {});
        response.on('end', () => {
          if (response.statusCode === 200) this.#latencies.push(performance.now() - begun);
          else this.#failures.push(String(response.statusCode));
        });
        response.on('error', (error) => this.#failures.push(error.message));
      },
    );
    request.on('timeout', () => request.destroy(new Error('no answer within 10 s')));
    request.on('error', (error) => this.#failures.push(error.message));
  }
}
