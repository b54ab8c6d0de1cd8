import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { type AdminRoute, text } from './admin-route.ts';
import type { AdminSource } from './admin-source.ts';
import { configRoutes } from './config-routes.ts';
import { refusalOf } from './local-request.ts';
import { processRoutes, readiness } from './process-routes.ts';
import { type RunningServer, serveRoutes } from './serve-routes.ts';
import { type MetricsSource, statsRoutes } from './stats-routes.ts';

export interface AdminOptions {
  /** Default 127.0.0.1; the port knows no other protection than being local. */
  address?: string;
  /** 0 picks a free one. */
  port: number;
  source: AdminSource;
  metrics: MetricsSource;
  clock: Clock;
  log: Log;
}

/** Serves Envoy's admin paths on a local port. Rejects when the port cannot be bound. */
export function startAdmin(options: AdminOptions): Promise<RunningServer> {
  const { source, metrics, clock, log } = options;
  const routes: AdminRoute[] = [
    ...processRoutes(source),
    ...statsRoutes(metrics),
    ...configRoutes(source, () => clock.wallTime()),
  ];
  const help = () => text(helpText(routes));
  routes.push({ method: 'GET', path: '/', help: 'this list', handle: help });
  routes.push({ method: 'GET', path: '/help', help: 'this list', handle: help });
  return serveRoutes({ address: options.address ?? '127.0.0.1', port: options.port, routes, log, refuse: refusalOf });
}

function helpText(routes: readonly AdminRoute[]): string {
  const lines = routes
    .toSorted((a, b) => (a.path < b.path ? -1 : 1))
    .map(({ method, path, help }) => `  ${path}${method === 'POST' ? ' (POST)' : ''}: ${help}\n`);
  return `admin commands are:\n${lines.join('')}`;
}

export interface MetricsServerOptions {
  address: string;
  /** 0 picks a free one. Usual: 15090 for metrics, 15021 for health. */
  port: number;
  metrics: MetricsSource;
  ready: AdminSource['ready'];
  log: Log;
}

/**
 * Serves metrics and readiness alone, for scrapers and probes from other machines: `/metrics`, `/stats/prometheus`,
 * `/ready` and Istio's `/healthz/ready`. Nothing there can change anything or shows configuration.
 */
export function startMetricsServer(options: MetricsServerOptions): Promise<RunningServer> {
  const { address, port, metrics, log } = options;
  const ready = () => readiness(options);
  const routes: AdminRoute[] = [
    ...statsRoutes(metrics).filter(({ path }) => path !== '/stats'),
    { method: 'GET', path: '/ready', help: '', handle: ready },
    { method: 'GET', path: '/healthz/ready', help: '', handle: ready },
  ];
  return serveRoutes({ address, port, routes, log });
}
