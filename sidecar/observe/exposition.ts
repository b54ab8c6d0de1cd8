import type { Metric, Registry } from 'prom-client';
import type { MetricFamily } from './metric-family.ts';

export interface RenderedMetrics {
  contentType: string;
  body: string;
}

/**
 * Renders families in the Prometheus text format through prom-client, which is loaded with the first scrape: a
 * proxy that nobody scrapes does not pay for it. Families are registered as plain objects whose `get()` hands out
 * the values, since the library's own classes cannot be given a histogram's buckets.
 */
export class Exposition {
  readonly #families: readonly MetricFamily[];
  #registry: Promise<Registry> | undefined;

  constructor(families: readonly MetricFamily[]) {
    this.#families = families;
  }

  async render(): Promise<RenderedMetrics> {
    this.#registry ??= register(this.#families);
    const registry = await this.#registry;
    return { contentType: registry.contentType, body: await registry.metrics() };
  }
}

async function register(families: readonly MetricFamily[]): Promise<Registry> {
  const { Registry } = (await import('prom-client')).default;
  const registry = new Registry();
  for (const family of families) {
    const { name, help, type } = family;
    const metric = { name, help, type, aggregator: 'sum', get: () => ({ name, help, type, values: family.collect() }) };
    // The declared type is that of the library's classes; its registry asks for no more than name and get().
    registry.registerMetric(metric as unknown as Metric<string>);
  }
  return registry;
}
