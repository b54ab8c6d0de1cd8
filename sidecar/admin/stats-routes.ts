import type { RenderedMetrics } from '../observe/exposition.ts';
import { type AdminResponse, type AdminRoute, json, text, wantsJson } from './admin-route.ts';

/** One line of `/stats`. */
export interface StatValue {
  name: string;
  value: number;
}

/** The part of the observer that the admin port reads. */
export interface MetricsSource {
  renderMetrics(): Promise<RenderedMetrics>;
  stats(): StatValue[] | Promise<StatValue[]>;
}

export function statsRoutes(metrics: MetricsSource): AdminRoute[] {
  const prometheus = async (): Promise<AdminResponse> => {
    const { contentType, body } = await metrics.renderMetrics();
    return { status: 200, contentType, body };
  };
  const stats = async (query: URLSearchParams): Promise<AdminResponse> => {
    if (query.get('format') === 'prometheus') return prometheus();
    const isWanted = nameFilter(query.get('filter') ?? '');
    const found = (await metrics.stats()).filter(({ name }) => isWanted(name));
    if (wantsJson(query)) return json({ stats: found });
    return text(found.map(({ name, value }) => `${name}: ${value}\n`).join(''));
  };
  return [
    { method: 'GET', path: '/stats', help: 'all metrics; ?filter=a|b, ?format=json|prometheus', handle: stats },
    { method: 'GET', path: '/stats/prometheus', help: 'metrics in the Prometheus format', handle: prometheus },
    { method: 'GET', path: '/metrics', help: 'the same', handle: prometheus },
  ];
}

/**
 * Alternatives separated by `|`, each of parts that occur in this order, separated by `.*`, without regard to case.
 * Not a regular expression: one written badly would hold up the proxy.
 */
export function nameFilter(filter: string): (name: string) => boolean {
  const alternatives = filter
    .toLowerCase()
    .split('|')
    .map((alternative) => alternative.split('.*'));
  return (name) => alternatives.some((parts) => containsInOrder(name.toLowerCase(), parts));
}

function containsInOrder(name: string, parts: readonly string[]): boolean {
  let position = 0;
  for (const part of parts) {
    const found = name.indexOf(part, position);
    if (found < 0) return false;
    position = found + part.length;
  }
  return true;
}
