import type { Cluster } from '../cluster.ts';
import type { EndpointConfig } from '../cluster-config.ts';
import type { Endpoint } from '../endpoint.ts';
import type { PoolDependencies } from '../http-pool.ts';
import { EndpointCheck } from './endpoint-check.ts';
import type { HealthCheckConfig } from './health-check-config.ts';
import { grpcExchange, httpExchange } from './http-exchanges.ts';
import { HttpProbe } from './http-probe.ts';
import type { Probe } from './probe.ts';
import { TcpProbe } from './tcp-probe.ts';

/**
 * The active health checks of a cluster. An endpoint that was not checked yet counts as failed; a cluster that begins
 * is in panic until the first answers are there, and so uses them all.
 */
export class HealthChecks {
  readonly #config: HealthCheckConfig;
  readonly #cluster: Cluster;
  readonly #deps: PoolDependencies;
  readonly #checks = new Map<Endpoint, { check: EndpointCheck; port: number }>();

  constructor(config: HealthCheckConfig, cluster: Cluster, deps: PoolDependencies) {
    this.#config = config;
    this.#cluster = cluster;
    this.#deps = deps;
  }

  /** Call before the selector learns of the endpoints. */
  update(endpoints: readonly Endpoint[]): void {
    const wanted = new Set(endpoints.filter(({ config }) => config.check?.disabled !== true));
    for (const [endpoint, { check, port }] of this.#checks) {
      if (wanted.has(endpoint) && port === this.#address(endpoint).port) continue;
      check.close();
      this.#checks.delete(endpoint);
    }
    const fresh = [...wanted].filter((endpoint) => !this.#checks.has(endpoint));
    for (const endpoint of fresh) {
      // One that is checked at another port now keeps its verdict until it is known better.
      if (endpoint.checked) continue;
      endpoint.checked = true;
      endpoint.signals.checkFailed = true;
    }
    for (const endpoint of fresh) this.#start(endpoint);
  }

  /** Ends all checks; what they found last stays. */
  close(): void {
    for (const { check } of this.#checks.values()) check.close();
    this.#checks.clear();
  }

  #start(endpoint: Endpoint): void {
    const { wheel, random } = this.#deps;
    const { selector } = this.#cluster;
    const check = new EndpointCheck(
      this.#config,
      this.#probe(endpoint),
      {
        onVerdict: (verdict, reason, detail) => selector.onCheck(endpoint, verdict, reason, detail),
        onFailure: (reason, detail) => {
          if (this.#config.logFailures) selector.onCheckMissed(endpoint, reason, detail);
        },
        hasTraffic: () => this.#cluster.hadRequests,
      },
      { wheel, random },
    );
    this.#checks.set(endpoint, { check, port: this.#address(endpoint).port });
    // Not at once: the selector does not know the endpoint yet.
    wheel.start(0, () => {
      if (this.#checks.get(endpoint)?.check === check) check.start();
    });
  }

  #probe(endpoint: Endpoint): Probe {
    const { probe, reuseConnection } = this.#config;
    const { config } = this.#cluster;
    const address = () => this.#address(endpoint);
    if (probe.kind === 'tcp') return new TcpProbe(probe, config, address, this.#deps);
    const scheme = endpoint.config.tls ? 'https' : 'http';
    const named = endpoint.config.check?.hostname ?? '';
    const own = probe.kind === 'http' ? probe.host : probe.authority;
    const authority = named !== '' ? named : own !== '' ? own : config.name;
    const exchange =
      probe.kind === 'http' ? httpExchange(probe, authority, scheme) : grpcExchange(probe, authority, scheme);
    return new HttpProbe(exchange, this.#cluster, endpoint, address, this.#deps, { keepConnection: reuseConnection });
  }

  #address({ config }: Endpoint): EndpointConfig {
    const port = config.check?.port ?? this.#config.port ?? config.port;
    return { ...config, address: config.check?.address ?? config.address, port };
  }
}
