import { Counter, Gauge, Registry as MetricsRegistry } from 'prom-client';
import { kinds } from '../config/kinds.ts';
import type { ApiParts } from './api-parts.ts';

/** Metrics of the control plane in Prometheus's text format. Labels come from fixed lists only (security.md UI-17). */
export class ApiMetrics {
  readonly #registry = new MetricsRegistry();
  readonly #requests: Counter<'method' | 'code'>;

  constructor({ store, registry, proxies, configProblems }: ApiParts) {
    const registers = [this.#registry];
    this.#requests = new Counter({
      name: 'heddle_api_requests_total',
      help: 'Requests to the API, by method and status.',
      labelNames: ['method', 'code'],
      registers,
    });
    const gauge = (name: string, help: string, read: () => number) =>
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read());
        },
      });
    gauge('heddle_snapshot_revision', 'Revision of the mesh snapshot.', () => registry.snapshots.value.revision);
    gauge('heddle_resource_version', 'Version of the last change of an object.', () => store.resourceVersion);
    gauge('heddle_config_problems', 'Problems in watched folders now.', () => configProblems().length);
    gauge('heddle_connected_proxies', 'Proxies with an open xDS stream.', () => {
      return proxies.proxies().filter((proxy) => proxy.connected).length;
    });
    gauge('heddle_proxies_refusing', 'Connected proxies that refuse a resource.', () => {
      const refuses = (types: Record<string, { state: string }>) =>
        Object.values(types).some((t) => t.state === 'NACK');
      return proxies.proxies().filter((proxy) => proxy.connected && refuses(proxy.types)).length;
    });
    gauge('process_resident_memory_bytes', 'Resident memory size in bytes.', () => process.memoryUsage.rss());
    gauge('process_cpu_seconds_total', 'CPU time of the process in seconds.', () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    });
    new Gauge({
      name: 'heddle_objects',
      help: 'Objects in the store, by kind.',
      labelNames: ['kind'],
      registers,
      collect() {
        for (const { kind } of kinds) this.set({ kind }, store.list(kind).length);
      },
    });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  countRequest(method: string, code: number): void {
    const known = ['GET', 'HEAD', 'POST'].includes(method) ? method : 'other';
    this.#requests.inc({ method: known, code: String(code) });
  }

  render(): Promise<string> {
    return this.#registry.metrics();
  }
}
