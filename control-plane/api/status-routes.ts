import type { Info } from '../../proto/api/v1.ts';
import type { ApiParts } from './api-parts.ts';
import { type ApiRoute, json, text } from './api-route.ts';
import type { ApiMetrics } from './metrics.ts';

/** How the control plane itself is. */
export function statusRoutes(parts: ApiParts, metrics: ApiMetrics): readonly ApiRoute[] {
  return [
    {
      method: 'GET',
      pattern: '/api/v1/info',
      handle: ({ request }) => {
        const { version, startedAt, registry, ports, configProblems } = parts;
        const problems = configProblems();
        const info: Info = {
          version,
          trustDomain: registry.snapshots.value.trustDomain,
          startedAt,
          ports: { ...ports(), api: request.socket.localPort ?? 0 },
          ...(problems.length === 0 ? {} : { configProblems: [...problems] }),
        };
        return json(info);
      },
    },
    { method: 'GET', pattern: '/healthz', handle: () => text('ok\n') },
    {
      method: 'GET',
      pattern: '/readyz',
      handle: () => {
        // Reading the counter proves that the store answers; a failure becomes 503.
        void parts.store.resourceVersion;
        return parts.ports().xds === 0 ? text('starting\n', 503) : text('ok\n');
      },
    },
    {
      method: 'GET',
      pattern: '/metrics',
      handle: async () => ({ status: 200, contentType: metrics.contentType, body: await metrics.render() }),
    },
  ];
}
